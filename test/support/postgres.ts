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
  return createDatabase(await offeredServer("PostgreSQL", serverVariable));
}

/**
 * Offers each of vitest's workers a server, started by the first test that asks. Returns what ends them. No
 * autovacuum takes a lock or a transaction id there at a moment of its own.
 */
export function offerPostgres(): Promise<() => Promise<void>> {
  return offerServers(serverVariable, () => startPostgres(["autovacuum=off"]));
}
