import type { Incremental, Warn } from "../../engine/ports.ts";
import type { HttpResponse } from "../../http/message.ts";
import type { ResumePoint } from "../../model/position.ts";
import type { Path, SourceRecord } from "../../model/record.ts";
import type { Answer } from "./answer.ts";
import type { Facts } from "./facts.ts";
import type { PageFailure } from "./page-failure.ts";

/** What one page showed of the way on. */
export interface PageSeen {
  readonly response: HttpResponse;
  readonly answer: Answer;
  /** By what the source said that there is no such page; null where it gave one. */
  readonly pastEnd: PastEnd | null;
  readonly fail: PageFailure;
}

export interface PastEnd {
  readonly text: string;
  /** Null where the answer was a success without a list. */
  readonly status: number | null;
}

export interface WalkStep {
  /** The records to hand on: those of the page, unless it only repeats one. */
  readonly records: readonly SourceRecord[];
  /** Whether there is another page to ask for, at the walk's place. */
  readonly more: boolean;
  /** As a `Page` has it. */
  readonly partial?: boolean;
}

/** Goes from page to page of one read. */
export interface Walk {
  /** Where the next page is; null asks for the first page without saying where. */
  readonly place: ResumePoint | null;
  /** Where a later run goes on, if this one ends before the next page is written. */
  readonly resumePlace: ResumePoint | null;
  /** Whether an answer without a list, to the request for the next page, says that there is no such page. */
  readonly mayBePastEnd: boolean;
  /** Whether such a status, in answer to the request for the next page, says that there is no such page. */
  isPastEnd(status: number): boolean;
  /**
   * Takes in a page and goes on to the next. Where none follows, `finish` says whether that is well.
   * Throws `SOURCE_INVALID` for an answer that does not say what is declared.
   */
  advance(page: PageSeen): WalkStep;
  /**
   * Called once the last page has been handed on. Throws where the walk stopped early (promise P15):
   * `SOURCE_TRUNCATED` where the source told of more than it gave, `PAGE_REPEATED` for a token or
   * link that was followed before and for a page that came in place of another, `PAGE_CAP_REACHED`.
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
