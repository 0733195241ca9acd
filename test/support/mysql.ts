import { randomBytes } from "node:crypto";
import mysql from "mysql2/promise";
import { serverProgram } from "./mysql-server.ts";
import {
  offeredServer,
  offerServers,
  startServerProcess,
  type TestDatabase,
  type TestServer,
} from "./server-process.ts";

/**
 * Starts a real MariaDB server of its own, on a free port, with its data in a temporary folder. It goes
 * when this process goes. `settings` are further options for the server, such as `--sync-binlog=1`.
 */
export function startMysql(settings: readonly string[] = []): Promise<TestServer> {
  return startServerProcess("MariaDB", serverProgram, settings);
}

const serverVariable = "TIDEMARK_TEST_MYSQL";

/** An empty MySQL database for one test, on its worker's own server, which the first call starts. */
export async function createMysqlDatabase(): Promise<TestDatabase> {
  return createDatabaseAt(await offeredServer("MariaDB server", serverVariable));
}

/** Creates an empty database of its own on a server, with a name no other has. */
export async function createDatabaseAt(serverUrl: string): Promise<TestDatabase> {
  const name = `test_${process.pid}_${randomBytes(6).toString("hex")}`;
  await administer(serverUrl, [`CREATE DATABASE ${name}`]);
  const url = new URL(serverUrl);
  url.pathname = `/${name}`;
  return { url: url.href, drop: () => dropDatabase(serverUrl, name) };
}

/** A session that holds the database's tables would have the DROP wait for it. */
async function dropDatabase(serverUrl: string, name: string): Promise<void> {
  const connection = await mysql.createConnection(serverUrl);
  try {
    const [rows] = await connection.query(
      "SELECT id FROM information_schema.processlist WHERE db = ? AND id <> CONNECTION_ID()",
      [name],
    );
    for (const row of Array.isArray(rows) ? rows : []) {
      const id = "id" in row ? Number(row.id) : 0;
      await connection.query(`KILL ${id}`).catch(() => {});
    }
    await connection.query(`DROP DATABASE IF EXISTS ${name}`);
  } finally {
    await connection.end();
  }
}

async function administer(serverUrl: string, statements: readonly string[]): Promise<void> {
  const connection = await mysql.createConnection(serverUrl);
  try {
    for (const statement of statements) await connection.query(statement);
  } finally {
    await connection.end();
  }
}

/** Offers each of vitest's workers a server, started by the first test that asks. Returns what ends them. */
export function offerMysql(): Promise<() => Promise<void>> {
  return offerServers(serverVariable, startMysql);
}
