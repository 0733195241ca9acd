import { mergeCoverage } from "../../model/coverage.ts";
import { type CursorType, isOrdered } from "../../model/cursor.ts";
import { type CursorRange, decodePosition, type Position } from "../../model/position.ts";
import type { Precision } from "../../model/precision.ts";
import { formatStreamKey } from "../../model/stream-key.ts";
import type { ExportedStream, RunRecord, StateStore, StreamState } from "../../state/contract.ts";
import { partitionPages } from "./partitions.ts";

/** What can be compared of where a stream stands; undefined where a side does not know it. */
export interface Snapshot {
  readonly cursorType?: CursorType | null;
  readonly watermark: string | null;
  readonly epoch?: number;
  readonly coverage?: readonly CursorRange[];
  readonly tieSet?: number;
  /** The unfinished window and where it goes on, as one text; null where there is none. */
  readonly window?: string | null;
  /** Watermarks by partition. */
  readonly partitions?: ReadonlyMap<string, string | null>;
}

/** A stream as a store has it now. */
export async function storedSnapshot(state: StateStore, stream: StreamState): Promise<Snapshot> {
  const { key, cursorType, position, epoch } = stream;
  const partitions = new Map<string, string | null>();
  for await (const page of partitionPages(state, key)) {
    for (const { partition, position: at } of page) partitions.set(partition, at.watermark);
  }
  return {
    ...ofPosition(position),
    cursorType,
    epoch,
    coverage: await state.coverage(key),
    partitions,
  };
}

/** A stream as an export has it. */
export function exportedSnapshot(exported: ExportedStream): Snapshot {
  const { cursorType, backfilled = [] } = exported;
  const holder = formatStreamKey(exported);
  const partitions = new Map(
    (exported.partitions ?? []).map(({ partition, position }): [string, string | null] => [
      partition,
      decodePosition(position, `${holder}, partition ${partition}`).watermark,
    ]),
  );
  const position = decodePosition(exported.position, holder);
  const ranges = [...position.coverage, ...backfilled];
  const coverage =
    cursorType === null || !isOrdered(cursorType)
      ? ranges
      : mergeCoverage(cursorType, ranges, touching(cursorType));
  return { ...ofPosition(position), coverage, cursorType, partitions };
}

/** As a store merges ranges, which does not know how fine the source's values are. */
function touching(type: CursorType): Precision {
  return type === "timestamp_utc" ? { unit: "time", nanoseconds: 0n } : { unit: "number", amount: "0" };
}

function ofPosition(position: Position): Snapshot {
  const { watermark, coverage, tieSet, window } = position;
  return {
    watermark,
    coverage,
    tieSet: tieSet.length,
    window: window === null ? null : JSON.stringify(window),
  };
}

/** A stream as one of its runs left it: what the history keeps of that. */
export function runSnapshot({ newCursor, epoch }: RunRecord): Snapshot {
  return { watermark: newCursor, epoch };
}

/** One thing that differs. */
export interface Change {
  readonly field: string;
  readonly from: unknown;
  readonly to: unknown;
}

/** What differs between two snapshots, of all that both know. */
export function changesBetween(from: Snapshot, to: Snapshot): Change[] {
  const changes: Change[] = [];
  const compare = (field: string, a: unknown, b: unknown): void => {
    if (a === undefined || b === undefined || JSON.stringify(a) === JSON.stringify(b)) return;
    changes.push({ field, from: a, to: b });
  };
  compare("cursor_type", from.cursorType, to.cursorType);
  compare("watermark", from.watermark, to.watermark);
  compare("epoch", from.epoch, to.epoch);
  compare("coverage", from.coverage, to.coverage);
  compare("tie_set", from.tieSet, to.tieSet);
  compare("window", from.window, to.window);
  if (from.partitions === undefined || to.partitions === undefined) return changes;
  for (const [partition, watermark] of from.partitions) {
    const other = to.partitions.get(partition);
    compare(partitionField(partition), watermark, other === undefined ? absent : other);
  }
  for (const [partition, watermark] of to.partitions) {
    if (!from.partitions.has(partition)) compare(partitionField(partition), absent, watermark);
  }
  return changes;
}

const absent = "not there";

function partitionField(partition: string): string {
  return `partition ${partition}`;
}
