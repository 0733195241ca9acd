import type { SqlStatements } from "../../../databases/sqlite/statements.ts";
import type { CursorRange, TieMember } from "../../../model/position.ts";
import type { StreamKey } from "../../../model/stream-key.ts";
import { readInterval, readTieMember } from "../../codec.ts";
import { differentTies } from "../../tie-differences.ts";

/** The parts of a position that are rows of their own: the tie set and coverage, each under a scope. */
export class SqlitePositionParts {
  readonly #sql: SqlStatements;

  constructor(statements: SqlStatements) {
    this.#sql = statements;
  }

  load(key: StreamKey, scope: string, holder: string): { tieSet: TieMember[]; coverage: CursorRange[] } {
    const tieSet = this.#sql
      .all(
        `SELECT identity, cursor_value AS cursor, count FROM tidemark_tie_set
         WHERE connector = ? AND stream = ? AND scope = ?`,
        key.connector,
        key.stream,
        scope,
      )
      .map((row) => readTieMember(row, holder));
    return { tieSet, coverage: this.coverage(key, scope, holder) };
  }

  coverage(key: StreamKey, scope: string, holder: string): CursorRange[] {
    return this.#sql
      .all(
        `SELECT lower_value AS lower, upper_value AS upper FROM tidemark_coverage
         WHERE connector = ? AND stream = ? AND scope = ? ORDER BY number`,
        key.connector,
        key.stream,
        scope,
      )
      .map((row) => readInterval(row, holder));
  }

  saveTieSet(key: StreamKey, scope: string, now: readonly TieMember[], before: readonly TieMember[]): void {
    const place = [key.connector, key.stream, scope] as const;
    const { gone, come } = differentTies(before, now);
    for (const { identity, cursor } of gone) {
      this.#sql.run(
        `DELETE FROM tidemark_tie_set
         WHERE connector = ? AND stream = ? AND scope = ? AND identity = ? AND cursor_value = ?`,
        ...place,
        identity,
        cursor,
      );
    }
    for (const { identity, cursor, count } of come) {
      this.#sql.run(
        "INSERT OR REPLACE INTO tidemark_tie_set VALUES (?, ?, ?, ?, ?, ?)",
        ...place,
        identity,
        cursor,
        count,
      );
    }
  }

  saveCoverage(key: StreamKey, scope: string, now: readonly CursorRange[], hadNone: boolean): void {
    if (now.length === 0 && hadNone) return;
    const place = [key.connector, key.stream, scope] as const;
    this.#sql.run("DELETE FROM tidemark_coverage WHERE connector = ? AND stream = ? AND scope = ?", ...place);
    for (const [number, { lower, upper }] of now.entries()) {
      this.#sql.run(
        "INSERT INTO tidemark_coverage VALUES (?, ?, ?, ?, ?, ?)",
        ...place,
        number,
        lower,
        upper,
      );
    }
  }
}
