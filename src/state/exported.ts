import type { CursorType } from "../model/cursor.ts";
import type { CursorRange } from "../model/position.ts";

/** A stream's state as `tidemark state export` writes it. */
export interface ExportedStream {
  readonly connector: string;
  readonly stream: string;
  readonly cursorType: CursorType | null;
  /** The position as `encodePosition` writes it, with its format's number. */
  readonly position: string;
  readonly metadata: Readonly<Record<string, unknown>> | null;
  /** Coverage by finished backfills; absent where there is none. */
  readonly backfilled?: readonly CursorRange[];
  /** Absent where the stream has none. */
  readonly partitions?: readonly ExportedPartition[];
}

export interface ExportedPartition {
  readonly partition: string;
  /** As the stream's own. */
  readonly position: string;
  readonly backfilled?: readonly CursorRange[];
}
