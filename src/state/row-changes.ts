import type { StreamKey } from "../model/stream-key.ts";
import { refuseArchiving } from "./audit.ts";
import type { ChainLink } from "./chain-link.ts";
import { mostListed } from "./listing.ts";
import { standing } from "./partitions.ts";
import { mostSearched } from "./rewind-ties.ts";
import type { DueRuns, RowStorage, RowTransaction } from "./row-storage.ts";
import type { Beside, Change, EditPolicy, PartitionRow, RunRow, StreamRow } from "./rows.ts";

/** Stores what a step has changed; `previous` is the row that the step was given. */
export function store(tx: RowTransaction, change: Change, previous: StreamRow | null): void {
  tx.save(change.row, previous);
  for (const run of change.runs) tx.saveRun(run);
  for (const record of change.audit) tx.appendAudit(record);
  for (const { row, previous: stored } of change.partitions ?? []) tx.savePartition(row, stored);
  if (change.startsOver === true) tx.clearBackfilled(change.row.key);
  for (const { partition, coverage } of change.backfilled ?? []) {
    tx.saveBackfilled(change.row.key, partition, coverage);
  }
}

/** What is stored beside a row; of a stream without one, by its key. */
export function besideOf(
  tx: RowTransaction,
  row: StreamRow | null,
  edits: EditPolicy,
  key = row?.key,
): Beside {
  const scope = row?.scope ?? "";
  return {
    edits,
    partition: (partition) => (key === undefined ? null : tx.loadPartition(key, scope, partition)),
    backfilled: (partition) => (key === undefined ? [] : tx.loadBackfilled(key, partition)),
    removed: (partition) => (key === undefined || scope !== "" ? null : removedPartition(tx, key, partition)),
  };
}

/**
 * The watermark that the log has for a partition, for one of which nothing is stored. A later row about the stream as a
 * whole says that it counts no more.
 */
function removedPartition(tx: RowTransaction, key: StreamKey, partition: string): string | null {
  const last = tx.lastAudit(key, partition);
  if (last === null || last.newCursor === null) return null;
  const own = tx.lastAudit(key, null);
  return own !== null && own.number > last.number ? null : last.newCursor;
}

/** As `standing`; `compare`: a partition of which nothing is stored is looked for in the log. */
export function standingIn(
  tx: RowTransaction,
  { key, scope }: Pick<StreamRow, "key" | "scope">,
  partition: string,
  compare: boolean,
): PartitionRow | null {
  const stream = tx.load(key, scope);
  if (stream === null) return null;
  const stored = tx.loadPartition(key, scope, partition);
  const asks = compare && stored === null && scope === "";
  return standing(stored, stream, partition, asks ? removedPartition(tx, key, partition) : null);
}

/** Whether the stream has partitions that count. */
export function hasPartitions(tx: RowTransaction, row: StreamRow | null): boolean {
  return row !== null && tx.hasPartitions(row.key, row.scope, row.resetEpoch);
}

/** All partitions of a stream that count, by name. */
export function partitionsOf(tx: RowTransaction, stream: StreamRow): PartitionRow[] {
  const found: PartitionRow[] = [];
  let after: string | null = null;
  for (;;) {
    const page: PartitionRow[] = tx.listPartitions(stream.key, { after, limit: mostListed });
    found.push(...page.filter((row) => row.positionTag.epoch >= stream.resetEpoch));
    after = page.at(-1)?.partition ?? null;
    if (after === null) return found;
  }
}

/** The runs that began before one, the newest first, as far back as a rewind looks for ties. */
export function earlierEnds(tx: RowTransaction, key: StreamKey, runId: string): RunRow[] {
  let before: number | null = null;
  for (;;) {
    const page: { number: number; run: RunRow }[] = tx.listRuns(key, { before, limit: mostSearched });
    const at = page.find(({ run }) => run.runId === runId);
    if (at !== undefined) {
      return tx.listRuns(key, { before: at.number, limit: mostSearched }).map(({ run }) => run);
    }
    before = page.at(-1)?.number ?? null;
    if (before === null) return [];
  }
}

/** Deletes what is due of one stream's history, or of all, in short transactions; returns how many runs. */
export async function pruneRuns(storage: RowStorage, key: StreamKey | null, due: DueRuns): Promise<number> {
  if (key !== null) return pruneStream(storage, key, due);
  let runs = 0;
  let after: StreamKey | null = null;
  for (;;) {
    const from: StreamKey | null = after;
    const keys: StreamKey[] = await storage.read((tx) => tx.listKeys({ after: from, limit: mostListed }));
    for (const each of keys) runs += await pruneStream(storage, each, due);
    after = keys.at(-1) ?? null;
    if (after === null || keys.length < mostListed) return runs;
  }
}

async function pruneStream(storage: RowStorage, key: StreamKey, due: DueRuns): Promise<number> {
  let runs = 0;
  for (;;) {
    const gone = await storage.transact(key, (tx) => tx.pruneRuns(key, { ...due, limit: mostListed }));
    runs += gone;
    if (gone < mostListed) return runs;
  }
}

/** Lets go of a stream's log up to a row. */
export function archiveLog(tx: RowTransaction, key: StreamKey, to: ChainLink): { rows: number } {
  const [record] = tx.listAudit({ key, after: { key, number: to.number - 1 }, limit: 1 });
  refuseArchiving(key, tx.load(key, ""), record, to);
  return { rows: tx.archiveAudit(key, to) };
}
