import type { StreamKey } from "../../../model/stream-key.ts";
import { compareTexts } from "../../../model/text-order.ts";
import { auditBroken, ChainVerifier, otherWatermark, streamRemoved } from "../../audit.ts";
import { noLink } from "../../chain-link.ts";
import { storedPositionOf } from "../../codec.ts";
import type { AuditRecord } from "../../contract.ts";
import { mostListed, type Place } from "../../listing.ts";
import { LoggedPartitions } from "../../logged-partitions.ts";
import { partitionEdit } from "../../partition-edits.ts";
import type { PartitionRow } from "../../rows.ts";
import type { LogEnd, PostgresRows } from "./rows.ts";

interface Verified {
  readonly streams: number;
  readonly rows: number;
}

/** Verifies the log of one stream. The rows have to be read from one snapshot. */
export async function verifyOne(rows: PostgresRows, key: StreamKey): Promise<Verified> {
  const { row } = await rows.read(key, "");
  const archived = await rows.logs.archivedTo(key);
  const end =
    row === null
      ? null
      : {
          key,
          number: row.auditNumber,
          hash: row.auditHead,
          watermark: row.position.watermark,
          positionWatermark: storedPositionOf(row).watermark,
          resetEpoch: row.resetEpoch,
          archived: archived ?? noLink,
        };
  const verified = await verify(rows, once(end), records(rows, key));
  if (row === null && archived !== null) throw streamRemoved(key);
  return verified;
}

/** Verifies the logs of all streams, a page at a time, however many there are. */
export async function verifyAll(rows: PostgresRows): Promise<Verified> {
  const verified = await verify(rows, logEnds(rows), records(rows, null));
  await refuseRemoved(rows);
  return verified;
}

/** None of the streams that were ever stored may be gone with its state and its log. */
async function refuseRemoved(rows: PostgresRows): Promise<void> {
  await rows.logs.refuseCut();
  let after: StreamKey | null = null;
  for (;;) {
    const page: { key: StreamKey; stored: boolean }[] = await rows.logs.list(after, mostListed);
    const removed = page.find(({ stored }) => !stored);
    if (removed !== undefined) throw streamRemoved(removed.key);
    after = page.at(-1)?.key ?? null;
    if (after === null) return;
  }
}

/** Each partition stands where the log says; one that the log has no row of may have its last in the archive. */
async function verifyPartitions(
  rows: PostgresRows,
  { key, resetEpoch, archived }: LogEnd,
  ofLog: LoggedPartitions,
): Promise<void> {
  let after: string | null = null;
  for (;;) {
    const page: PartitionRow[] = await rows.partitions.list(key, after, mostListed);
    if (page.length === 0) break;
    const logged = await rows.logs.lastOfEach(
      key,
      page.map(({ partition }) => partition),
    );
    for (const row of page) {
      ofLog.stored(row.partition);
      const last = logged.get(row.partition) ?? null;
      if (row.positionTag.epoch < resetEpoch || (last === null && archived.number > 0)) continue;
      const edit = partitionEdit({ ...row, logged: last?.newCursor ?? null });
      if (edit === null) continue;
      throw otherWatermark(key, row.partition, last?.number ?? 0, edit.logged, edit.stored);
    }
    after = page.at(-1)?.partition ?? null;
  }
  ofLog.end();
}

/** Goes through streams and records side by side; both come in the order of the streams' names. */
async function verify(
  rows: PostgresRows,
  ends: AsyncIterable<LogEnd>,
  log: AsyncGenerator<AuditRecord>,
): Promise<Verified> {
  let streams = 0;
  let count = 0;
  let next = await log.next();
  for await (const end of ends) {
    refuseOrphan(next, end.key);
    const verifier = new ChainVerifier(end.key, end.archived);
    const ofLog = new LoggedPartitions(end.key);
    while (next.done !== true && compareKeys(next.value.key, end.key) === 0) {
      verifier.row(next.value);
      ofLog.row(next.value);
      count++;
      next = await log.next();
    }
    verifier.end(end, end.watermark);
    if (end.watermark !== end.positionWatermark) {
      throw otherWatermark(end.key, null, end.number, end.watermark, end.positionWatermark);
    }
    await verifyPartitions(rows, end, ofLog);
    streams++;
  }
  refuseOrphan(next, null);
  return { streams, rows: count };
}

/** A record before the stream that comes next, or after the last, is of a stream that is not there. */
function refuseOrphan(next: IteratorResult<AuditRecord>, before: StreamKey | null): void {
  if (next.done === true) return;
  const { key, number } = next.value;
  if (before !== null && compareKeys(key, before) >= 0) return;
  throw auditBroken(key, number, "belongs to a stream whose state was removed");
}

async function* once(end: LogEnd | null): AsyncGenerator<LogEnd> {
  if (end !== null) yield end;
}

async function* logEnds(rows: PostgresRows): AsyncGenerator<LogEnd> {
  let after: StreamKey | null = null;
  for (;;) {
    const page: LogEnd[] = await rows.listLogEnds(after, mostListed);
    yield* page;
    const last = page.at(-1);
    if (last === undefined || page.length < mostListed) return;
    after = last.key;
  }
}

async function* records(rows: PostgresRows, key: StreamKey | null): AsyncGenerator<AuditRecord> {
  let after: Place | null = null;
  for (;;) {
    const page: AuditRecord[] = await rows.listAudit({ key, after, limit: mostListed });
    yield* page;
    const last = page.at(-1);
    if (last === undefined || page.length < mostListed) return;
    after = last;
  }
}

function compareKeys(a: StreamKey, b: StreamKey): number {
  return compareTexts(a.connector, b.connector) || compareTexts(a.stream, b.stream);
}
