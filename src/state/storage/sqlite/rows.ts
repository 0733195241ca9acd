import type { SqlStatements } from "../../../databases/sqlite/statements.ts";
import type { CursorRange } from "../../../model/position.ts";
import { formatStreamKey, type StreamKey } from "../../../model/stream-key.ts";
import {
  auditFields,
  readAuditRecord,
  readRunRow,
  readStreamRow,
  runFields,
  streamFields,
} from "../../codec.ts";
import type { AuditRecord } from "../../contract.ts";
import { encode } from "../../derive/table.ts";
import type { ChainLink } from "../../hash-chain.ts";
import { isoTime } from "../../iso-time.ts";
import type { Place } from "../../listing.ts";
import type { DueRuns, RowTransaction } from "../../row-storage.ts";
import type { PartitionRow, RunRow, StreamRow } from "../../rows.ts";
import { audit, runEndColumns, runs, streams } from "../../tables.ts";
import { SqliteLogs } from "./logs.ts";
import { SqlitePartitions } from "./partitions.ts";
import { SqlitePositionParts } from "./position-parts.ts";
import { assertKnownTables } from "./schema.ts";
import { insert, upsert } from "./sql.ts";

const mostKnown = 100;
/** Sorts after every ISO 8601 time. */
const afterAnyTime = "~";

type NewestAudit = Parameters<RowTransaction["listNewestAudit"]>[0];

function nameOf({ connector, stream }: StreamKey, scope: string): string {
  return `${connector}\n${stream}\n${scope}`;
}

/** The state's tables in SQLite, inside whatever transaction the connection has open. */
export class SqliteRows implements RowTransaction {
  readonly #sql: SqlStatements;
  readonly #holder: string;
  readonly #positionParts: SqlitePositionParts;
  readonly #partitions: SqlitePartitions;
  readonly #logs: SqliteLogs;
  /** Rows as they were last read or written, for as long as nobody else has written to the file. */
  readonly #known = new Map<string, StreamRow>();
  /** The newest row of each stream's log, for just as long: each step compares its row with it. */
  readonly #newestAudit = new Map<string, AuditRecord>();
  #version: unknown = null;

  constructor(statements: SqlStatements, holder: string) {
    this.#sql = statements;
    this.#holder = holder;
    this.#positionParts = new SqlitePositionParts(statements);
    this.#partitions = new SqlitePartitions(statements, this.#positionParts, holder);
    this.#logs = new SqliteLogs(statements, holder);
  }

  /**
   * To be called when a transaction begins: what is known of the rows holds only if no other connection has written
   * since. A checkpoint after each page then need not read back what it wrote. Throws `STATE_TOO_NEW` where the other
   * connection was that of a newer version, which has changed the tables.
   */
  begun(): void {
    const version = this.#sql.get("PRAGMA data_version")?.data_version;
    if (version !== this.#version) {
      this.#version = null;
      assertKnownTables(this.#sql, this.#holder);
      this.#forget();
    }
    if (this.#known.size > mostKnown || this.#newestAudit.size > mostKnown) this.#forget();
    this.#version = version;
  }

  /** As `begun`, in a transaction of the caller's, which may yet be rolled back: nothing is known of the rows. */
  joined(): void {
    this.#forget();
    assertKnownTables(this.#sql, this.#holder);
  }

  /** To be called when a transaction was rolled back. */
  rolledBack(): void {
    this.#forget();
  }

  #forget(): void {
    this.#known.clear();
    this.#newestAudit.clear();
  }

  load(key: StreamKey, scope: string): StreamRow | null {
    const known = this.#known.get(nameOf(key, scope));
    if (known !== undefined) return { ...known, position: structuredClone(known.position) };
    const raw = this.#sql.get(
      "SELECT * FROM tidemark_streams WHERE connector = ? AND stream = ? AND scope = ?",
      key.connector,
      key.stream,
      scope,
    );
    if (raw === undefined) return null;
    return this.#read(raw, key, scope);
  }

  #read(raw: unknown, key: StreamKey, scope: string): StreamRow {
    const holder = `${this.#holder}: ${formatStreamKey(key)}`;
    return readStreamRow(raw, this.#positionParts.load(key, scope, holder), this.#holder);
  }

  save(row: StreamRow, previous: StreamRow | null): void {
    const isNew = previous === null && row.scope === "" && !this.isListed(row.key);
    this.#sql.run(saveStream, ...Object.values(encode(streams, streamFields(row))));
    if (isNew) this.#logs.add(row.key);
    this.#remember(row);
    const { tieSet, coverage } = row.position;
    const before = previous?.position;
    if (tieSet !== before?.tieSet) {
      this.#positionParts.saveTieSet(row.key, row.scope, tieSet, before?.tieSet ?? []);
    }
    if (coverage !== before?.coverage) {
      this.#positionParts.saveCoverage(row.key, row.scope, coverage, (before?.coverage ?? []).length === 0);
    }
  }

  /**
   * A copy, since callers may change the objects that they pass or receive. Ended runs have no next step, so they are
   * not cached.
   */
  #remember(row: StreamRow): void {
    const name = nameOf(row.key, row.scope);
    if (row.metadata !== null) this.#known.delete(name);
    else this.#known.set(name, { ...row, position: structuredClone(row.position) });
  }

  saveRun(run: RunRow): void {
    this.#sql.run(saveRun, ...Object.values(encode(runs, runFields(run))));
  }

  loadRun(key: StreamKey, runId: string): RunRow | null {
    const raw = this.#sql.get(
      "SELECT * FROM tidemark_runs WHERE connector = ? AND stream = ? AND run_id = ?",
      key.connector,
      key.stream,
      runId,
    );
    return raw === undefined ? null : readRunRow(raw, this.#holder).run;
  }

  appendAudit(record: AuditRecord): void {
    this.#sql.run(appendAudit, ...Object.values(encode(audit, auditFields(record))));
    this.#newestAudit.set(nameOf(record.key, ""), record);
  }

  lastAudit(key: StreamKey, partition: string | null): AuditRecord | null {
    return this.#logs.last(key, partition);
  }

  archivedTo(key: StreamKey): ChainLink {
    return this.#logs.archivedTo(key);
  }

  archiveAudit(key: StreamKey, to: ChainLink): number {
    this.#newestAudit.delete(nameOf(key, ""));
    return this.#logs.archive(key, to);
  }

  isListed(key: StreamKey): boolean {
    return this.#logs.has(key);
  }

  listed(options: { after: StreamKey | null; limit: number }): StreamKey[] {
    return this.#logs.list(options.after, options.limit);
  }

  listStreams(options: { after: StreamKey | null; limit: number; connector: string | null }): StreamRow[] {
    const { after, limit, connector } = options;
    return this.#sql
      .all(
        `SELECT * FROM tidemark_streams
         WHERE scope = '' AND (connector, stream) > (?, ?) AND (?3 IS NULL OR connector = ?3)
         ORDER BY connector, stream LIMIT ?`,
        after?.connector ?? "",
        after?.stream ?? "",
        connector,
        limit,
      )
      .map((raw) => this.#read(raw, { connector: String(raw.connector), stream: String(raw.stream) }, ""));
  }

  listRuns(
    key: StreamKey,
    options: { before: number | null; limit: number },
  ): { number: number; run: RunRow }[] {
    return this.#sql
      .all(
        `SELECT * FROM tidemark_runs WHERE connector = ? AND stream = ? AND number < ?
         ORDER BY number DESC LIMIT ?`,
        key.connector,
        key.stream,
        options.before ?? Number.MAX_SAFE_INTEGER,
        options.limit,
      )
      .map((raw) => readRunRow(raw, this.#holder));
  }

  listAudit(options: { key: StreamKey | null; after: Place | null; limit: number }): AuditRecord[] {
    const { key, after, limit } = options;
    return this.#sql
      .all(
        `SELECT * FROM tidemark_audit
         WHERE (connector, stream, number) > (?, ?, ?)
           AND (?4 IS NULL OR (connector = ?4 AND stream = ?5))
         ORDER BY connector, stream, number LIMIT ?`,
        after?.key.connector ?? key?.connector ?? "",
        after?.key.stream ?? key?.stream ?? "",
        after?.number ?? 0,
        key?.connector ?? null,
        key?.stream ?? null,
        limit,
      )
      .map((raw) => readAuditRecord(raw, this.#holder));
  }

  listNewestAudit(options: NewestAudit): AuditRecord[] {
    const { key, before, limit } = options;
    if (key === null || before !== null || limit !== 1) return this.#readNewestAudit(options);
    const name = nameOf(key, "");
    const known = this.#newestAudit.get(name);
    const found = known === undefined ? this.#readNewestAudit(options) : [known];
    for (const record of found) this.#newestAudit.set(name, record);
    return found;
  }

  #readNewestAudit({ key, before, limit }: NewestAudit): AuditRecord[] {
    const last = before?.number ?? Number.MAX_SAFE_INTEGER;
    const rows =
      key === null
        ? this.#sql.all(
            `SELECT * FROM tidemark_audit WHERE (at_utc, connector, stream, number) < (?, ?, ?, ?)
             ORDER BY at_utc DESC, connector DESC, stream DESC, number DESC LIMIT ?`,
            before?.atUtc ?? afterAnyTime,
            before?.key.connector ?? "",
            before?.key.stream ?? "",
            last,
            limit,
          )
        : this.#sql.all(
            `SELECT * FROM tidemark_audit WHERE connector = ? AND stream = ? AND number < ?
             ORDER BY number DESC LIMIT ?`,
            key.connector,
            key.stream,
            last,
            limit,
          );
    return rows.map((raw) => readAuditRecord(raw, this.#holder));
  }

  loadPartition(key: StreamKey, scope: string, partition: string): PartitionRow | null {
    const row = this.#partitions.load(key, scope, partition);
    if (row === null || scope !== "") return row;
    const last = this.#logs.last(key, partition);
    // A partition without a row in the log may have its last row in the archive.
    if (last === null && this.#logs.archivedTo(key).number > 0) return row;
    return { ...row, logged: last?.newCursor ?? null };
  }

  savePartition(row: PartitionRow, previous: PartitionRow | null): void {
    this.#partitions.save(row, previous);
  }

  hasPartitions(key: StreamKey, scope: string, sinceEpoch: number): boolean {
    return this.#partitions.hasAny(key, scope, sinceEpoch);
  }

  listPartitions(key: StreamKey, options: { after: string | null; limit: number }): PartitionRow[] {
    return this.#partitions.list(key, options.after, options.limit);
  }

  loadBackfilled(key: StreamKey, partition: string | null): readonly CursorRange[] {
    return this.#partitions.backfilled(key, partition);
  }

  saveBackfilled(key: StreamKey, partition: string | null, coverage: readonly CursorRange[]): void {
    this.#partitions.saveBackfilled(key, partition, coverage);
  }

  clearBackfilled(key: StreamKey): void {
    this.#partitions.clearBackfilled(key);
  }

  backfilledPartitions(key: StreamKey): readonly string[] {
    return this.#partitions.backfilledPartitions(key);
  }

  listBackfills(key: StreamKey, limit: number): StreamRow[] {
    return this.#sql
      .all(
        `SELECT * FROM tidemark_streams WHERE connector = ? AND stream = ? AND scope <> ''
         ORDER BY status = 'completed', started_at_utc DESC, scope LIMIT ?`,
        key.connector,
        key.stream,
        limit,
      )
      .map((raw) => this.#read(raw, key, String(raw.scope)));
  }

  listKeys(options: { after: StreamKey | null; limit: number }): StreamKey[] {
    const { after, limit } = options;
    return this.#sql
      .all(
        `SELECT DISTINCT connector, stream FROM tidemark_streams WHERE (connector, stream) > (?, ?)
         ORDER BY connector, stream LIMIT ?`,
        after?.connector ?? "",
        after?.stream ?? "",
        limit,
      )
      .map(({ connector, stream }) => ({ connector: String(connector), stream: String(stream) }));
  }

  pruneRuns(key: StreamKey, due: DueRuns & { limit: number }): number {
    const { keep, endedBefore, limit } = due;
    return this.#sql.change(
      pruneRuns,
      key.connector,
      key.stream,
      keep,
      endedBefore === null ? null : isoTime(endedBefore),
      limit,
    );
  }
}

/** The run before which all that ended are beyond those to keep is found first, by walking over just those. */
const pruneRuns = `
  DELETE FROM tidemark_runs WHERE number IN (
    SELECT number FROM tidemark_runs
    WHERE connector = ?1 AND stream = ?2 AND outcome <> 'running' AND (
      (?3 IS NOT NULL AND number <= (
        SELECT number FROM tidemark_runs
        WHERE connector = ?1 AND stream = ?2 AND outcome <> 'running'
        ORDER BY number DESC LIMIT 1 OFFSET coalesce(?3, 0)))
      OR ended_at_utc < ?4)
    ORDER BY number LIMIT ?5)`;

const saveStream = upsert(streams);
const saveRun = upsert(runs, runEndColumns);
const appendAudit = insert(audit);
