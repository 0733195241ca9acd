import type { Position } from "../../../model/position.ts";
import type { StreamKey } from "../../../model/stream-key.ts";
import type { ChainLink } from "../../chain-link.ts";
import {
  auditFields,
  readAuditRecord,
  readRunRow,
  runFields,
  storedPositionOf,
  streamFields,
} from "../../codec.ts";
import type { AuditRecord } from "../../contract.ts";
import { columnNames, encode } from "../../derive/table.ts";
import { isoTime } from "../../iso-time.ts";
import type { Moment, Place } from "../../listing.ts";
import type { DueRuns } from "../../row-storage.ts";
import type { Change, RunRow, StreamRow } from "../../rows.ts";
import { audit, runs, streams } from "../../tables.ts";
import { listsOf, optionalText, streamRow, textOf } from "./columns.ts";
import { PostgresLogs } from "./logs.ts";
import { coverageValues, positionParameter, tieSetValues } from "./parameters.ts";
import { PostgresPartitions } from "./partitions.ts";
import type { Queries } from "./queries.ts";
import { refuseNewerTables } from "./schema.ts";
import type { Runner } from "./session.ts";

/** Sorts after every ISO 8601 time. */
const afterAnyTime = "~";

/** What is stored of a stream, and the server's time in milliseconds since 1970. */
export interface Found {
  readonly row: StreamRow | null;
  /** The text of its position as it is stored. */
  readonly position: string | null;
  readonly run: RunRow | null;
  readonly now: number;
}

/** The state's tables, read and written row by row: for all that is not one of the steps that every run takes. */
export class PostgresRows {
  readonly #runner: Runner;
  readonly #queries: Queries;
  readonly partitions: PostgresPartitions;
  readonly logs: PostgresLogs;

  constructor(runner: Runner, queries: Queries) {
    this.#runner = runner;
    this.#queries = queries;
    this.partitions = new PostgresPartitions(runner, queries);
    this.logs = new PostgresLogs(runner, queries);
  }

  /** A stream as it stands, with the run of that id if one is asked for. */
  async read(key: StreamKey, scope: string, runId?: string): Promise<Found> {
    // The run first: one that is found running has its stream's row, which is then found as well.
    const run = runId === undefined ? null : await this.loadRun(key, runId);
    const [row] = await this.#runner.run(this.#queries.read, { ...key, scope });
    const { place } = this.#runner;
    if (row === undefined) throw new Error("a query for one row gave none");
    refuseNewerTables(row.version, place);
    const there = row.connector !== null;
    return {
      row: there ? streamRow(row, place) : null,
      position: there ? textOf(row, "position", place) : null,
      run,
      now: Date.parse(textOf(row, "now", place)),
    };
  }

  /** As `read`, holding the row, if it is there, until the transaction ends. */
  async lock(key: StreamKey, scope: string, runId?: string): Promise<Found> {
    for (;;) {
      const held = await this.#runner.run(this.#queries.lock, { ...key, scope });
      const found = await this.read(key, scope, runId);
      // A row that came between the two is not held yet.
      if (held.length > 0 || found.row === null) return found;
    }
  }

  /** Stores a change to a row that is locked, or that was not there; false, with nothing stored, if by now it is. */
  async store(change: Change, previous: StreamRow | null): Promise<boolean> {
    const { row } = change;
    const save = previous === null ? this.#queries.insert : this.#queries.update;
    const saved = await this.#runner.run(save, streamValues(row));
    if (saved.length === 0) return false;
    if (previous === null && row.scope === "") await this.logs.add(row.key);
    await this.#storeBeside(row.key, row.scope, row.position, previous?.position);
    for (const run of change.runs)
      await this.#runner.run(this.#queries.saveRun, encode(runs, runFields(run)));
    if (change.audit.length > 0) {
      const records = change.audit.map((record) => encode(audit, auditFields(record)));
      const lists = listsOf(records, columnNames(audit));
      await this.#runner.run(this.#queries.appendAudit, { ...lists, ...row.key });
    }
    await this.partitions.save(change.partitions ?? []);
    if (change.startsOver === true) await this.partitions.clearBackfilled(row.key);
    await this.partitions.saveBackfilled(row.key, change.backfilled ?? []);
    return true;
  }

  async #storeBeside(
    key: StreamKey,
    scope: string,
    now: Position,
    before: Position | undefined,
  ): Promise<void> {
    if (now.tieSet !== before?.tieSet) {
      await this.#runner.run(this.#queries.dropTieSet, { ...key, scope });
      await this.#runner.run(this.#queries.addTieSet, { ...key, scope, ...tieSetValues(now) });
    }
    if (now.coverage !== before?.coverage) {
      await this.#runner.run(this.#queries.dropCoverage, { ...key, scope });
      await this.#runner.run(this.#queries.addCoverage, { ...key, scope, ...coverageValues(now) });
    }
  }

  async loadRun(key: StreamKey, runId: string): Promise<RunRow | null> {
    const [row] = await this.#runner.run(this.#queries.readRun, { ...key, run_id: runId });
    return row === undefined ? null : readRunRow(row, this.#runner.place).run;
  }

  /** Whether the stream has, or ever had, a state or a run. */
  async isKnown(key: StreamKey): Promise<boolean> {
    const [row] = await this.#runner.run(this.#queries.isKnown, { ...key });
    return row?.known === "t";
  }

  async listStreams(options: {
    after: StreamKey | null;
    limit: number;
    connector: string | null;
  }): Promise<StreamRow[]> {
    const { after, limit, connector } = options;
    const from = { after_connector: after?.connector ?? "", after_stream: after?.stream ?? "", limit };
    const rows =
      connector === null
        ? await this.#runner.run(this.#queries.listStreams, from)
        : await this.#runner.run(this.#queries.listConnector, { ...from, connector });
    return rows.map((row) => streamRow(row, this.#runner.place));
  }

  async listRuns(
    key: StreamKey,
    options: { before: number | null; limit: number },
  ): Promise<{ number: number; run: RunRow }[]> {
    const before = options.before ?? Number.MAX_SAFE_INTEGER;
    const rows = await this.#runner.run(this.#queries.listRuns, { ...key, before, limit: options.limit });
    return rows.map((row) => readRunRow(row, this.#runner.place));
  }

  async listAudit(options: {
    key: StreamKey | null;
    after: Place | null;
    limit: number;
  }): Promise<AuditRecord[]> {
    const { key, after, limit } = options;
    const from = {
      after_connector: after?.key.connector ?? "",
      after_stream: after?.key.stream ?? "",
      after_number: after?.number ?? 0,
      limit,
    };
    const rows =
      key === null
        ? await this.#runner.run(this.#queries.listAudit, from)
        : await this.#runner.run(this.#queries.listAuditOf, { ...from, ...key });
    return rows.map((row) => readAuditRecord(row, this.#runner.place));
  }

  async listNewestAudit(options: {
    key: StreamKey | null;
    before: Moment | null;
    limit: number;
  }): Promise<AuditRecord[]> {
    const { key, before, limit } = options;
    const from = { before_number: before?.number ?? Number.MAX_SAFE_INTEGER, limit };
    const rows =
      key === null
        ? await this.#runner.run(this.#queries.listNewestAudit, {
            ...from,
            before_time: before?.atUtc ?? afterAnyTime,
            before_connector: before?.key.connector ?? "",
            before_stream: before?.key.stream ?? "",
          })
        : await this.#runner.run(this.#queries.listNewestAuditOf, { ...from, ...key });
    return rows.map((row) => readAuditRecord(row, this.#runner.place));
  }

  /** Those that are not completed first, then by their start, the newest first. */
  async listBackfills(key: StreamKey, limit: number): Promise<StreamRow[]> {
    const rows = await this.#runner.run(this.#queries.listBackfills, { ...key, limit });
    return rows.map((row) => streamRow(row, this.#runner.place));
  }

  /** Every stream after a key that has a row of any kind. */
  async listKeys(after: StreamKey | null, limit: number): Promise<StreamKey[]> {
    const { place } = this.#runner;
    const from = { after_connector: after?.connector ?? "", after_stream: after?.stream ?? "", limit };
    const rows = await this.#runner.run(this.#queries.listKeys, from);
    return rows.map((row) => ({
      connector: textOf(row, "connector", place),
      stream: textOf(row, "stream", place),
    }));
  }

  /** Deletes ended runs, the oldest first; returns how many. */
  async pruneRuns(key: StreamKey, { keep, endedBefore }: DueRuns, limit: number): Promise<number> {
    const ended_before = endedBefore === null ? null : isoTime(endedBefore);
    const [row] = await this.#runner.run(this.#queries.pruneRuns, { ...key, keep, ended_before, limit });
    return Number(row?.runs ?? 0);
  }

  /** The server's time in milliseconds since 1970. */
  async now(): Promise<number> {
    const { now } = await this.read({ connector: "", stream: "" }, "");
    return now;
  }

  /** The end of each live stream's log as the stream remembers it, in the order of their names. */
  async listLogEnds(after: StreamKey | null, limit: number): Promise<LogEnd[]> {
    const { place } = this.#runner;
    const rows = await this.#runner.run(this.#queries.listLogEnds, {
      after_connector: after?.connector ?? "",
      after_stream: after?.stream ?? "",
      limit,
    });
    return rows.map((row) => ({
      key: { connector: textOf(row, "connector", place), stream: textOf(row, "stream", place) },
      number: Number(row.audit_number),
      hash: textOf(row, "audit_head", place),
      watermark: optionalText(row, "cursor_value", place),
      positionWatermark: optionalText(row, "position_watermark", place),
      resetEpoch: Number(row.reset_epoch),
      archived: {
        number: Number(row.archived_number ?? 0),
        hash: row.archived_hash === null ? "" : textOf(row, "archived_hash", place),
      },
    }));
  }
}

export interface LogEnd {
  readonly key: StreamKey;
  readonly number: number;
  readonly hash: string;
  readonly watermark: string | null;
  readonly positionWatermark: string | null;
  readonly resetEpoch: number;
  /** Up to where the log was moved into an archive. */
  readonly archived: ChainLink;
}

/** A row's columns. Throws `ARGUMENT_INVALID` where PostgreSQL could not read the position again. */
function streamValues(row: StreamRow) {
  return encode(streams, streamFields(row, positionParameter(row.key, storedPositionOf(row))));
}
