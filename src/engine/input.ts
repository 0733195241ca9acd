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
  /** For a source-managed cursor: when the read that the last completed run finished had begun. */
  readonly since?: string | null;
  readonly signal: AbortSignal;
}

/**
 * What one read returns. The engine passes records on by reference. It reads only their cursors and key. It reads the
 * whole record only where there is no key, or where an output replaces rows.
 */
export interface Page {
  readonly records: readonly SourceRecord[];
  /**
   * Whether some of the records are stand-ins made by `unreadableRecord`. The output's `onError` decides about
   * what they stand for, as about every record that cannot be read.
   */
  readonly holdsUnreadable?: boolean;
  /** Where the next page would be read, for a resume point; null where that is unknown. */
  readonly next: ResumePoint | null;
  /**
   * For a source-managed cursor: its value once this page's records, and all before them, are delivered. Without it the
   * page's records are not covered yet. An output that appends then commits them with the next cursor, or at the run's
   * end.
   */
  readonly cursor?: string;
  /** The types of the records' columns, where the source knows them. */
  readonly columns?: readonly Column[];
  /** Whether records were left out because an earlier page had them; the rest may look like the page before it. */
  readonly partial?: boolean;
  /** For messages about the page: the address that it came from, without secrets, and the parameter that carried its place. */
  readonly asked?: { readonly address: string; readonly parameter: string | null };
  /** The source's clock, for inputs that learn it from a response. Inputs that can query it use `InputSession.now`. */
  readonly clockAhead?: ClockAhead;
}

/** How far a source's clock is ahead of the clock here, in milliseconds; below 0 where it is behind. */
export interface ClockAhead {
  /** For the end of a window: the earlier of two clocks that nearly agree, and the lower end of an uncertain value. */
  readonly least: number;
  /** For what lies in the future: of two clocks that nearly agree the later one. */
  readonly most: number;
}

/** What an input receives when a run opens it. */
export interface InputContext extends PartContext {
  /** What earlier runs of the stream learned of its source: see `InputSession.facts`. Absent is nothing. */
  readonly facts?: ReadonlySet<string>;
}

/**
 * Reads records from a source.
 *
 * The engine calls `open` once a run, then `read` once. It pulls pages one after another, and requests the next page
 * while it writes the one before. It calls `close` at the end, also after an error. `read` ends when the source has
 * said that nothing follows, and throws in every other case (promise P15): `SOURCE_UNAVAILABLE` after retries,
 * `SOURCE_TRUNCATED`, `PAGE_CAP_REACHED` … Asked to resume at a place that the source no longer knows, it throws
 * `RESUME_REFUSED` before the first page, and the engine reads the window from its start.
 *
 * Send the lower bound so that the source returns every record at or above it: one step lower where the source compares
 * strictly. The engine drops records below it.
 */
export interface Input {
  readonly kind: string;
  readonly incremental: Incremental;
  open(context: InputContext): Promise<InputSession>;
}

export interface InputSession {
  /** Called once a run, or once per slice or partition; several may be read at the same time. */
  read(request: ReadRequest): AsyncIterable<Page>;
  /** The source's own clock in milliseconds since 1970, where it has one; bounds are frozen by it. */
  now?(): Promise<number>;
  /**
   * The safe bound: no uncommitted record of the source can have a cursor at or below it. Null where this risk does not
   * exist. Called once a run, before the first read, with the stream's position. The window then ends there, and a
   * later run reads what lies past it.
   */
  safeUpper?(position: Position): Promise<Cursor | null>;
  /**
   * Whether records past `safeUpper` are delivered ahead of time and recognised later by their identity. For cursors
   * that are too coarse (whole days), so that the safe bound lies far below the present. Called after `safeUpper`.
   * Default: false.
   */
  readsPast?(): boolean;
  /**
   * A text to store with the stream's position for the next run's `safeUpper`, which reads it as the position's `note`.
   * Undefined to store none. Called once, after `safeUpper`.
   */
  note?(): string | undefined;
  /**
   * The lowest cursor that the source may return for a lower bound: the value that is sent may lie lower, and a source
   * may compare texts. Default: the bound itself.
   */
  reach?(lower: string): string;
  /**
   * Everything learned about the source so far: `InputContext.facts` and what this run saw. Called at each commit and
   * at the run's end. The engine stores it with the stream's position and passes it to the next run. A fact is a short
   * text in a form of the input's own, for example that a next page's token was seen at its path. Backfills and
   * previews receive the facts and do not change them.
   */
  facts?(): ReadonlySet<string>;
  /**
   * Called at the end of a live run that read no record, not even the one at the watermark, before the position is
   * kept: for inputs that can distinguish a quiet source from one that was emptied and starts again. It warns.
   */
  readNothing?(watermark: string): Promise<void>;
  /**
   * Whether the run must check that the lower bound finds the record at the watermark again, because no run has
   * confirmed it yet. Called once a live run. Default: false.
   */
  watchesBound?(): boolean;
  /** Called at the end of a live run, before the position is stored, with what the run has shown about the bound. */
  sawBound?(outcome: BoundOutcome): void;
  /** The names of the stream's partitions, page by page, for an input that declares them. */
  partitions?(signal: AbortSignal): AsyncIterable<readonly string[]>;
  close(): Promise<void>;
}
