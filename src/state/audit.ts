import { TidemarkError } from "../errors.ts";
import { formatStreamKey, type StreamKey } from "../model/stream-key.ts";
import type { AuditRecord } from "./contract.ts";
import { ChainFollower, type ChainLink, chainHash, noLink } from "./hash-chain.ts";
import { streamNotFound } from "./refusals.ts";
import type { StreamRow } from "./rows.ts";

/** What a row of the audit log says, before it is numbered and chained. */
export type AuditEntry = Omit<AuditRecord, "number" | "hash">;

/**
 * The hash of a row. The partition comes last and only where there is one, so that logs from before there were any stay
 * as they are. PostgreSQL computes the same in SQL.
 */
export function auditHash(previous: string, row: Omit<AuditRecord, "hash">): string {
  return chainHash(previous, [
    String(row.number),
    row.key.connector,
    row.key.stream,
    row.atUtc,
    row.actor,
    row.action,
    row.oldCursor,
    row.newCursor,
    row.reason,
    row.runId,
    ...(row.partition === null ? [] : [row.partition]),
  ]);
}

/** Chains an entry to the end of a stream's log. */
export function chainEntry(tail: ChainLink, entry: AuditEntry): AuditRecord {
  const row = { ...entry, number: tail.number + 1 };
  return { ...row, hash: auditHash(tail.hash, row) };
}

/**
 * Verifies one stream's rows as they are read, in the order of their numbers. At the end it compares the last row with
 * the end of the log that the stream's row stores. Throws `AUDIT_BROKEN` naming the first row that is altered, missing
 * or out of place.
 */
export class ChainVerifier {
  readonly #key: StreamKey;
  readonly #archived: ChainLink;
  readonly #chain: ChainFollower;
  #own: AuditRecord | null = null;

  /** `archived`: up to where the log was moved into an archive; the first row goes on from there. */
  constructor(key: StreamKey, archived: ChainLink = noLink) {
    this.#key = key;
    this.#archived = archived;
    this.#chain = new ChainFollower((number, what) => auditBroken(key, number, what), archived);
  }

  row(row: AuditRecord): void {
    this.#chain.row(row, (previous) => auditHash(previous, row));
    if (row.partition === null) this.#own = row;
  }

  /** Compares the last row with the end of the log and the watermark that the stream's row stores. */
  end(tail: ChainLink, watermark?: string | null): void {
    this.#chain.end(tail);
    if (watermark === undefined || (this.#own === null && this.#archived.number > 0)) return;
    const logged = this.#own?.newCursor ?? null;
    if (logged !== watermark)
      throw otherWatermark(this.#key, null, this.#own?.number ?? 0, logged, watermark);
  }
}

/** A stored watermark that is not the one that the log ends with. */
export function otherWatermark(
  key: StreamKey,
  partition: string | null,
  number: number,
  logged: string | null,
  stored: string | null,
): TidemarkError {
  const stream = formatStreamKey(key);
  const whole = partition === null ? stream : `partition "${partition}" of ${stream}`;
  return new TidemarkError(
    "AUDIT_BROKEN",
    `the stored watermark of ${whole} is ${stored ?? "none"}, and its audit log ends with ${logged ?? "none"}: it was changed outside Tidemark`,
    {
      stream,
      hint:
        `Restore it from a backup, or set the position of ${partition === null ? "the stream" : "the partition"}, which is audited: ` +
        `tidemark state set ${key.connector} ${key.stream} ${stored ?? logged ?? "VALUE"}${partition === null ? "" : ` --partition '${partition}'`} --reason "…"`,
      details: { number, logged, stored },
    },
  );
}

/** A partition that is still in the log. */
export function partitionRemoved(
  key: StreamKey,
  { partition, number, newCursor }: AuditRecord,
): TidemarkError {
  const stream = formatStreamKey(key);
  const { connector, stream: name } = key;
  return new TidemarkError("AUDIT_BROKEN", removedPartition(stream, partition ?? "", newCursor), {
    stream,
    hint:
      "Restore the partition from a backup, or set its position, which is audited: " +
      `tidemark state set ${connector} ${name} ${newCursor ?? "VALUE"} --partition '${partition}' --reason "…"`,
    details: { partition, number, logged: newCursor, stored: null },
  });
}

/** The error for a partition that the log has and the state does not have. */
export function removedPartition(stream: string, partition: string, logged: string | null): string {
  return `the stored state of partition "${partition}" of ${stream} was removed, and its audit log ends with ${logged ?? "none"}: it was changed outside Tidemark`;
}

/** The list of the streams that were ever stored has fewer than were counted. */
export function listCut(holder: string, counted: number, listed: number): TidemarkError {
  return new TidemarkError(
    "AUDIT_BROKEN",
    `${holder}: ${counted} streams were stored by now, and the list of streams has ${listed} of them: streams were removed outside Tidemark`,
  );
}

export function streamRemoved(key: StreamKey): TidemarkError {
  const stream = formatStreamKey(key);
  return new TidemarkError(
    "AUDIT_BROKEN",
    `the state of ${stream} was removed, together with its audit log`,
    {
      stream,
    },
  );
}

export function auditBroken(key: StreamKey, number: number, what: string): TidemarkError {
  const stream = formatStreamKey(key);
  return new TidemarkError("AUDIT_BROKEN", `audit row ${number} of ${stream} ${what}`, {
    stream,
    details: { number },
  });
}

/** Checks that a log may be removed up to a row. `record` is the log's row with that number, if there is one. */
export function assertArchivable(
  key: StreamKey,
  row: StreamRow | null,
  record: AuditRecord | undefined,
  to: ChainLink,
): void {
  if (row === null) throw streamNotFound(key);
  if (record?.number !== to.number || record.hash !== to.hash) {
    throw auditBroken(key, to.number, "is not the one in the archive");
  }
  if (to.number < row.auditNumber) return;
  const stream = formatStreamKey(key);
  throw new TidemarkError("ARGUMENT_INVALID", `the last row of the audit log of ${stream} has to stay`, {
    stream,
  });
}
