import type { Column } from "../databases/port.ts";
import type { Cursor } from "../model/cursor.ts";
import type { Position, ResumePoint } from "../model/position.ts";
import type { SourceRecord } from "../model/record.ts";
import type { BoundOutcome } from "./bound-outcome.ts";
import type { Incremental } from "./incremental.ts";
import type { PartContext } from "./part-context.ts";

/** The range `(lower, upper]` that a run reads; frozen when it begins. Null is unbounded. */
export interface Window {
  readonly lower: Cursor | null;
  readonly upper: Cursor | null;
}

export interface ReadRequest {
  readonly window: Window;
  /** Values of the further cursors, by role, as the last position had them. */
  readonly secondaryCursors: Position["secondaryCursors"];
  /** Where to go on inside an unfinished window; null reads it from its start. */
  readonly resume: ResumePoint | null;
  /** Which partition to read; absent in a stream without any. */
  readonly partition?: string;
  /** For a source-managed cursor: when the reading that the last completed run brought to an end began. */
  readonly since?: string | null;
  readonly signal: AbortSignal;
}

/**
 * What one read returns. The engine passes records on by reference. It looks at no more of them than their cursors and
 * their key; at all of a record only where it has no key, or where an output replaces rows.
 */
export interface Page {
  readonly records: readonly SourceRecord[];
  /**
   * Whether some of the records are stand-ins made by `unreadableRecord`. The output's `onError` decides about
   * what they stand for, as about every record that cannot be read.
   */
  readonly holdsUnreadable?: boolean;
  /** Where the next page would be read, for a resume point; null where the page cannot tell. */
  readonly next: ResumePoint | null;
  /**
   * For a source-managed cursor: its value once this page's records, and all before them, are delivered.
   * Without it nothing covers the page's records yet; what a page of an append brings then waits for
   * the next cursor, or for the run's end, before it is committed.
   */
  readonly cursor?: string;
  /** What is known of the records' columns, where the source knows it. */
  readonly columns?: readonly Column[];
  /** Whether records were left out that had come before: what is left may look like the page before it. */
  readonly partial?: boolean;
  /** For messages about the page: the address that it came from, without secrets, and the parameter that carried its place. */
  readonly asked?: { readonly address: string; readonly parameter: string | null };
  /** For inputs that learn it from an answer; `InputSession.now` is for those that can ask. */
  readonly clockAhead?: ClockAhead;
}

/** How far a source's clock is ahead of the clock here, in milliseconds; below 0 where it is behind. */
export interface ClockAhead {
  /** For where a window ends: of two clocks that nearly agree the earlier one, and of a doubt the lower end. */
  readonly least: number;
  /** For what lies in the future: of two clocks that nearly agree the later one. */
  readonly most: number;
}

/** What an input is given when a run opens it. */
export interface InputContext extends PartContext {
  /** What earlier runs of the stream learned of its source: see `InputSession.facts`. Absent is nothing. */
  readonly facts?: ReadonlySet<string>;
}

/**
 * Reads records from a source.
 *
 * The engine calls `open` once a run, then `read` once, and pulls pages one after another, asking
 * for the next while the one before is being written. It calls `close` at the end, also after an
 * error. `read` ends when the source has said that nothing follows, and throws in every other case
 * (promise P15): `SOURCE_UNAVAILABLE` after retries, `SOURCE_TRUNCATED`, `PAGE_CAP_REACHED` …
 * Asked to resume at a place that the source no longer knows, it throws `RESUME_REFUSED` before the
 * first page, and the engine reads the window from its start.
 *
 * The lower bound is to be sent so that every record at or above it comes back: one step lower
 * where the source compares strictly. Records below it are dropped by the engine.
 */
export interface Input {
  readonly kind: string;
  readonly incremental: Incremental;
  open(context: InputContext): Promise<InputSession>;
}

export interface InputSession {
  /** Asked once a run, or once a slice or partition, with several being read at the same time. */
  read(request: ReadRequest): AsyncIterable<Page>;
  /** The source's own clock in milliseconds since 1970, where it has one; bounds are frozen by it. */
  now?(): Promise<number>;
  /**
   * The highest cursor that nothing still uncommitted in the source can come in at or below; null
   * where there is no such doubt. Asked once a run, before the first read, with where the stream
   * stands. The window then ends there, and what lies past it is left to a later run.
   */
  safeUpper?(position: Position): Promise<Cursor | null>;
  /**
   * Whether records past the answer of `safeUpper` are delivered all the same, ahead of time, and known
   * again by their identity: where the answer lies far below the present because cursors say so little of when
   * they were (days). Asked after `safeUpper`. Default: no.
   */
  readsPast?(): boolean;
  /**
   * What is to be kept with the stream's position for the next run's `safeUpper`, which finds it as
   * the position's `note`; undefined to keep none. Asked once, after `safeUpper`.
   */
  note?(): string | undefined;
  /**
   * The lowest cursor that the source may answer with, asked from a lower bound: what is sent may lie
   * lower, and a source may compare texts. Without it, the bound itself.
   */
  reach?(lower: string): string;
  /**
   * All that is known of the source by now: what `InputContext.facts` said, and what this run saw. Asked
   * at each commit and at the run's end; the engine keeps it with the stream's position and gives it to
   * the next run. A fact is a short text in the input's own words, for example that a next page's token
   * was seen at its path. Backfills and previews are given the facts and change none.
   */
  facts?(): ReadonlySet<string>;
  /**
   * Called at the end of a live run that read no record, not even the one at the watermark, before the position is
   * kept: for inputs that can tell a quiet source from one that was emptied and begins anew. It warns.
   */
  readNothing?(watermark: string): Promise<void>;
  /**
   * Whether it is not known yet that the lower bound finds the record at the watermark again, so that the run is to
   * look for it. Asked once a live run. Default: no.
   */
  watchesBound?(): boolean;
  /** Told at the end of a live run, before the position is kept, what the run has shown of the bound. */
  sawBound?(outcome: BoundOutcome): void;
  /** The names of the stream's partitions, page by page, for an input that declares them. */
  partitions?(signal: AbortSignal): AsyncIterable<readonly string[]>;
  close(): Promise<void>;
}
