import { TidemarkError } from "../errors.ts";
import { emptyPosition, type Position } from "../model/position.ts";
import { formatStreamKey, type StreamKey } from "../model/stream-key.ts";
import { type AuditEntry, removedPartition } from "./audit.ts";
import { editEntry } from "./outside.ts";
import type { PartitionRow, StreamRow } from "./rows.ts";

/** What was changed outside Tidemark, as `outside.ts` has it, of one partition. */

export interface PartitionEdit {
  /** The watermark that the log ends with, and the one that is stored. */
  readonly logged: string | null;
  readonly stored: string | null;
}

/** Null where the partition is as its log says, or where nobody has looked that up. */
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

/** The rows of the log that tell of a partition's change, before those of the step. */
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
        `Restore the partition from a backup, or say where it stands, which is audited: ` +
        `tidemark state set ${where} ${stored ?? logged ?? "VALUE"} ${which}${again}`,
      details: { partition, logged, stored },
    },
  );
}
