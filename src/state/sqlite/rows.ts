import { sortKey } from "../../model/cursor.ts";
import { stringifyJson } from "../../model/json.ts";
import type { BoundaryKey, Interval, Position } from "../../model/position.ts";
import { formatStreamKey, type StreamKey } from "../../model/stream-key.ts";
import {
  positionText,
  readAuditRecord,
  readBoundaryKey,
  readInterval,
  readRunRow,
  readStreamRow,
} from "../codec.ts";
import type { AuditRecord } from "../contract.ts";
import type { Place } from "../listing.ts";
import type { RowTransaction } from "../row-store.ts";
import { isoTime, type RunRow, type StreamRow } from "../rows.ts";
import { streamColumns } from "../stream-columns.ts";
import type { Statements } from "./statements.ts";

const mostKnown = 100;

function nameOf({ connector, stream }: StreamKey, lane: string): string {
  return `${connector}\n${stream}\n${lane}`;
}

/** The state's tables in SQLite, inside whatever transaction the connection has open. */
export class SqliteRows implements RowTransaction {
  readonly #sql: Statements;
  readonly #holder: string;
  /** Rows as they were last read or written, for as long as nobody else has written to the file. */
  readonly #known = new Map<string, StreamRow>();
  #version: unknown = null;

  constructor(statements: Statements, holder: string) {
    this.#sql = statements;
    this.#holder = holder;
  }

  /**
   * To be called when a transaction begins: what is known of the rows holds only if no other
   * connection has written since. A checkpoint each page then need not read back what it wrote.
   */
  begun(): void {
    const version = this.#sql.get("PRAGMA data_version")?.data_version;
    if (version !== this.#version || this.#known.size > mostKnown) this.#known.clear();
    this.#version = version;
  }

  /** To be called when a transaction was rolled back. */
  rolledBack(): void {
    this.#known.clear();
  }

  load(key: StreamKey, lane: string): StreamRow | null {
    const known = this.#known.get(nameOf(key, lane));
    if (known !== undefined) return { ...known, position: structuredClone(known.position) };
    const raw = this.#sql.get(
      "SELECT * FROM tidemark_streams WHERE connector = ? AND stream = ? AND lane = ?",
      key.connector,
      key.stream,
      lane,
    );
    if (raw === undefined) return null;
    return this.#read(raw, key, lane);
  }

  #read(raw: unknown, key: StreamKey, lane: string): StreamRow {
    const place = [key.connector, key.stream, lane] as const;
    const holder = `${this.#holder}: ${formatStreamKey(key)}`;
    const boundary: BoundaryKey[] = this.#sql
      .all(
        `SELECT identity, cursor_value AS cursor, count FROM tidemark_boundary_keys
         WHERE connector = ? AND stream = ? AND lane = ?`,
        ...place,
      )
      .map((row) => readBoundaryKey(row, holder));
    const coverage: Interval[] = this.#sql
      .all(
        `SELECT lower_value AS lower, upper_value AS upper FROM tidemark_coverage
         WHERE connector = ? AND stream = ? AND lane = ? ORDER BY number`,
        ...place,
      )
      .map((row) => readInterval(row, holder));
    return readStreamRow(raw, { boundary, coverage }, this.#holder);
  }

  save(row: StreamRow, previous: StreamRow | null): void {
    this.#sql.run(saveStream, ...streamParams(row));
    this.#remember(row);
    if (row.position.boundary !== previous?.position.boundary) this.#saveBoundary(row, previous);
    if (row.position.coverage !== previous?.position.coverage) this.#saveCoverage(row, previous);
  }

  /** A copy, since what callers hand in and get is theirs to change. Ended runs have no next step to speed up. */
  #remember(row: StreamRow): void {
    const name = nameOf(row.key, row.lane);
    if (row.metadata !== null) this.#known.delete(name);
    else this.#known.set(name, { ...row, position: structuredClone(row.position) });
  }

  #saveBoundary(row: StreamRow, previous: StreamRow | null): void {
    const place = [row.key.connector, row.key.stream, row.lane] as const;
    const { gone, come } = differences(previous?.position, row.position);
    for (const key of gone) {
      this.#sql.run(
        `DELETE FROM tidemark_boundary_keys
         WHERE connector = ? AND stream = ? AND lane = ? AND identity = ? AND cursor_value = ?`,
        ...place,
        key.identity,
        key.cursor,
      );
    }
    for (const key of come) {
      this.#sql.run(
        "INSERT OR REPLACE INTO tidemark_boundary_keys VALUES (?, ?, ?, ?, ?, ?)",
        ...place,
        key.identity,
        key.cursor,
        key.count,
      );
    }
  }

  #saveCoverage(row: StreamRow, previous: StreamRow | null): void {
    const place = [row.key.connector, row.key.stream, row.lane] as const;
    if (row.position.coverage.length === 0 && (previous?.position.coverage.length ?? 0) === 0) return;
    this.#sql.run("DELETE FROM tidemark_coverage WHERE connector = ? AND stream = ? AND lane = ?", ...place);
    for (const [number, interval] of row.position.coverage.entries()) {
      this.#sql.run(
        "INSERT INTO tidemark_coverage VALUES (?, ?, ?, ?, ?, ?)",
        ...place,
        number,
        interval.lower,
        interval.upper,
      );
    }
  }

  saveRun(run: RunRow): void {
    this.#sql.run(saveRun, ...runParams(run));
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
    const { key, number, atUtc, actor, action, oldCursor, newCursor, reason, runId, hash } = record;
    this.#sql.run(
      "INSERT INTO tidemark_audit VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
      ...[key.connector, key.stream, number, atUtc, actor, action, oldCursor, newCursor, reason, runId, hash],
    );
  }

  listStreams(options: { after: StreamKey | null; limit: number; connector: string | null }): StreamRow[] {
    const { after, limit, connector } = options;
    return this.#sql
      .all(
        `SELECT * FROM tidemark_streams
         WHERE lane = '' AND (connector, stream) > (?, ?) AND (?3 IS NULL OR connector = ?3)
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
}

/** Which boundary keys to delete and which to write, so that a growing set is not written anew each time. */
function differences(
  before: Position | undefined,
  after: Position,
): { gone: readonly BoundaryKey[]; come: readonly BoundaryKey[] } {
  const name = (key: BoundaryKey): string => `${key.cursor}\n${key.count}\n${key.identity}`;
  const old = new Set((before?.boundary ?? []).map(name));
  const now = new Set(after.boundary.map(name));
  return {
    gone: (before?.boundary ?? []).filter((key) => !now.has(name(key))),
    come: after.boundary.filter((key) => !old.has(name(key))),
  };
}

const saveStream = `
  INSERT INTO tidemark_streams (${streamColumns.join(", ")})
  VALUES (${streamColumns.map(() => "?").join(", ")})
  ON CONFLICT (connector, stream, lane) DO UPDATE SET
  ${streamColumns
    .slice(3)
    .map((name) => `${name} = excluded.${name}`)
    .join(", ")}`;

type Param = string | number | null;

function streamParams(row: StreamRow): Param[] {
  const { watermark } = row.position;
  return [
    row.key.connector,
    row.key.stream,
    row.lane,
    row.cursorType,
    watermark,
    watermark === null || row.cursorType === null ? null : sortKey(row.cursorType, watermark),
    positionText(row.position),
    row.positionTag.epoch,
    row.positionTag.sequence,
    row.status,
    row.epoch,
    row.sequence,
    row.runId,
    row.runLowerBound,
    row.runActor,
    optionalTime(row.startedAt),
    row.leaseSeconds,
    optionalTime(row.leaseExpiresAt),
    optionalJson(row.leaseOwner),
    row.lastError,
    row.recordsProcessed,
    optionalJson(row.metadata),
    isoTime(row.updatedAt),
    row.auditNumber,
    row.auditHead,
  ];
}

const saveRun = `
  INSERT INTO tidemark_runs (connector, stream, run_id, kind, epoch, outcome, started_at_utc, ended_at_utc,
    lower_bound, new_cursor, records_processed, checkpoints, error, metadata, actor, end_position)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
  ON CONFLICT (connector, stream, run_id) DO UPDATE SET
    epoch = excluded.epoch, outcome = excluded.outcome, ended_at_utc = excluded.ended_at_utc,
    new_cursor = excluded.new_cursor, records_processed = excluded.records_processed,
    checkpoints = excluded.checkpoints, error = excluded.error, metadata = excluded.metadata,
    end_position = excluded.end_position`;

function runParams(run: RunRow): Param[] {
  return [
    run.key.connector,
    run.key.stream,
    run.runId,
    run.kind,
    run.epoch,
    run.outcome,
    isoTime(run.startedAt),
    optionalTime(run.endedAt),
    run.lowerBound,
    run.newCursor,
    run.recordsProcessed,
    run.checkpoints,
    run.error,
    optionalJson(run.metadata),
    run.actor,
    run.endPosition,
  ];
}

function optionalTime(milliseconds: number | null): string | null {
  return milliseconds === null ? null : isoTime(milliseconds);
}

function optionalJson(value: unknown): string | null {
  return value === null ? null : stringifyJson(value);
}
