import { TidemarkError } from "../errors.ts";
import { emptyPosition, type Position } from "../model/position.ts";
import { formatStreamKey, type StreamKey } from "../model/stream-key.ts";
import { type AuditEntry, removedPartition } from "./audit.ts";
import { editEntry } from "./outside.ts";
import type { PartitionRow, StreamRow } from "./rows.ts";

/** A change made outside Tidemark to one partition; `outside.ts` does the same for the stream. */

export interface PartitionEdit {
  /** The watermark that the log ends with, and the one that is stored. */
  readonly logged: string | null;
  readonly stored: string | null;
}

/** Null where the partition agrees with its log, or where the log was not read. */
export function partitionEdit({
  position: { watermark },
  positionWatermark,
  logged,
}: PartitionRow): PartitionEdit | null {
  if (positionWatermark !== undefined) {
    return { logged: logged ?? null, stored: watermark === logged ? positionWatermark : watermark };
  }
  return logged === undefined || logged === watermark ? null : { logged, stored: watermark };
}

/** The tie set and an open window belong to the old watermark. */
export function editedPartitionPosition({ facts }: Position, watermark: string | null): Position {
  return { ...emptyPosition, watermark, ...(facts === undefined ? {} : { facts }) };
}

/** The log rows for a partition's change, which come before those of the step. */
export function partitionEditEntries(
  stream: StreamRow,
  row: PartitionRow,
  how: { readonly now: number; readonly reason: string },
): AuditEntry[] {
  const edit = partitionEdit(row);
  return edit === null ? [] : [editEntry(stream.key, row.partition, edit, how)];
}

/** The refusal of a change in a database. Throws `STATE_EDITED`. */
export function assertUnedited(key: StreamKey, row: PartitionRow): void {
  const edit = partitionEdit(row);
  if (edit === null) return;
  const { logged, stored } = edit;
  const stream = formatStreamKey(key);
  const { partition } = row;
  const where = `${key.connector} ${key.stream}`;
  const which = `--partition '${partition}' --reason "…"`;
  const again =
    stored === null ? `, or to read it from the beginning: tidemark state reset ${where} ${which}` : "";
  throw new TidemarkError(
    "STATE_EDITED",
    row.removed === true
      ? removedPartition(stream, partition, logged)
      : `the stored watermark of partition "${partition}" of ${stream} is ${stored ?? "none"}, and its audit log ends with ${logged ?? "none"}: it was changed outside Tidemark`,
    {
      stream,
      hint:
        `Restore the partition from a backup, or set its position, which is audited: ` +
        `tidemark state set ${where} ${stored ?? logged ?? "VALUE"} ${which}${again}`,
      details: { partition, logged, stored },
    },
  );
}
