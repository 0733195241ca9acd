import type { SQLInputValue } from "node:sqlite";
import { TidemarkError } from "../../errors.ts";

/** The part of a connection to an SQLite file that is used; a `DatabaseSync` has it. */
export interface SqliteHandle {
  readonly isOpen: boolean;
  readonly isTransaction: boolean;
  exec(sql: string): void;
  prepare(sql: string): SqliteStatement;
  location(): string | null;
  close(): void;
}

export interface SqliteStatement {
  run(...params: SQLInputValue[]): { readonly changes: number | bigint };
  get(...params: SQLInputValue[]): Record<string, unknown> | undefined;
  all(...params: SQLInputValue[]): Record<string, unknown>[];
  setReadBigInts(enabled: boolean): void;
  setReturnArrays(enabled: boolean): void;
}

/** The class that better-sqlite3 exports. */
export type BetterSqlite3 = new (path: string, options?: { readonly timeout?: number }) => object;

type Method = (...args: readonly unknown[]) => unknown;

/**
 * A connection of better-sqlite3, which has an SQLite of its own: a program that writes to a file by it must not
 * open that file by `node:sqlite` as well, since the two do not see each other's locks.
 */
export class BetterSqliteHandle implements SqliteHandle {
  readonly #db: object;

  /** Throws `ARGUMENT_INVALID` where the class is not that of better-sqlite3, and what it throws itself. */
  constructor(driver: BetterSqlite3, path: string, options: { readonly timeout: number }) {
    this.#db = new driver(path, options);
    for (const name of ["exec", "prepare", "close"]) method(this.#db, name);
  }

  get isOpen(): boolean {
    return Reflect.get(this.#db, "open") === true;
  }

  get isTransaction(): boolean {
    return Reflect.get(this.#db, "inTransaction") === true;
  }

  exec(sql: string): void {
    method(this.#db, "exec")(sql);
  }

  prepare(sql: string): SqliteStatement {
    return new BetterSqliteStatement(this.#db, sql);
  }

  location(): string | null {
    const name: unknown = Reflect.get(this.#db, "name");
    return typeof name === "string" && name !== ":memory:" && name !== "" ? name : null;
  }

  close(): void {
    method(this.#db, "close")();
  }
}

/** Takes `?2`, which better-sqlite3 has for a name, as the second parameter. */
class BetterSqliteStatement implements SqliteStatement {
  readonly #statement: object;
  /** The parameter that each `?` stands for. */
  readonly #order: readonly number[];

  constructor(db: object, sql: string) {
    const order: number[] = [];
    const anonymous = sql.replace(/\?(\d+)?/g, (_, number: string | undefined) => {
      order.push(number === undefined ? Math.max(0, ...order) + 1 : Number(number));
      return "?";
    });
    const statement = method(db, "prepare")(anonymous);
    if (typeof statement !== "object" || statement === null) throw noDriver();
    this.#statement = statement;
    this.#order = order;
    // Whatever the user's default is, our numbers fit a number.
    method(statement, "safeIntegers")(false);
  }

  run(...params: SQLInputValue[]): { readonly changes: number | bigint } {
    const result = method(this.#statement, "run")(...this.#given(params));
    const changes: unknown =
      typeof result === "object" && result !== null && "changes" in result ? result.changes : 0;
    return { changes: Number(changes) };
  }

  get(...params: SQLInputValue[]): Record<string, unknown> | undefined {
    return this.all(...params)[0];
  }

  all(...params: SQLInputValue[]): Record<string, unknown>[] {
    const rows = method(this.#statement, "all")(...this.#given(params));
    if (!Array.isArray(rows)) throw noDriver();
    return rows;
  }

  /** As it is made. */
  setReadBigInts(): void {}
  setReturnArrays(): void {}

  #given(params: readonly SQLInputValue[]): SQLInputValue[] {
    return this.#order.map((at) => params[at - 1] ?? null);
  }
}

function method(thing: object, name: string): Method {
  const found: unknown = Reflect.get(thing, name);
  if (typeof found !== "function") throw noDriver();
  return (...args) => Reflect.apply(found, thing, args);
}

function noDriver(): TidemarkError {
  return new TidemarkError("ARGUMENT_INVALID", "`sqlite` is not the class that better-sqlite3 exports", {
    hint: 'import Database from "better-sqlite3"; openState(url, { sqlite: Database })',
  });
}
