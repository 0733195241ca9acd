import type { SQLInputValue } from "node:sqlite";
import type { SqliteHandle, SqliteStatement } from "./handle.ts";

/** Statements with parameters, each run at once. */
export interface SqlStatements {
  run(sql: string, ...params: SQLInputValue[]): void;
  /** As `run`; returns how many rows it changed. */
  change(sql: string, ...params: SQLInputValue[]): number;
  get(sql: string, ...params: SQLInputValue[]): Record<string, unknown> | undefined;
  all(sql: string, ...params: SQLInputValue[]): Record<string, unknown>[];
}

/** Prepared statements of one connection, each prepared once. */
export class Statements implements SqlStatements {
  readonly #db: SqliteHandle;
  readonly #prepared = new Map<string, SqliteStatement>();

  constructor(db: SqliteHandle) {
    this.#db = db;
  }

  run(sql: string, ...params: SQLInputValue[]): void {
    this.#statement(sql).run(...params);
  }

  change(sql: string, ...params: SQLInputValue[]): number {
    return Number(this.#statement(sql).run(...params).changes);
  }

  get(sql: string, ...params: SQLInputValue[]): Record<string, unknown> | undefined {
    return this.#statement(sql).get(...params);
  }

  all(sql: string, ...params: SQLInputValue[]): Record<string, unknown>[] {
    return this.#statement(sql).all(...params);
  }

  #statement(sql: string): SqliteStatement {
    let statement = this.#prepared.get(sql);
    if (statement === undefined) {
      statement = this.#db.prepare(sql);
      // A caller's own connection may read otherwise; our rows come as plain objects with numbers.
      statement.setReadBigInts(false);
      statement.setReturnArrays(false);
      this.#prepared.set(sql, statement);
    }
    return statement;
  }
}
