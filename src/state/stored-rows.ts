import type { CursorType } from "../model/cursor.ts";
import type { StreamKey } from "../model/stream-key.ts";
import { assertArchivable } from "./audit.ts";
import type { ChainLink } from "./hash-chain.ts";
import { changesType } from "./lifecycle.ts";
import { mostListed } from "./listing.ts";
import { currentPartition } from "./partitions.ts";
import { mostSearched } from "./rewind-ties.ts";
import type { DueRuns } from "./row-storage.ts";
import type { ChildRows, EditPolicy, PartitionRow, RunRow, StreamRow } from "./rows.ts";
import type { Rows, StateStorage } from "./state-storage.ts";
import { got, type Work } from "./work.ts";

/** What a step needs to know of a stream in addition to its row. */
export interface WantedRows {
  readonly partitions?: readonly string[];
  /** The partitions whose backfill coverage is needed; null is the stream as a whole. */
  readonly backfilled?: readonly (string | null)[];
}

/** Reads what a step needs in addition to the stream's row. */
export function* childRowsOf(
  rows: Rows,
  key: StreamKey,
  scope: string,
  edits: EditPolicy,
  { partitions = [], backfilled = [] }: WantedRows,
): Work<ChildRows> {
  const stored =
    partitions.length === 0
      ? new Map<string, PartitionRow>()
      : yield* got(rows.loadPartitions(key, scope, partitions));
  const covered = backfilled.length === 0 ? new Map() : yield* got(rows.loadBackfilled(key, backfilled));
  const unknown = scope === "" ? partitions.filter((partition) => !stored.has(partition)) : [];
  const removed = yield* removedPartitions(rows, key, unknown);
  return {
    edits,
    partition: (partition) => stored.get(partition) ?? null,
    backfilled: (partition) => covered.get(partition) ?? [],
    removed: (partition) => removed.get(partition) ?? null,
  };
}

/**
 * The watermarks that the log has of partitions of which nothing is stored. A later row about the stream as a whole
 * makes them invalid.
 */
function* removedPartitions(
  rows: Rows,
  key: StreamKey,
  partitions: readonly string[],
): Work<Map<string, string>> {
  const removed = new Map<string, string>();
  if (partitions.length === 0) return removed;
  const last = yield* got(rows.lastAuditOfEach(key, partitions));
  if (last.size === 0) return removed;
  const own = yield* got(rows.lastAudit(key));
  for (const [partition, { newCursor, number }] of last) {
    if (newCursor !== null && (own === null || own.number < number)) removed.set(partition, newCursor);
  }
  return removed;
}

/** As `currentPartition`; `compare`: a partition of which nothing is stored is looked for in the log. */
export function* currentIn(
  rows: Rows,
  { key, scope }: Pick<StreamRow, "key" | "scope">,
  partition: string,
  compare: boolean,
): Work<PartitionRow | null> {
  const stream = yield* got(rows.load(key, scope));
  if (stream === null) return null;
  const stored = (yield* got(rows.loadPartitions(key, scope, [partition]))).get(partition) ?? null;
  const asks = compare && stored === null && scope === "";
  const removed = asks ? (yield* removedPartitions(rows, key, [partition])).get(partition) : undefined;
  return currentPartition(stored, stream, partition, removed ?? null);
}

/** Whether the stream has partitions that count. */
export function* hasPartitions(rows: Rows, row: StreamRow | null): Work<boolean> {
  return row !== null && (yield* got(rows.hasPartitions(row.key, row.scope, row.resetEpoch)));
}

/** Whether partitions of one of the rows hold cursors of another type than the one that is asked for. */
export function* hasPartitionsOfOtherType(
  rows: Rows,
  held: readonly (StreamRow | null)[],
  asked: CursorType | null,
): Work<boolean> {
  for (const row of new Set(held)) {
    if (changesType(row, asked) && (yield* hasPartitions(rows, row))) return true;
  }
  return false;
}

/** All partitions of a stream that count, by name. */
export function* partitionsOf(rows: Rows, stream: StreamRow): Work<PartitionRow[]> {
  const found: PartitionRow[] = [];
  let after: string | null = null;
  for (;;) {
    const page: PartitionRow[] = yield* got(rows.listPartitions(stream.key, { after, limit: mostListed }));
    found.push(...page.filter((row) => row.positionTag.epoch >= stream.resetEpoch));
    after = page.at(-1)?.partition ?? null;
    if (after === null) return found;
  }
}

/** The runs that began before one, the newest first, as far back as a rewind looks for ties. */
export function* earlierEnds(rows: Rows, key: StreamKey, runId: string): Work<RunRow[]> {
  let before: number | null = null;
  for (;;) {
    const page: { number: number; run: RunRow }[] = yield* got(
      rows.listRuns(key, { before, limit: mostSearched }),
    );
    const at = page.find(({ run }) => run.runId === runId);
    if (at !== undefined) {
      const earlier = yield* got(rows.listRuns(key, { before: at.number, limit: mostSearched }));
      return earlier.map(({ run }) => run);
    }
    before = page.at(-1)?.number ?? null;
    if (before === null) return [];
  }
}

/** Deletes what is due of one stream's history, or of all, in short transactions; returns how many runs. */
export async function pruneRuns(storage: StateStorage, key: StreamKey | null, due: DueRuns): Promise<number> {
  if (key !== null) return pruneStream(storage, key, due);
  let runs = 0;
  let after: StreamKey | null = null;
  for (;;) {
    const from: StreamKey | null = after;
    const keys: StreamKey[] = await storage.read((rows) =>
      got(rows.listKeys({ after: from, limit: mostListed })),
    );
    for (const each of keys) runs += await pruneStream(storage, each, due);
    after = keys.at(-1) ?? null;
    if (after === null || keys.length < mostListed) return runs;
  }
}

async function pruneStream(storage: StateStorage, key: StreamKey, due: DueRuns): Promise<number> {
  let runs = 0;
  for (;;) {
    const gone = await storage.step({ key, scope: null }, (rows) =>
      got(rows.pruneRuns(key, { ...due, limit: mostListed })),
    );
    runs += gone;
    if (gone < mostListed) return runs;
  }
}

/** Removes a stream's log up to a row. */
export function* archiveLog(rows: Rows, key: StreamKey, to: ChainLink): Work<{ rows: number }> {
  const row = yield* got(rows.load(key, ""));
  const after = { key, number: to.number - 1 };
  const [record] = yield* got(rows.listAudit({ key, after, limit: 1 }));
  assertArchivable(key, row, record, to);
  return { rows: yield* got(rows.archiveAudit(key, to)) };
}
