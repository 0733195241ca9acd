import type { SqlStatements } from "../../../databases/sqlite/statements.ts";
import type { CursorRange } from "../../../model/position.ts";
import type { StreamKey } from "../../../model/stream-key.ts";
import { positionText, readPartitionRow } from "../../codec.ts";
import { backfilledLane, isoTime, lanesUnder, type PartitionRow, partitionLane } from "../../rows.ts";
import { partitionColumns, partitionName } from "../../stream-columns.ts";
import type { SqliteBeside } from "./beside.ts";

/** A stream's partitions, and what finished backfills covered of it and of them. */
export class SqlitePartitions {
  readonly #sql: SqlStatements;
  readonly #beside: SqliteBeside;
  readonly #holder: string;

  constructor(statements: SqlStatements, beside: SqliteBeside, holder: string) {
    this.#sql = statements;
    this.#beside = beside;
    this.#holder = holder;
  }

  load({ connector, stream }: StreamKey, lane: string, partition: string): PartitionRow | null {
    const raw = this.#sql.get(
      "SELECT * FROM tidemark_partitions WHERE connector = ? AND stream = ? AND lane = ? AND partition = ?",
      connector,
      stream,
      lane,
      partition,
    );
    return raw === undefined ? null : this.#read(raw, { connector, stream });
  }

  list({ connector, stream }: StreamKey, after: string | null, limit: number): PartitionRow[] {
    return this.#sql
      .all(
        `SELECT * FROM tidemark_partitions
         WHERE connector = ? AND stream = ? AND lane = '' AND partition > ? ORDER BY partition LIMIT ?`,
        connector,
        stream,
        after ?? "",
        limit,
      )
      .map((raw) => this.#read(raw, { connector, stream }));
  }

  #read(raw: Record<string, unknown>, key: StreamKey): PartitionRow {
    const lane = partitionLane(String(raw.lane), String(raw.partition));
    return readPartitionRow(raw, this.#beside.load(key, lane, this.#holder), this.#holder);
  }

  hasAny({ connector, stream }: StreamKey, lane: string, sinceEpoch: number): boolean {
    const found = this.#sql.get(
      `SELECT 1 FROM tidemark_partitions
       WHERE connector = ? AND stream = ? AND lane = ? AND position_epoch >= ? LIMIT 1`,
      connector,
      stream,
      lane,
      sinceEpoch,
    );
    return found !== undefined;
  }

  save(row: PartitionRow, previous: PartitionRow | null): void {
    const { position } = row;
    this.#sql.run(
      savePartition,
      row.key.connector,
      row.key.stream,
      row.lane,
      row.partition,
      position.watermark,
      positionText(position),
      row.positionTag.epoch,
      row.positionTag.sequence,
      row.runEpoch,
      row.runLowerBound,
      isoTime(row.updatedAt),
    );
    const lane = partitionLane(row.lane, row.partition);
    const before = previous?.position;
    this.#beside.saveTieSet(row.key, lane, position.tieSet, before?.tieSet ?? []);
    this.#beside.saveCoverage(row.key, lane, position.coverage, (before?.coverage ?? []).length === 0);
  }

  backfilled(key: StreamKey, partition: string | null): readonly CursorRange[] {
    return this.#beside.coverage(key, backfilledLane(partition), this.#holder);
  }

  saveBackfilled(key: StreamKey, partition: string | null, coverage: readonly CursorRange[]): void {
    this.#beside.saveCoverage(key, backfilledLane(partition), coverage, false);
  }

  clearBackfilled({ connector, stream }: StreamKey): void {
    const all = backfilledLane(null);
    const { first, end } = lanesUnder(all);
    this.#sql.run(
      "DELETE FROM tidemark_coverage WHERE connector = ? AND stream = ? AND lane = ?",
      connector,
      stream,
      all,
    );
    this.#sql.run(
      `DELETE FROM tidemark_coverage WHERE connector = ? AND stream = ? AND lane >= ? AND lane < ?`,
      connector,
      stream,
      first,
      end,
    );
  }

  backfilledPartitions({ connector, stream }: StreamKey): string[] {
    const prefix = backfilledLane("");
    const { first, end } = lanesUnder(backfilledLane(null));
    return this.#sql
      .all(
        `SELECT DISTINCT lane FROM tidemark_coverage
         WHERE connector = ? AND stream = ? AND lane >= ? AND lane < ? ORDER BY lane`,
        connector,
        stream,
        first,
        end,
      )
      .map(({ lane }) => String(lane).slice(prefix.length));
  }
}

const savePartition = `
  INSERT INTO tidemark_partitions (${partitionColumns.join(", ")})
  VALUES (${partitionColumns.map(() => "?").join(", ")})
  ON CONFLICT (${partitionName.join(", ")}) DO UPDATE SET
  ${partitionColumns
    .slice(partitionName.length)
    .map((name) => `${name} = excluded.${name}`)
    .join(", ")}`;
