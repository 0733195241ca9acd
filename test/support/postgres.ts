import { randomBytes } from "node:crypto";
import pg from "pg";
import { serverProgram } from "./postgres-server.ts";
import {
  offeredServer,
  offerServers,
  startServerProcess,
  type TestDatabase,
  type TestServer,
} from "./server-process.ts";

/**
 * Starts a real PostgreSQL server of its own, on a free port, with its data in a temporary folder.
 * It needs nothing installed, runs as root too, and goes when this process goes. `settings` are
 * further lines for the server, such as `fsync=on`.
 */
export function startPostgres(settings: readonly string[] = []): Promise<TestServer> {
  return startServerProcess("PostgreSQL", serverProgram, settings);
}

/** Creates an empty database of its own on a server, with a name no other has. */
export async function createDatabase(serverUrl: string): Promise<TestDatabase> {
  const name = `test_${process.pid}_${randomBytes(6).toString("hex")}`;
  await administer(serverUrl, `CREATE DATABASE ${name}`);
  const url = new URL(serverUrl);
  url.pathname = `/${name}`;
  return {
    url: url.href,
    drop: () => administer(serverUrl, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`),
  };
}

async function administer(serverUrl: string, sql: string): Promise<void> {
  const client = new pg.Client({ connectionString: serverUrl });
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}

export type { TestDatabase };

/** Where a worker's own server is asked for; set by the global setup, inherited by its workers. */
const serverVariable = "TIDEMARK_TEST_POSTGRES";

/**
 * An empty PostgreSQL database for one test, on its worker's own server, which the first call starts.
 *
 * ```ts
 * const database = await createTestDatabase();
 * onTestFinished(() => database.drop());
 * ```
 */
export async function createTestDatabase(): Promise<TestDatabase> {
  const again = emptied.pop();
  if (again !== undefined) return again;
  const database = await createDatabase(await offeredServer("PostgreSQL server", serverVariable));
  const keeper = await keeperOf(database.url);
  const own: TestDatabase = {
    url: database.url,
    async drop() {
      try {
        if (await emptiedAgain(keeper)) return void emptied.push(own);
      } catch {
        // Read-only, or refusing connections: not as a new one is.
      }
      await keeper.end().catch(() => {});
      await database.drop();
    },
  };
  return own;
}

/** Ends all sessions of a database, also the one by which it is emptied. */
export async function endSessions(url: string): Promise<void> {
  const server = new URL(url);
  const name = server.pathname.slice(1);
  server.pathname = "/postgres";
  await administer(
    server.href,
    `SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity WHERE datname = '${name}'`,
  );
}

/** Those that another test has had: to empty one takes a fortieth of the time that a new one takes. */
const emptied: TestDatabase[] = [];

/** A session that stays from test to test. It takes the server less to empty a database than to begin a session. */
async function keeperOf(url: string): Promise<pg.Client> {
  const keeper = new pg.Client({ connectionString: url });
  // A test may end it: then its next statement fails.
  keeper.on("error", () => {});
  await keeper.connect();
  return keeper;
}

/**
 * Ends every other connection to a database and removes what is in it. False where it is not as a new one is then:
 * it has settings, rights, extensions or anything else that is not in the schema `public`.
 */
async function emptiedAgain(keeper: pg.Client): Promise<boolean> {
  await keeper.query(`
    SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()`);
  const { rows } = await keeper.query<{ changed: boolean }>(changed);
  if (rows[0]?.changed !== false) return false;
  await keeper.query(`
    DROP SCHEMA public CASCADE;
    CREATE SCHEMA public AUTHORIZATION pg_database_owner;
    GRANT USAGE ON SCHEMA public TO PUBLIC`);
  return true;
}

/** What a test makes itself has a number from 16384. */
const changed = `
  SELECT EXISTS (SELECT FROM pg_namespace WHERE oid >= 16384 AND nspname NOT IN ('public'))
    OR EXISTS (SELECT FROM pg_extension WHERE oid >= 16384)
    OR EXISTS (SELECT FROM pg_event_trigger)
    OR EXISTS (SELECT FROM pg_publication)
    OR EXISTS (SELECT FROM pg_default_acl)
    OR EXISTS (SELECT FROM pg_largeobject_metadata)
    OR EXISTS (SELECT FROM pg_db_role_setting WHERE setdatabase = d.oid)
    OR EXISTS (SELECT FROM pg_prepared_xacts WHERE database = d.datname)
    OR EXISTS (SELECT FROM pg_replication_slots WHERE database = d.datname)
    OR d.datacl IS NOT NULL OR NOT d.datallowconn OR d.datconnlimit <> -1 AS changed
  FROM pg_database d WHERE datname = current_database()`;

/**
 * Offers each of vitest's workers a server, started by the first test that asks. Returns what ends them. No
 * autovacuum takes a lock or a transaction id there at a moment of its own.
 */
export function offerPostgres(): Promise<() => Promise<void>> {
  return offerServers(serverVariable, () => startPostgres(["autovacuum=off"]));
}
