import { TidemarkError } from "../errors.ts";

/**
 * Anything that can run one SQL statement inside an open transaction. What a driver or a query builder calls its
 * transaction is one by a line of code:
 *
 * ```ts
 * const transaction = { runStatement: (sql: string) => prisma.$queryRawUnsafe(sql) };
 * await run.complete({ transaction });
 * ```
 */
export interface StatementRunner {
  /**
   * Runs a statement without parameters, and gives its rows as objects by column name: as a list, or as `rows` of
   * an object, at once or by a promise. A statement that returns nothing gives an empty list.
   */
  runStatement(sql: string): unknown;
}

/** Runs a statement; resolves with its rows as the driver gave them. */
export type RunStatement = (sql: string) => Promise<readonly Readonly<Record<string, unknown>>[]>;

/**
 * How to run a statement in a caller's transaction: of Kysely, Drizzle, postgres.js, better-sqlite3, or a
 * `StatementRunner` of the caller's own. Null for what is none of them.
 */
export function statementsOf(transaction: object): RunStatement | null {
  for (const adapt of [ownRunner, kyselyTransaction, drizzleTransaction, postgresJs, betterSqlite]) {
    const run = adapt(transaction);
    if (run !== null) return async (sql) => rowsOf(await run(sql));
  }
  return null;
}

type Adapted = ((sql: string) => unknown) | null;

function ownRunner(transaction: object): Adapted {
  return hasMethods(transaction, "runStatement") ? (sql) => transaction.runStatement(sql) : null;
}

/** A query of Kysely's that is SQL already; plugins would rename the columns of its rows. */
function kyselyTransaction(transaction: object): Adapted {
  if (!hasMethods(transaction, "executeQuery", "withoutPlugins")) return null;
  if (!("isTransaction" in transaction) || transaction.isTransaction !== true) {
    throw noTransaction(
      "it is Kysely itself; hand over the `trx` of `db.transaction().execute(async (trx) => …)`",
    );
  }
  const bare: unknown = transaction.withoutPlugins();
  if (!isObject(bare) || !hasMethods(bare, "executeQuery")) return null;
  return (sql) =>
    bare.executeQuery({
      sql,
      parameters: [],
      query: { kind: "RawNode", sqlFragments: [sql], parameters: [] },
      queryId: { queryId: "tidemark" },
    });
}

const drizzleKind = Symbol.for("drizzle:entityKind");

function drizzleTransaction(transaction: object): Adapted {
  const { constructor: kind } = transaction;
  if (typeof kind !== "function" || !(drizzleKind in kind)) return null;
  if (hasMethods(transaction, "all")) return (sql) => transaction.all(sql);
  return hasMethods(transaction, "execute") ? (sql) => transaction.execute(sql) : null;
}

/** The `sql` that `sql.begin` hands over is a function. */
function postgresJs(transaction: object): Adapted {
  return hasMethods(transaction, "unsafe") ? (sql) => transaction.unsafe(sql) : null;
}

function betterSqlite(transaction: object): Adapted {
  if (!hasMethods(transaction, "prepare") || !("inTransaction" in transaction)) return null;
  if (transaction.inTransaction !== true) throw noTransaction("it has not begun; run BEGIN IMMEDIATE first");
  return (sql) => {
    const statement: unknown = transaction.prepare(sql);
    if (!isObject(statement) || !hasMethods(statement, "all", "run")) return null;
    if ("reader" in statement && statement.reader === true) return statement.all();
    statement.run();
    return [];
  };
}

function rowsOf(answer: unknown): readonly Readonly<Record<string, unknown>>[] {
  const rows: unknown = isObject(answer) && !Array.isArray(answer) && "rows" in answer ? answer.rows : answer;
  if (Array.isArray(rows) && rows.every(isRow)) return rows;
  throw noTransaction("running a statement in it gave no list of rows");
}

function isRow(row: unknown): row is Readonly<Record<string, unknown>> {
  return isObject(row) && !Array.isArray(row);
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}

function hasMethods<const Names extends readonly string[]>(
  thing: object,
  ...names: Names
): thing is object & Record<Names[number], (...args: unknown[]) => unknown> {
  return names.every((name) => typeof Reflect.get(thing, name) === "function");
}

/** What every store says of a transaction that it cannot use. */
export function noTransaction(why: string): TidemarkError {
  return new TidemarkError("ARGUMENT_INVALID", `the transaction cannot be used: ${why}`, {
    hint: "Hand over an open transaction on the database that holds the state: docs/library.md lists the drivers, and how to hand over that of any other.",
  });
}
