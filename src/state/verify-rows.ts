import type { StreamKey } from "../model/stream-key.ts";
import { compareStreamKeys } from "../model/stream-key.ts";
import { rememberedEnd } from "./at-once.ts";
import { auditBroken, ChainVerifier, otherWatermark, streamRemoved } from "./audit.ts";
import type { AuditRecord } from "./contract.ts";
import { mostListed, type Place } from "./listing.ts";
import { LoggedPartitions } from "./logged-partitions.ts";
import { partitionEdit } from "./partition-edits.ts";
import type { PartitionRow } from "./rows.ts";
import type { RememberedEnd, Rows } from "./state-storage.ts";
import { got, type Work } from "./work.ts";

interface Verified {
  readonly streams: number;
  readonly rows: number;
}

/** Verifies the log of one stream. The rows have to be read as of one moment. */
export function* verifyOne(rows: Rows, key: StreamKey): Work<Verified> {
  const row = yield* got(rows.load(key, ""));
  const log = new AuditLog(rows, key);
  if (row === null) {
    if ((yield* got(rows.isListed(key))) && (yield* log.next()) === null) throw streamRemoved(key);
    assertNoOrphan(yield* log.next(), null);
    return { streams: 0, rows: 0 };
  }
  const end = rememberedEnd(row, yield* got(rows.archivedTo(key)));
  return { streams: 1, rows: yield* verifyStream(rows, end, log) };
}

/** Verifies the logs of all streams, a page at a time, however many there are. */
export function* verifyAll(rows: Rows): Work<Verified> {
  const log = new AuditLog(rows, null);
  let verified: Verified = { streams: 0, rows: 0 };
  let after: StreamKey | null = null;
  for (;;) {
    const ends: RememberedEnd[] = yield* got(rows.listLogEnds({ after, limit: mostListed }));
    for (const end of ends) {
      assertNoOrphan(yield* log.next(), end.key);
      const count = yield* verifyStream(rows, end, log);
      verified = { streams: verified.streams + 1, rows: verified.rows + count };
    }
    after = ends.at(-1)?.key ?? null;
    if (after === null) break;
  }
  assertNoOrphan(yield* log.next(), null);
  yield* assertNoneRemoved(rows);
  return verified;
}

/** The records of a log, or of all logs in the order of the streams' names. */
class AuditLog {
  readonly #rows: Rows;
  readonly #key: StreamKey | null;
  #page: AuditRecord[] = [];
  #at = 0;
  #after: Place | null = null;
  #isRead = false;

  constructor(rows: Rows, key: StreamKey | null) {
    this.#rows = rows;
    this.#key = key;
  }

  /** The next record, without taking it; null at the end. */
  *next(): Work<AuditRecord | null> {
    const known = this.#page[this.#at];
    if (known !== undefined || this.#isRead) return known ?? null;
    const options = { key: this.#key, after: this.#after, limit: mostListed };
    this.#page = yield* got(this.#rows.listAudit(options));
    this.#at = 0;
    const last = this.#page.at(-1);
    if (last === undefined) this.#isRead = true;
    else this.#after = { key: last.key, number: last.number };
    return this.#page[0] ?? null;
  }

  take(): void {
    this.#at++;
  }
}

/** A record that belongs to none of the listed streams is of a stream that does not exist. */
function assertNoOrphan(record: AuditRecord | null, before: StreamKey | null): void {
  if (record === null || (before !== null && compareStreamKeys(record.key, before) >= 0)) return;
  throw auditBroken(record.key, record.number, "belongs to a stream whose state was removed");
}

function* verifyStream(rows: Rows, end: RememberedEnd, log: AuditLog): Work<number> {
  const verifier = new ChainVerifier(end.key, end.archived);
  const logged = new LoggedPartitions(end.key);
  let count = 0;
  for (;;) {
    const record = yield* log.next();
    if (record === null || compareStreamKeys(record.key, end.key) !== 0) break;
    verifier.row(record);
    logged.row(record);
    log.take();
    count++;
  }
  verifier.end(end, end.watermark);
  if (end.watermark !== end.positionWatermark) {
    throw otherWatermark(end.key, null, end.number, end.watermark, end.positionWatermark);
  }
  yield* verifyPartitions(rows, end, logged);
  return count;
}

/**
 * Each partition has the watermark that the log ends with. A partition without a row in the log may have its last row
 * in the archive.
 */
function* verifyPartitions(
  rows: Rows,
  { key, resetEpoch, archived }: RememberedEnd,
  logged: LoggedPartitions,
): Work<void> {
  let after: string | null = null;
  for (;;) {
    const page: PartitionRow[] = yield* got(rows.listPartitions(key, { after, limit: mostListed }));
    if (page.length === 0) break;
    const last = yield* got(
      rows.lastAuditOfEach(
        key,
        page.map(({ partition }) => partition),
      ),
    );
    for (const row of page) {
      logged.stored(row.partition);
      const record = last.get(row.partition) ?? null;
      if (row.positionTag.epoch < resetEpoch || (record === null && archived.number > 0)) continue;
      const edit = partitionEdit({ ...row, logged: record?.newCursor ?? null });
      if (edit === null) continue;
      throw otherWatermark(key, row.partition, record?.number ?? 0, edit.logged, edit.stored);
    }
    after = page.at(-1)?.partition ?? null;
  }
  logged.end();
}

/** Every stream that was ever stored must still have its state and its log. */
function* assertNoneRemoved(rows: Rows): Work<void> {
  let after: StreamKey | null = null;
  for (;;) {
    const page: { key: StreamKey; isStored: boolean }[] = yield* got(
      rows.listed({ after, limit: mostListed }),
    );
    const removed = page.find(({ isStored }) => !isStored);
    if (removed !== undefined) throw streamRemoved(removed.key);
    after = page.at(-1)?.key ?? null;
    if (after === null) return;
  }
}
