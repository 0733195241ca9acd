import type { SqlStatements } from "../../../databases/sqlite/statements.ts";
import type { CursorRange } from "../../../model/position.ts";
import { partitionScope } from "../../../model/scope.ts";
import type { StreamKey } from "../../../model/stream-key.ts";
import { partitionFields, readPartitionRow } from "../../codec.ts";
import { encode } from "../../derive/table.ts";
import { backfilledScope, type PartitionRow, scopesUnder } from "../../rows.ts";
import { partitions } from "../../tables.ts";
import type { SqlitePositionParts } from "./position-parts.ts";
import { upsert } from "./sql.ts";

/** A stream's partitions, and what finished backfills covered of it and of them. */
export class SqlitePartitions {
  readonly #sql: SqlStatements;
  readonly #positionParts: SqlitePositionParts;
  readonly #holder: string;

  constructor(statements: SqlStatements, positionParts: SqlitePositionParts, holder: string) {
    this.#sql = statements;
    this.#positionParts = positionParts;
    this.#holder = holder;
  }

  load({ connector, stream }: StreamKey, scope: string, partition: string): PartitionRow | null {
    const raw = this.#sql.get(
      "SELECT * FROM tidemark_partitions WHERE connector = ? AND stream = ? AND scope = ? AND partition = ?",
      connector,
      stream,
      scope,
      partition,
    );
    return raw === undefined ? null : this.#read(raw, { connector, stream });
  }

  list({ connector, stream }: StreamKey, after: string | null, limit: number): PartitionRow[] {
    return this.#sql
      .all(
        `SELECT * FROM tidemark_partitions
         WHERE connector = ? AND stream = ? AND scope = '' AND partition > ? ORDER BY partition LIMIT ?`,
        connector,
        stream,
        after ?? "",
        limit,
      )
      .map((raw) => this.#read(raw, { connector, stream }));
  }

  #read(raw: Record<string, unknown>, key: StreamKey): PartitionRow {
    const scope = partitionScope(String(raw.scope), String(raw.partition));
    return readPartitionRow(raw, this.#positionParts.load(key, scope, this.#holder), this.#holder);
  }

  hasAny({ connector, stream }: StreamKey, scope: string, sinceEpoch: number): boolean {
    const found = this.#sql.get(
      `SELECT 1 FROM tidemark_partitions
       WHERE connector = ? AND stream = ? AND scope = ? AND position_epoch >= ? LIMIT 1`,
      connector,
      stream,
      scope,
      sinceEpoch,
    );
    return found !== undefined;
  }

  save(row: PartitionRow, previous: PartitionRow | null): void {
    const { position } = row;
    this.#sql.run(savePartition, ...Object.values(encode(partitions, partitionFields(row))));
    const scope = partitionScope(row.scope, row.partition);
    const before = previous?.position;
    this.#positionParts.saveTieSet(row.key, scope, position.tieSet, before?.tieSet ?? []);
    this.#positionParts.saveCoverage(
      row.key,
      scope,
      position.coverage,
      (before?.coverage ?? []).length === 0,
    );
  }

  backfilled(key: StreamKey, partition: string | null): readonly CursorRange[] {
    return this.#positionParts.coverage(key, backfilledScope(partition), this.#holder);
  }

  saveBackfilled(key: StreamKey, partition: string | null, coverage: readonly CursorRange[]): void {
    this.#positionParts.saveCoverage(key, backfilledScope(partition), coverage, false);
  }

  clearBackfilled({ connector, stream }: StreamKey): void {
    const all = backfilledScope(null);
    const { first, end } = scopesUnder(all);
    this.#sql.run(
      "DELETE FROM tidemark_coverage WHERE connector = ? AND stream = ? AND scope = ?",
      connector,
      stream,
      all,
    );
    this.#sql.run(
      `DELETE FROM tidemark_coverage WHERE connector = ? AND stream = ? AND scope >= ? AND scope < ?`,
      connector,
      stream,
      first,
      end,
    );
  }

  backfilledPartitions({ connector, stream }: StreamKey): string[] {
    const prefix = backfilledScope("");
    const { first, end } = scopesUnder(backfilledScope(null));
    return this.#sql
      .all(
        `SELECT DISTINCT scope FROM tidemark_coverage
         WHERE connector = ? AND stream = ? AND scope >= ? AND scope < ? ORDER BY scope`,
        connector,
        stream,
        first,
        end,
      )
      .map(({ scope }) => String(scope).slice(prefix.length));
  }
}

const savePartition = upsert(partitions);
