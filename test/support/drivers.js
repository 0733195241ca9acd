// Transactions as the users of other drivers and query builders have them. In JavaScript, so that the types of these
// packages are not among those that every check reads.
import { DatabaseSync } from "node:sqlite";
import Database from "better-sqlite3";
import { sql as drizzleSql } from "drizzle-orm";
import { drizzle as drizzleSqlite } from "drizzle-orm/better-sqlite3";
import { drizzle as drizzlePg } from "drizzle-orm/node-postgres";
import { drizzle as drizzlePostgresJs } from "drizzle-orm/postgres-js";
import { CamelCasePlugin, Kysely, sql as kyselySql, PostgresDialect, SqliteDialect } from "kysely";
import pg from "pg";
import postgres from "postgres";

/** The database is dropped while connections may still say goodbye, which is no fault of theirs. */
function poolOf(url) {
  const pool = new pg.Pool({ connectionString: url, max: 2 });
  pool.on("error", () => {});
  pool.on("connect", (client) => client.on("error", () => {}));
  return pool;
}

/**
 * A transaction by a library that takes a callback: held open until it is told how to end.
 *
 * @param {(work: (tx: any) => Promise<void>) => Promise<unknown>} begin
 * @param {(tx: any, text: string) => Promise<unknown>} insert
 */
async function held(begin, insert) {
  const rolledBack = new Error("rolled back on purpose");
  const opened = Promise.withResolvers();
  const told = Promise.withResolvers();
  const ended = begin(async (tx) => {
    opened.resolve(tx);
    if ((await told.promise) === "rollback") throw rolledBack;
  }).catch((error) => {
    opened.reject(error);
    if (error !== rolledBack) throw error;
  });
  const handle = await opened.promise;
  const end = async (how) => {
    told.resolve(how);
    await ended;
  };
  return {
    handle,
    insert: (text) => insert(handle, text),
    commit: () => end("commit"),
    rollback: () => end("rollback"),
  };
}

/** @param {string} url */
export function kyselyOnPostgres(url) {
  const dialect = new PostgresDialect({ pool: poolOf(url) });
  // Users of this plugin get their columns under other names; the state's must not be.
  const db = new Kysely({ dialect, plugins: [new CamelCasePlugin()] });
  return {
    begin: () =>
      held(
        (work) => db.transaction().execute(work),
        (trx, text) => kyselySql`INSERT INTO users_rows VALUES (${text})`.execute(trx),
      ),
    notBegun: db,
    close: () => db.destroy(),
  };
}

/** @param {string} url */
export function drizzleOnPostgres(url) {
  const pool = poolOf(url);
  const db = drizzlePg({ client: pool });
  return {
    begin: () =>
      held(
        (work) => db.transaction(work),
        (tx, text) => tx.execute(drizzleSql`INSERT INTO users_rows VALUES (${text})`),
      ),
    notBegun: db,
    close: () => pool.end(),
  };
}

/** @param {string} url */
export function drizzleOnPostgresJs(url) {
  const client = postgres(url, { max: 2, onnotice: () => {} });
  const db = drizzlePostgresJs({ client });
  return {
    begin: () =>
      held(
        (work) => db.transaction(work),
        (tx, text) => tx.execute(drizzleSql`INSERT INTO users_rows VALUES (${text})`),
      ),
    notBegun: db,
    close: () => client.end(),
  };
}

/** @param {string} url */
export function postgresJs(url) {
  const sql = postgres(url, { max: 2, onnotice: () => {} });
  return {
    begin: () =>
      held(
        (work) => sql.begin(work),
        (tx, text) => tx`INSERT INTO users_rows VALUES (${text})`,
      ),
    notBegun: sql,
    close: () => sql.end(),
  };
}

/**
 * Any other, by a function of the user's own. This one gives JSON and times as objects, as many drivers do.
 *
 * @param {string} url
 */
export function ownRunnerOnPostgres(url) {
  const pool = poolOf(url);
  return {
    async begin() {
      const client = await pool.connect();
      await client.query("BEGIN");
      const end = async (how) => {
        await client.query(how);
        client.release();
      };
      return {
        handle: { runStatement: async (text) => (await client.query(text)).rows },
        insert: (text) => client.query("INSERT INTO users_rows VALUES ($1)", [text]),
        commit: () => end("COMMIT"),
        rollback: () => end("ROLLBACK"),
      };
    },
    notBegun: { runStatement: (text) => pool.query(text) },
    close: () => pool.end(),
  };
}

/** Connections to a file, one a transaction, each as the user's code sees it. */
function onFile(connect, handleOf) {
  const open = [];
  const opened = () => {
    const db = connect();
    open.push(db);
    return db;
  };
  return {
    async begin() {
      const db = opened();
      db.exec("BEGIN IMMEDIATE");
      return {
        handle: handleOf(db),
        insert: async (text) => db.prepare("INSERT INTO users_rows VALUES (?)").run(text),
        commit: async () => db.exec("COMMIT"),
        rollback: async () => db.exec("ROLLBACK"),
      };
    },
    notBegun: handleOf(opened()),
    async close() {
      for (const db of open) db.close();
    },
  };
}

/** @param {string} file */
export function betterSqlite(file) {
  return onFile(
    () => new Database(file),
    (db) => db,
  );
}

/** @param {string} file */
export function drizzleOnBetterSqlite(file) {
  return onFile(
    () => new Database(file),
    (db) => drizzleSqlite({ client: db }),
  );
}

/** @param {string} file */
export function ownRunnerOnSqlite(file) {
  return onFile(
    () => new DatabaseSync(file),
    (db) => ({ runStatement: async (text) => db.prepare(text).all() }),
  );
}

/** @param {string} file */
export function ownRunnerWithBigints(file) {
  return onFile(
    () => new DatabaseSync(file, { readBigInts: true }),
    (db) => ({ runStatement: (text) => ({ rows: db.prepare(text).all() }) }),
  );
}

/** Kysely's dialect for SQLite is written for better-sqlite3; this is what it needs of `node:sqlite`. */
function nodeSqlite(file) {
  const db = new DatabaseSync(file);
  return {
    close: () => db.close(),
    prepare(sql) {
      const statement = db.prepare(sql);
      return {
        reader: statement.columns().length > 0,
        all: (params) => statement.all(...params),
        run: (params) => statement.run(...params),
        iterate: (params) => statement.iterate(...params),
      };
    },
  };
}

/** @param {(file: string) => unknown} connect */
function kysely(connect) {
  return (file) => {
    const open = [];
    const opened = () => {
      const dialect = new SqliteDialect({ database: connect(file) });
      const db = new Kysely({ dialect, plugins: [new CamelCasePlugin()] });
      open.push(db);
      return db;
    };
    return {
      begin: () => {
        const db = opened();
        return held(
          (work) => db.transaction().execute(work),
          (trx, text) => kyselySql`INSERT INTO users_rows VALUES (${text})`.execute(trx),
        );
      },
      notBegun: opened(),
      async close() {
        for (const db of open) await db.destroy();
      },
    };
  };
}

export const kyselyOnNodeSqlite = kysely(nodeSqlite);
export const kyselyOnBetterSqlite = kysely((file) => new Database(file));

/** What `openState` takes as `sqlite`. */
export const BetterSqlite = Database;
