import { type CursorType, compareCursorValues, isOrdered } from "../../model/cursor.ts";
import type { StreamKey } from "../../model/stream-key.ts";
import type { PartitionState, StateStore, StreamState } from "../../state/contract.ts";
import { formatCount } from "../format.ts";
import type { Column } from "../table.ts";
import { pagesOf } from "../views.ts";

/** A stream's partitions in a few numbers. */
export interface PartitionSummary {
  readonly count: number;
  /** How many have no watermark yet. */
  readonly unread: number;
  /** Null where none has one, and where the cursors have no order. */
  readonly lowest: string | null;
  readonly highest: string | null;
}

export function partitionPages(state: StateStore, key: StreamKey): AsyncGenerator<readonly PartitionState[]> {
  return pagesOf((page) => state.partitions(key, page));
}

/** Reads all of a stream's partitions once; null where it has none. */
export async function summarizePartitions(
  state: StateStore,
  { key, cursorType }: Pick<StreamState, "key" | "cursorType">,
): Promise<PartitionSummary | null> {
  let count = 0;
  let unread = 0;
  let lowest: string | null = null;
  let highest: string | null = null;
  for await (const partitions of partitionPages(state, key)) {
    count += partitions.length;
    for (const { position } of partitions) {
      const { watermark } = position;
      if (watermark === null) unread += 1;
      else {
        lowest = further(cursorType, watermark, lowest, -1);
        highest = further(cursorType, watermark, highest, 1);
      }
    }
  }
  return count === 0 ? null : { count, unread, lowest, highest };
}

function further(type: CursorType | null, value: string, than: string | null, way: 1 | -1): string | null {
  if (type === null || !isOrdered(type)) return null;
  return than === null || compareCursorValues(type, value, than) * way > 0 ? value : than;
}

/** In one line: how many there are, and between which watermarks they stand. */
export function summaryText({ count, unread, lowest, highest }: PartitionSummary): string {
  const range =
    lowest === null ? "" : lowest === highest ? `, at ${lowest}` : `, from ${lowest} to ${highest}`;
  return `${formatCount(count)}${range}${unread === 0 ? "" : `, ${formatCount(unread)} without a watermark`}`;
}

export function summaryJson(summary: PartitionSummary | null): Record<string, unknown> | null {
  if (summary === null) return null;
  const { count, unread, lowest, highest } = summary;
  return { count, unread, lowest_watermark: lowest, highest_watermark: highest };
}

export function partitionJson({
  partition,
  position,
  positionTag,
  updatedAtUtc,
}: PartitionState): Record<string, unknown> {
  return {
    partition,
    cursor_value: position.watermark,
    epoch: positionTag.epoch,
    sequence: positionTag.sequence,
    tie_set: position.tieSet.length,
    secondaryCursors: position.secondaryCursors,
    window: position.window,
    coverage: position.coverage,
    updated_at_utc: updatedAtUtc,
  };
}

export const partitionColumns: Column<PartitionState>[] = [
  { title: "PARTITION", text: ({ partition }) => partition },
  { title: "WATERMARK", text: ({ position }) => position.watermark ?? "-" },
  { title: "STRETCHES", text: ({ position }) => formatCount(position.coverage.length), right: true },
  { title: "WINDOW", text: ({ position }) => (position.window === null ? "-" : "unfinished") },
  { title: "UPDATED", text: ({ updatedAtUtc }) => updatedAtUtc },
];
