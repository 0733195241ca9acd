import type { CursorRange, Position } from "../../../model/position.ts";
import type { StreamKey } from "../../../model/stream-key.ts";
import {
  auditFields,
  readAuditRecord,
  readRunRow,
  runFields,
  storedPositionOf,
  streamFields,
} from "../../codec.ts";
import { agreesWithLog } from "../../compared-row.ts";
import type { AuditRecord } from "../../contract.ts";
import { columnNames, encode } from "../../derive/table.ts";
import { type ChainLink, noLink } from "../../hash-chain.ts";
import { isoTime } from "../../iso-time.ts";
import type { Moment, Place } from "../../listing.ts";
import type { DueRuns } from "../../row-storage.ts";
import type { Change, PartitionRow, RunRow, StreamRow } from "../../rows.ts";
import type { RememberedEnd, Rows } from "../../state-storage.ts";
import { audit, runs, streams } from "../../tables.ts";
import type { Maybe } from "../../work.ts";
import { listsOf, optionalText, streamRow, textOf } from "./columns.ts";
import { PostgresLogs } from "./logs.ts";
import { coverageValues, positionParameter, tieSetValues } from "./parameters.ts";
import { PostgresPartitions } from "./partitions.ts";
import type { Queries } from "./queries.ts";
import { assertKnownTables } from "./schema.ts";
import type { Runner } from "./session.ts";

/** Sorts after every ISO 8601 time. */
const afterAnyTime = "~";

/** The state's tables, read and written row by row. */
export class PostgresRows implements Rows {
  protected readonly runner: Runner;
  protected readonly queries: Queries;
  readonly #partitions: PostgresPartitions;
  readonly #logs: PostgresLogs;
  #now: number | null = null;

  constructor(runner: Runner, queries: Queries) {
    this.runner = runner;
    this.queries = queries;
    this.#partitions = new PostgresPartitions(runner, queries);
    this.#logs = new PostgresLogs(runner, queries);
  }

  /** The server's time, as read with the last row. */
  now(): Maybe<number> {
    return this.#now ?? this.#askNow();
  }

  async #askNow(): Promise<number> {
    return (await this.#readWithTime({ connector: "", stream: "" }, "")).now;
  }

  load(key: StreamKey, scope: string): Maybe<StreamRow | null> {
    return this.#read(key, scope);
  }

  async #read(key: StreamKey, scope: string): Promise<StreamRow | null> {
    return (await this.#readWithTime(key, scope)).stored;
  }

  async #readWithTime(key: StreamKey, scope: string): Promise<{ stored: StreamRow | null; now: number }> {
    const [row] = await this.runner.run(this.queries.read, { ...key, scope });
    const { place } = this.runner;
    if (row === undefined) throw new Error("a query for one row gave none");
    assertKnownTables(row.version, place);
    const now = Date.parse(textOf(row, "now", place));
    this.#now = now;
    return { stored: row.connector === null ? null : streamRow(row, place), now };
  }

  /** Stores a change to a row that is locked, or that did not exist. Throws `RowAppeared` if it exists by now. */
  async store(change: Change, previous: StreamRow | null): Promise<StreamRow> {
    const { row } = change;
    const save = previous === null ? this.queries.insert : this.queries.update;
    const saved = await this.runner.run(save, streamValues(row));
    if (saved.length === 0) throw new RowAppeared();
    if (previous === null && row.scope === "") await this.#logs.add(row.key);
    await this.#storeChildRows(row.key, row.scope, row.position, previous?.position);
    for (const run of change.runs) await this.runner.run(this.queries.saveRun, encode(runs, runFields(run)));
    if (change.audit.length > 0) {
      const records = change.audit.map((record) => encode(audit, auditFields(record)));
      const lists = listsOf(records, columnNames(audit));
      await this.runner.run(this.queries.appendAudit, { ...lists, ...row.key });
    }
    await this.#partitions.save(change.partitions ?? []);
    if (change.startsOver === true) await this.#partitions.clearBackfilled(row.key);
    await this.#partitions.saveBackfilled(row.key, change.backfilled ?? []);
    return row;
  }

  async #storeChildRows(
    key: StreamKey,
    scope: string,
    now: Position,
    before: Position | undefined,
  ): Promise<void> {
    if (now.tieSet !== before?.tieSet) {
      await this.runner.run(this.queries.dropTieSet, { ...key, scope });
      await this.runner.run(this.queries.addTieSet, { ...key, scope, ...tieSetValues(now) });
    }
    if (now.coverage !== before?.coverage) {
      await this.runner.run(this.queries.dropCoverage, { ...key, scope });
      await this.runner.run(this.queries.addCoverage, { ...key, scope, ...coverageValues(now) });
    }
  }

  loadRun(key: StreamKey, runId: string): Maybe<RunRow | null> {
    return this.#readRun(key, runId);
  }

  async #readRun(key: StreamKey, runId: string): Promise<RunRow | null> {
    const [row] = await this.runner.run(this.queries.readRun, { ...key, run_id: runId });
    return row === undefined ? null : readRunRow(row, this.runner.place).run;
  }

  loadPartitions(
    key: StreamKey,
    scope: string,
    partitions: readonly string[],
  ): Promise<Map<string, PartitionRow>> {
    return this.#partitions.load(key, scope, partitions);
  }

  loadBackfilled(
    key: StreamKey,
    partitions: readonly (string | null)[],
  ): Promise<Map<string | null, CursorRange[]>> {
    return this.#partitions.backfilled(key, partitions);
  }

  hasPartitions(key: StreamKey, scope: string, sinceEpoch: number): Promise<boolean> {
    return this.#partitions.hasAny(key, scope, sinceEpoch);
  }

  listPartitions(key: StreamKey, options: { after: string | null; limit: number }): Promise<PartitionRow[]> {
    return this.#partitions.list(key, options.after, options.limit);
  }

  backfilledPartitions(key: StreamKey): Promise<string[]> {
    return this.#partitions.backfilledPartitions(key);
  }

  lastAudit(key: StreamKey): Promise<AuditRecord | null> {
    return this.#logs.last(key);
  }

  lastAuditOfEach(key: StreamKey, partitions: readonly string[]): Promise<Map<string, AuditRecord>> {
    return this.#logs.lastOfEach(key, partitions);
  }

  async archivedTo(key: StreamKey): Promise<ChainLink> {
    return (await this.#logs.archivedTo(key)) ?? noLink;
  }

  async isListed(key: StreamKey): Promise<boolean> {
    return (await this.#logs.archivedTo(key)) !== null;
  }

  async listed(options: {
    after: StreamKey | null;
    limit: number;
  }): Promise<{ key: StreamKey; isStored: boolean }[]> {
    if (options.after === null) await this.#logs.assertUncut();
    return this.#logs.list(options.after, options.limit);
  }

  archiveAudit(key: StreamKey, to: ChainLink): Promise<number> {
    return this.#logs.archive(key, to);
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
        ? await this.runner.run(this.queries.listStreams, from)
        : await this.runner.run(this.queries.listConnector, { ...from, connector });
    return rows.map((row) => streamRow(row, this.runner.place));
  }

  async listRuns(
    key: StreamKey,
    options: { before: number | null; limit: number },
  ): Promise<{ number: number; run: RunRow }[]> {
    const before = options.before ?? Number.MAX_SAFE_INTEGER;
    const rows = await this.runner.run(this.queries.listRuns, { ...key, before, limit: options.limit });
    return rows.map((row) => readRunRow(row, this.runner.place));
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
        ? await this.runner.run(this.queries.listAudit, from)
        : await this.runner.run(this.queries.listAuditOf, { ...from, ...key });
    return rows.map((row) => readAuditRecord(row, this.runner.place));
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
        ? await this.runner.run(this.queries.listNewestAudit, {
            ...from,
            before_time: before?.atUtc ?? afterAnyTime,
            before_connector: before?.key.connector ?? "",
            before_stream: before?.key.stream ?? "",
          })
        : await this.runner.run(this.queries.listNewestAuditOf, { ...from, ...key });
    return rows.map((row) => readAuditRecord(row, this.runner.place));
  }

  /** Those that are not completed first, then by their start, the newest first. */
  async listBackfills(key: StreamKey, limit: number): Promise<StreamRow[]> {
    const rows = await this.runner.run(this.queries.listBackfills, { ...key, limit });
    return rows.map((row) => streamRow(row, this.runner.place));
  }

  /** Every stream after a key that has a row of any kind. */
  async listKeys({ after, limit }: { after: StreamKey | null; limit: number }): Promise<StreamKey[]> {
    const { place } = this.runner;
    const from = { after_connector: after?.connector ?? "", after_stream: after?.stream ?? "", limit };
    const rows = await this.runner.run(this.queries.listKeys, from);
    return rows.map((row) => ({
      connector: textOf(row, "connector", place),
      stream: textOf(row, "stream", place),
    }));
  }

  /** Deletes ended runs, the oldest first; returns how many. */
  async pruneRuns(
    key: StreamKey,
    { keep, endedBefore, limit }: DueRuns & { limit: number },
  ): Promise<number> {
    const ended_before = endedBefore === null ? null : isoTime(endedBefore);
    const [row] = await this.runner.run(this.queries.pruneRuns, { ...key, keep, ended_before, limit });
    return Number(row?.runs ?? 0);
  }

  /** The end of each live stream's log as the stream remembers it, in the order of their names. */
  async listLogEnds({ after, limit }: { after: StreamKey | null; limit: number }): Promise<RememberedEnd[]> {
    const { place } = this.runner;
    const rows = await this.runner.run(this.queries.listLogEnds, {
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

/** A row that did not exist was created by another process meanwhile. */
export class RowAppeared extends Error {}

/** The row of a subject, held from its reading until the transaction ends. */
export class HeldRows extends PostgresRows {
  readonly #scope: string;
  /** The row as this step has stored it. */
  stored: StreamRow | null = null;
  /** Whether it was found to agree with its log. */
  wasCompared = false;
  #loaded: StreamRow | null = null;

  constructor(runner: Runner, queries: Queries, scope: string) {
    super(runner, queries);
    this.#scope = scope;
  }

  override async load(key: StreamKey, scope: string): Promise<StreamRow | null> {
    if (scope !== this.#scope) return super.load(key, scope);
    for (;;) {
      const held = await this.runner.run(this.queries.lock, { ...key, scope });
      const row = await super.load(key, scope);
      // A row that was created between the two statements is not locked yet.
      if (held.length > 0 || row === null) {
        this.#loaded = row;
        return row;
      }
    }
  }

  override async listNewestAudit(
    options: Parameters<PostgresRows["listNewestAudit"]>[0],
  ): Promise<AuditRecord[]> {
    const found = await super.listNewestAudit(options);
    if (options.limit === 1 && this.#loaded !== null) {
      this.wasCompared = agreesWithLog(this.#loaded, found[0] ?? null);
    }
    return found;
  }

  /** The run exists, but its stream's row did not when it was read: the row was created since, and is not locked. */
  override async loadRun(key: StreamKey, runId: string): Promise<RunRow | null> {
    const run = await super.loadRun(key, runId);
    if (run === null || this.#loaded !== null) return run;
    if ((await super.load(key, this.#scope)) !== null) throw new RowAppeared();
    return run;
  }

  /** Serialises the backfills of one stream that add to its coverage. */
  override async loadBackfilled(
    key: StreamKey,
    partitions: readonly (string | null)[],
  ): Promise<Map<string | null, CursorRange[]>> {
    await this.runner.run(this.queries.lockBackfilled, { ...key });
    return super.loadBackfilled(key, partitions);
  }

  override async store(change: Change, previous: StreamRow | null): Promise<StreamRow> {
    this.stored = await super.store(change, previous);
    return this.stored;
  }
}

/** A row's columns. Throws `ARGUMENT_INVALID` where PostgreSQL could not read the position again. */
function streamValues(row: StreamRow) {
  return encode(streams, streamFields(row, positionParameter(row.key, storedPositionOf(row))));
}
