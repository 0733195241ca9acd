import type { CursorType } from "../model/cursor.ts";
import type { Order } from "../model/position.ts";
import type { Precision } from "../model/precision.ts";
import type { Path } from "../model/record.ts";
import type { Period, SliceStep } from "../model/slices.ts";
import type { CursorFormat } from "../model/timestamp.ts";

/** Which of a pipeline's cursors this is; where several are enabled the first in this order leads. */
export const cursorRoles = ["timestamp", "id", "offset"] as const;
export type CursorRole = (typeof cursorRoles)[number];

/** One enabled cursor of an input, as declared under `statePersistence`. */
export interface CursorField {
  /** `sourceManaged` where only the source understands the cursor, and pages bring it (`Page.cursor`). */
  readonly role: CursorRole | "sourceManaged";
  readonly type: CursorType;
  /** Where a record holds the value; null for `offset`, which counts records, and for `sourceManaged`. */
  readonly path: Path | null;
  /** How records give the value. */
  readonly format: CursorFormat;
  /** How the source compares a lower bound; `exclusive` has the value sent one step lower. */
  readonly bound: "inclusive" | "exclusive";
  /** The smallest step between two values, as the source stores them. */
  readonly precision: Precision;
}

export type NullCursorPolicy = "fail" | "deliver" | "skip";

/** How an input is read incrementally: the settings that every kind of input shares. */
export interface Incremental {
  /** The enabled cursors, leading one first; empty means that every run reads everything. */
  readonly cursors: readonly CursorField[];
  readonly order: Order;
  readonly pagesPerCheckpoint: number;
  /**
   * Where an unfinished window may be resumed: at page tokens and links, or also at page numbers and offsets, which
   * shift while records change.
   */
  readonly resume: "token" | "page";
  /** The fields that identify a record; null compares whole contents. */
  readonly key: readonly Path[] | null;
  readonly onNullCursor: NullCursorPolicy;
  /** How far below the watermark to read again; null for none. */
  readonly lookback: Precision | null;
  /** How far behind the present a window ends (`settle` in a pipeline file); null for none. */
  readonly safetyLag: Precision | null;
  /**
   * `window`: the output keeps what was delivered within the lookback, so that an append does not add it again. Not for
   * streams in partitions.
   */
  readonly dedupe?: "window" | null;
  /** How many members a tie set may have before it is dropped with a warning. */
  readonly maxTieSetSize: number;
  /** Where a stream that was never read begins. Default: at the source's beginning. */
  readonly start?: Start | null;
  /**
   * Whether the window's upper end is sent to the source too, so that a slice reads no more than itself. Default: true.
   */
  readonly bounded?: boolean;
  /** How the window is cut into slices; without it, it is read in one piece. Needs a source with both bounds. */
  readonly slices?: Slices | null;
  /** How many partitions are read at once; absent where the stream has none. */
  readonly partitions?: { readonly concurrency: number } | null;
}

/** A stream's declared beginning: a canonical cursor value, or a time span before the run's start. */
export type Start = { readonly at: string } | { readonly before: Precision };

/** How a window is cut: by a step of time or of numbers, at the starts of days, weeks or months if asked. */
export interface Slices {
  readonly step: SliceStep;
  /**
   * Slices then begin and end where such a period does, in UTC, and the period that is not over yet
   * is left to a later run.
   */
  readonly clamp: Period | null;
  /** How many slices are read at once. */
  readonly concurrency: number;
}
