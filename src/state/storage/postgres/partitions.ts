import type { CursorRange } from "../../../model/position.ts";
import type { StreamKey } from "../../../model/stream-key.ts";
import { isSameCoverage } from "../../backfilled.ts";
import { readInterval, readPartitionRow } from "../../codec.ts";
import {
  type Backfilled,
  type Beside,
  backfilledLane,
  type EditPolicy,
  isoTime,
  lanesUnder,
  type PartitionChange,
  type PartitionRow,
  partitionLane,
} from "../../rows.ts";
import { besideOfRow, textOf } from "./columns.ts";
import { differentKeys } from "./move.ts";
import { positionParameter } from "./parameters.ts";
import type { PartitionQueries } from "./partition-queries.ts";
import type { Runner } from "./session.ts";
import type { Row } from "./statement.ts";

/** How many partitions one statement takes. */
const mostAtOnce = 1000;

/** A stream's partitions, and what finished backfills covered of it and of them. */
export class PostgresPartitions {
  readonly #runner: Runner;
  readonly #queries: PartitionQueries;

  constructor(runner: Runner, queries: PartitionQueries) {
    this.#runner = runner;
    this.#queries = queries;
  }

  async load(key: StreamKey, lane: string, names: readonly string[]): Promise<Map<string, PartitionRow>> {
    const found = new Map<string, PartitionRow>();
    for (const some of chunks(names)) {
      const rows = await this.#runner.run(this.#queries.readPartitions, { ...key, lane, names: some });
      for (const row of rows.map((raw) => this.#read(raw))) found.set(row.partition, row);
    }
    return found;
  }

  /** What the log has of live partitions of which nothing is stored: the watermark of each that still counts. */
  async removed(key: StreamKey, names: readonly string[]): Promise<Map<string, string>> {
    const found = new Map<string, string>();
    const { place } = this.#runner;
    for (const some of chunks(names)) {
      for (const row of await this.#runner.run(this.#queries.removedPartitions, { ...key, names: some })) {
        found.set(textOf(row, "partition", place), textOf(row, "logged", place));
      }
    }
    return found;
  }

  async list(key: StreamKey, after: string | null, limit: number): Promise<PartitionRow[]> {
    const from = { ...key, lane: "", after: after ?? "", limit };
    const rows = await this.#runner.run(this.#queries.listPartitions, from);
    return rows.map((raw) => this.#read(raw));
  }

  async hasAny(key: StreamKey, lane: string, sinceEpoch: number): Promise<boolean> {
    const values = { ...key, lane, since_epoch: sinceEpoch };
    const [row] = await this.#runner.run(this.#queries.hasPartitions, values);
    return row?.found === "t";
  }

  #read(raw: Row): PartitionRow {
    const { place } = this.#runner;
    const row = readPartitionRow(raw, besideOfRow(raw, place), place);
    if (raw.is_logged !== "t") return row;
    return { ...row, logged: raw.logged == null ? null : String(raw.logged) };
  }

  /**
   * What a step has to know beside the stream's row, which is locked: these partitions, and what
   * backfills covered of those, which is locked with it until the transaction ends.
   */
  async beside(
    key: StreamKey,
    lane: string,
    names: readonly string[],
    backfilled: readonly (string | null)[],
    edits: EditPolicy,
  ): Promise<Beside> {
    const rows = await this.load(key, lane, names);
    if (backfilled.length > 0) await this.#runner.run(this.#queries.lockBackfilled, { ...key });
    const covered = await this.backfilled(key, backfilled);
    const unknown = lane === "" ? names.filter((name) => !rows.has(name)) : [];
    const removed = await this.removed(key, unknown);
    return {
      edits,
      partition: (name) => rows.get(name) ?? null,
      backfilled: (name) => covered.get(name) ?? [],
      removed: (name) => removed.get(name) ?? null,
    };
  }

  /** Stores what has changed of partitions, all of one lane. */
  async save(changes: readonly PartitionChange[]): Promise<void> {
    for (const some of chunks(changes)) {
      const [first] = some;
      if (first === undefined) return;
      const { key, lane } = first.row;
      await this.#runner.run(this.#queries.savePartitions, {
        ...key,
        lane,
        names: some.map(({ row }) => row.partition),
        values: some.map(({ row }) => row.position.watermark),
        positions: some.map(({ row }) => positionParameter(key, row.position)),
        epochs: some.map(({ row }) => row.positionTag.epoch),
        sequences: some.map(({ row }) => row.positionTag.sequence),
        run_epochs: some.map(({ row }) => row.runEpoch),
        lower_bounds: some.map(({ row }) => row.runLowerBound),
        times: some.map(({ row }) => isoTime(row.updatedAt)),
      });
      await this.#saveTieSet(key, some);
      await this.#saveCoverage(key, some);
    }
  }

  async #saveTieSet(key: StreamKey, changes: readonly PartitionChange[]): Promise<void> {
    const differences = changes.map(({ row, previous }) => ({
      lane: partitionLane(row.lane, row.partition),
      ...differentKeys(previous?.position.tieSet ?? [], row.position.tieSet),
    }));
    const going = differences.filter(({ go }) => go);
    if (going.length > 0) {
      const kept = going.flatMap((each) => each.kept.map((tieSet) => ({ lane: each.lane, ...tieSet })));
      await this.#runner.run(this.#queries.dropKeys, {
        ...key,
        lanes: going.map(({ lane }) => lane),
        kept_lanes: kept.map(({ lane }) => lane),
        kept_identities: kept.map(({ identity }) => identity),
        kept_cursors: kept.map(({ cursor }) => cursor),
        kept_counts: kept.map(({ count }) => count),
      });
    }
    const come = differences.flatMap((each) => each.come.map((tieSet) => ({ lane: each.lane, ...tieSet })));
    if (come.length === 0) return;
    await this.#runner.run(this.#queries.addKeys, {
      ...key,
      lanes: come.map(({ lane }) => lane),
      identities: come.map(({ identity }) => identity),
      cursors: come.map(({ cursor }) => cursor),
      counts: come.map(({ count }) => count),
    });
  }

  async #saveCoverage(key: StreamKey, changes: readonly PartitionChange[]): Promise<void> {
    const changed = changes.filter(
      ({ row, previous }) => !isSameCoverage(previous?.position.coverage ?? [], row.position.coverage),
    );
    await this.#putIntervals(
      key,
      changed.map(({ row }) => ({
        lane: partitionLane(row.lane, row.partition),
        coverage: row.position.coverage,
      })),
    );
  }

  async #putIntervals(
    key: StreamKey,
    put: readonly { lane: string; coverage: readonly CursorRange[] }[],
  ): Promise<void> {
    if (put.length === 0) return;
    await this.#runner.run(this.#queries.dropIntervals, { ...key, lanes: put.map(({ lane }) => lane) });
    const rows = put.flatMap(({ lane, coverage }) =>
      coverage.map((interval, number) => ({ lane, number, ...interval })),
    );
    if (rows.length === 0) return;
    await this.#runner.run(this.#queries.addIntervals, {
      ...key,
      lanes: rows.map(({ lane }) => lane),
      numbers: rows.map(({ number }) => number),
      lowers: rows.map(({ lower }) => lower),
      uppers: rows.map(({ upper }) => upper),
    });
  }

  async backfilled(
    key: StreamKey,
    partitions: readonly (string | null)[],
  ): Promise<Map<string | null, CursorRange[]>> {
    const { place } = this.#runner;
    const found = new Map<string | null, CursorRange[]>();
    for (const some of chunks(partitions)) {
      const ofLane = new Map(some.map((partition) => [backfilledLane(partition), partition]));
      const lanes = [...ofLane.keys()];
      for (const row of await this.#runner.run(this.#queries.readIntervals, { ...key, lanes })) {
        const partition = ofLane.get(textOf(row, "lane", place)) ?? null;
        found.set(partition, [...(found.get(partition) ?? []), readInterval(row, place)]);
      }
    }
    return found;
  }

  async saveBackfilled(key: StreamKey, backfilled: readonly Backfilled[]): Promise<void> {
    await this.#putIntervals(
      key,
      backfilled.map(({ partition, coverage }) => ({ lane: backfilledLane(partition), coverage })),
    );
  }

  async clearBackfilled(key: StreamKey): Promise<void> {
    await this.#runner.run(this.#queries.lockBackfilled, { ...key });
    await this.#runner.run(this.#queries.dropIntervals, { ...key, lanes: [backfilledLane(null)] });
    await this.#runner.run(this.#queries.dropIntervalsUnder, { ...key, ...lanesUnder(backfilledLane(null)) });
  }

  async backfilledPartitions(key: StreamKey): Promise<string[]> {
    const under = lanesUnder(backfilledLane(null));
    const rows = await this.#runner.run(this.#queries.lanesUnder, { ...key, ...under });
    const start = backfilledLane("").length;
    return rows.map((row) => textOf(row, "lane", this.#runner.place).slice(start));
  }
}

function* chunks<T>(items: readonly T[]): Generator<readonly T[]> {
  for (let start = 0; start < items.length; start += mostAtOnce) yield items.slice(start, start + mostAtOnce);
}
