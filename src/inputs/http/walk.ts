import type { Incremental, Warn } from "../../engine/ports.ts";
import type { HttpResponse } from "../../http/message.ts";
import type { ResumePoint } from "../../model/position.ts";
import type { Path, SourceRecord } from "../../model/record.ts";
import type { Answer } from "./answer.ts";
import type { Facts } from "./facts.ts";
import type { PageFailure } from "./page-failure.ts";

/** What one page showed about the next one. */
export interface PageSeen {
  readonly response: HttpResponse;
  readonly answer: Answer;
  /** How the source reported that there is no such page; null where it returned one. */
  readonly pastEnd: PastEnd | null;
  readonly fail: PageFailure;
}

export interface PastEnd {
  readonly text: string;
  /** Null where the answer was a success without a list. */
  readonly status: number | null;
}

export interface WalkStep {
  /** The records to pass on: those of the page, unless it only repeats one. */
  readonly records: readonly SourceRecord[];
  /** Whether there is another page to request, at the walk's place. */
  readonly more: boolean;
  /** As a `Page` has it. */
  readonly partial?: boolean;
}

/** Goes from page to page of one read. */
export interface Walk {
  /** The next page's place; null requests the first page without a place. */
  readonly place: ResumePoint | null;
  /** The resume point, if this run ends before the next page is written. */
  readonly resumePlace: ResumePoint | null;
  /** Whether an answer without a list to the next request means that there is no such page. */
  readonly mayBePastEnd: boolean;
  /** Whether this status as an answer to the next request means that there is no such page. */
  isPastEnd(status: number): boolean;
  /**
   * Adds a page and moves to the next. Where none follows, `finish` checks whether that is valid. Throws
   * `SOURCE_INVALID` for an answer without the declared fields.
   */
  advance(page: PageSeen): WalkStep;
  /**
   * Call once the last page has been passed on. Throws where the walk stopped early (promise P15): `SOURCE_TRUNCATED`
   * where the source returned less than its total, `PAGE_REPEATED` for a token or link that was followed before and for
   * a page that came in place of another, `PAGE_CAP_REACHED`.
   */
  finish(): void;
}

export interface WalkParts {
  readonly incremental: Incremental;
  /** Where the records are in an answer; null where it is their list. */
  readonly dataField: Path | null;
  /** Whether the requests have a bound, and whether they are for one partition. */
  readonly isBounded: boolean;
  readonly isPartition: boolean;
  readonly facts: Facts;
  readonly warn: Warn;
}
