import type { CursorRange } from "../../../model/position.ts";
import { partitionScope } from "../../../model/scope.ts";
import type { StreamKey } from "../../../model/stream-key.ts";
import { isSameCoverage } from "../../backfilled.ts";
import { partitionFields, readInterval, readPartitionRow } from "../../codec.ts";
import { columnNames, encode } from "../../derive/table.ts";
import {
  type Backfilled,
  backfilledScope,
  type PartitionChange,
  type PartitionRow,
  scopesUnder,
} from "../../rows.ts";
import { partitions } from "../../tables.ts";
import { differentTies } from "../../tie-differences.ts";
import { listsOf, positionPartsOf, textOf } from "./columns.ts";
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

  async load(key: StreamKey, scope: string, names: readonly string[]): Promise<Map<string, PartitionRow>> {
    const found = new Map<string, PartitionRow>();
    for (const some of chunks(names)) {
      const rows = await this.#runner.run(this.#queries.readPartitions, { ...key, scope, names: some });
      for (const row of rows.map((raw) => this.#read(raw))) found.set(row.partition, row);
    }
    return found;
  }

  async list(key: StreamKey, after: string | null, limit: number): Promise<PartitionRow[]> {
    const from = { ...key, scope: "", after: after ?? "", limit };
    const rows = await this.#runner.run(this.#queries.listPartitions, from);
    return rows.map((raw) => this.#read(raw));
  }

  async hasAny(key: StreamKey, scope: string, sinceEpoch: number): Promise<boolean> {
    const values = { ...key, scope, since_epoch: sinceEpoch };
    const [row] = await this.#runner.run(this.#queries.hasPartitions, values);
    return row?.found === "t";
  }

  #read(raw: Row): PartitionRow {
    const { place } = this.#runner;
    const row = readPartitionRow(raw, positionPartsOf(raw, place), place);
    if (raw.is_logged !== "t") return row;
    return { ...row, logged: raw.logged == null ? null : String(raw.logged) };
  }

  /** Stores what has changed of partitions, all of one scope. */
  async save(changes: readonly PartitionChange[]): Promise<void> {
    for (const some of chunks(changes)) {
      const [first] = some;
      if (first === undefined) return;
      const { key, scope } = first.row;
      const encoded = some.map(({ row }) =>
        encode(partitions, partitionFields(row, positionParameter(key, row.position))),
      );
      const lists = listsOf(encoded, columnNames(partitions));
      await this.#runner.run(this.#queries.savePartitions, { ...lists, ...key, scope });
      await this.#saveTieSet(key, some);
      await this.#saveCoverage(key, some);
    }
  }

  async #saveTieSet(key: StreamKey, changes: readonly PartitionChange[]): Promise<void> {
    const differences = changes.map(({ row, previous }) => ({
      scope: partitionScope(row.scope, row.partition),
      ...differentTies(previous?.position.tieSet ?? [], row.position.tieSet),
    }));
    const going = differences.filter(({ go }) => go);
    if (going.length > 0) {
      const kept = going.flatMap((each) => each.kept.map((member) => ({ scope: each.scope, ...member })));
      await this.#runner.run(this.#queries.dropKeys, {
        ...key,
        scopes: going.map(({ scope }) => scope),
        kept_scopes: kept.map(({ scope }) => scope),
        kept_identities: kept.map(({ identity }) => identity),
        kept_cursors: kept.map(({ cursor }) => cursor),
        kept_counts: kept.map(({ count }) => count),
      });
    }
    const come = differences.flatMap((each) => each.come.map((member) => ({ scope: each.scope, ...member })));
    if (come.length === 0) return;
    await this.#runner.run(this.#queries.addKeys, {
      ...key,
      scopes: come.map(({ scope }) => scope),
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
        scope: partitionScope(row.scope, row.partition),
        coverage: row.position.coverage,
      })),
    );
  }

  async #putIntervals(
    key: StreamKey,
    put: readonly { scope: string; coverage: readonly CursorRange[] }[],
  ): Promise<void> {
    if (put.length === 0) return;
    await this.#runner.run(this.#queries.dropIntervals, { ...key, scopes: put.map(({ scope }) => scope) });
    const rows = put.flatMap(({ scope, coverage }) =>
      coverage.map((interval, number) => ({ scope, number, ...interval })),
    );
    if (rows.length === 0) return;
    await this.#runner.run(this.#queries.addIntervals, {
      ...key,
      scopes: rows.map(({ scope }) => scope),
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
      const ofScope = new Map(some.map((partition) => [backfilledScope(partition), partition]));
      const scopes = [...ofScope.keys()];
      for (const row of await this.#runner.run(this.#queries.readIntervals, { ...key, scopes })) {
        const partition = ofScope.get(textOf(row, "scope", place)) ?? null;
        found.set(partition, [...(found.get(partition) ?? []), readInterval(row, place)]);
      }
    }
    return found;
  }

  async saveBackfilled(key: StreamKey, backfilled: readonly Backfilled[]): Promise<void> {
    await this.#putIntervals(
      key,
      backfilled.map(({ partition, coverage }) => ({ scope: backfilledScope(partition), coverage })),
    );
  }

  async clearBackfilled(key: StreamKey): Promise<void> {
    await this.#runner.run(this.#queries.lockBackfilled, { ...key });
    await this.#runner.run(this.#queries.dropIntervals, { ...key, scopes: [backfilledScope(null)] });
    await this.#runner.run(this.#queries.dropIntervalsUnder, {
      ...key,
      ...scopesUnder(backfilledScope(null)),
    });
  }

  async backfilledPartitions(key: StreamKey): Promise<string[]> {
    const under = scopesUnder(backfilledScope(null));
    const rows = await this.#runner.run(this.#queries.scopesUnder, { ...key, ...under });
    const start = backfilledScope("").length;
    return rows.map((row) => textOf(row, "scope", this.#runner.place).slice(start));
  }
}

function* chunks<T>(items: readonly T[]): Generator<readonly T[]> {
  for (let start = 0; start < items.length; start += mostAtOnce) yield items.slice(start, start + mostAtOnce);
}
