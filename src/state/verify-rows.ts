import type { StreamKey } from "../model/stream-key.ts";
import { auditBroken, ChainVerifier, otherWatermark, streamRemoved } from "./audit.ts";
import type { AuditRecord } from "./contract.ts";
import { mostListed, type Place } from "./listing.ts";
import { LoggedPartitions } from "./logged-partitions.ts";
import { partitionEdit } from "./partition-edits.ts";
import type { RowTransaction } from "./row-storage.ts";
import type { PartitionRow, StreamRow } from "./rows.ts";

export function verifyOne(tx: RowTransaction, key: StreamKey): { streams: number; rows: number } {
  const row = tx.load(key, "");
  if (row !== null) return { streams: 1, rows: verifyStream(tx, row) };
  if (tx.isListed(key) && tx.lastAudit(key, null) === null) throw streamRemoved(key);
  refuseOrphan(tx, tx.listAudit({ key, after: null, limit: 1 })[0]);
  return { streams: 0, rows: 0 };
}

export function verifyAll(tx: RowTransaction): { streams: number; rows: number } {
  let streams = 0;
  let rows = 0;
  let after: StreamKey | null = null;
  for (;;) {
    const page: StreamRow[] = tx.listStreams({ after, limit: mostListed, connector: null });
    for (const row of page) rows += verifyStream(tx, row);
    streams += page.length;
    after = page.at(-1)?.key ?? null;
    if (after === null) break;
  }
  // Then the log's own streams, one after another: none may be without its state.
  let last: Place | null = null;
  for (;;) {
    const [record]: AuditRecord[] = tx.listAudit({ key: null, after: last, limit: 1 });
    if (record === undefined) break;
    refuseOrphan(tx, record);
    last = { key: record.key, number: Number.MAX_SAFE_INTEGER };
  }
  refuseRemoved(tx);
  return { streams, rows };
}

/** Last the list of streams: none may be gone with its state and its log. */
function refuseRemoved(tx: RowTransaction): void {
  let after: StreamKey | null = null;
  for (;;) {
    const keys: StreamKey[] = tx.listed({ after, limit: mostListed });
    const removed = keys.find((key) => tx.load(key, "") === null);
    if (removed !== undefined) throw streamRemoved(removed);
    after = keys.at(-1) ?? null;
    if (after === null) return;
  }
}

function refuseOrphan(tx: RowTransaction, record: AuditRecord | undefined): void {
  if (record === undefined || tx.load(record.key, "") !== null) return;
  throw auditBroken(record.key, record.number, "belongs to a stream whose state was removed");
}

function verifyStream(tx: RowTransaction, row: StreamRow): number {
  const archived = tx.archivedTo(row.key);
  const verifier = new ChainVerifier(row.key, archived);
  const logged = new LoggedPartitions(row.key);
  let after: Place | null = null;
  let count = 0;
  for (;;) {
    const rows = tx.listAudit({ key: row.key, after, limit: mostListed });
    for (const record of rows) {
      verifier.row(record);
      logged.row(record);
    }
    count += rows.length;
    const last = rows.at(-1);
    if (last === undefined) break;
    after = { key: last.key, number: last.number };
  }
  verifier.end({ number: row.auditNumber, hash: row.auditHead }, row.position.watermark);
  const { positionWatermark } = row;
  if (positionWatermark !== undefined) {
    throw otherWatermark(row.key, null, row.auditNumber, row.position.watermark, positionWatermark);
  }
  verifyPartitions(tx, row, archived.number > 0, logged);
  return count;
}

/** A partition of which the log has no row may have its last one in the archive. */
function verifyPartitions(
  tx: RowTransaction,
  stream: StreamRow,
  hasArchive: boolean,
  logged: LoggedPartitions,
): void {
  let after: string | null = null;
  for (;;) {
    const rows: PartitionRow[] = tx.listPartitions(stream.key, { after, limit: mostListed });
    for (const row of rows) {
      logged.stored(row.partition);
      if (row.positionTag.epoch < stream.resetEpoch) continue;
      const last = tx.lastAudit(stream.key, row.partition);
      if (last === null && hasArchive) continue;
      const edit = partitionEdit({ ...row, logged: last?.newCursor ?? null });
      if (edit === null) continue;
      throw otherWatermark(stream.key, row.partition, last?.number ?? 0, edit.logged, edit.stored);
    }
    after = rows.at(-1)?.partition ?? null;
    if (after === null) break;
  }
  logged.end();
}
