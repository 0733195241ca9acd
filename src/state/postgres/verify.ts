import type { StreamKey } from "../../model/stream-key.ts";
import { compareTexts } from "../../model/text-order.ts";
import { auditBroken, ChainVerifier } from "../audit.ts";
import type { AuditRecord } from "../contract.ts";
import { mostListed, type Place } from "../listing.ts";
import type { LogEnd, PostgresRows } from "./rows.ts";

interface Verified {
  readonly streams: number;
  readonly rows: number;
}

/** Verifies the log of one stream. The rows have to be read from one snapshot. */
export async function verifyOne(rows: PostgresRows, key: StreamKey): Promise<Verified> {
  const { row } = await rows.read(key, "");
  const end = row === null ? null : { key, number: row.auditNumber, hash: row.auditHead };
  return verify(once(end), records(rows, key));
}

/** Verifies the logs of all streams, a page at a time, however many there are. */
export async function verifyAll(rows: PostgresRows): Promise<Verified> {
  return verify(logEnds(rows), records(rows, null));
}

/** Goes through streams and records side by side; both come in the order of the streams' names. */
async function verify(ends: AsyncIterable<LogEnd>, log: AsyncGenerator<AuditRecord>): Promise<Verified> {
  let streams = 0;
  let count = 0;
  let next = await log.next();
  for await (const end of ends) {
    refuseOrphan(next, end.key);
    const verifier = new ChainVerifier(end.key);
    while (next.done !== true && compareKeys(next.value.key, end.key) === 0) {
      verifier.row(next.value);
      count++;
      next = await log.next();
    }
    verifier.end(end);
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
