import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { createServer } from "node:http";
import { createInterface } from "node:readline";
import pg from "pg";
import { serverProgram } from "./postgres-server.ts";

export interface PostgresServer {
  /** The administrator's URL, to the database `postgres`. */
  readonly url: string;
  /** Stops the server and removes its files. The end of this process does the same. */
  stop(): Promise<void>;
}

/**
 * Starts a real PostgreSQL server of its own, on a free port, with its data in a temporary folder.
 * It needs nothing installed, runs as root too, and goes when this process goes. `settings` are
 * further lines for the server, such as `fsync=on`.
 */
export async function startPostgres(settings: readonly string[] = []): Promise<PostgresServer> {
  const child = spawn(process.execPath, [serverProgram, ...settings], {
    stdio: ["pipe", "pipe", "inherit"],
    // Ctrl-C in a terminal reaches the whole foreground group; the server has to outlive the tests.
    detached: true,
  });
  const exited = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  const answer = await new Promise<{ url?: string; error?: string }>((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", (code) => reject(new Error(`the PostgreSQL server ended early (exit code ${code})`)));
    createInterface(child.stdout).once("line", (line) => resolve(JSON.parse(line)));
  });
  if (answer.url === undefined) {
    await exited;
    throw new Error(`no PostgreSQL server could be started: ${answer.error}`);
  }
  // A script that forgets `stop` still ends, and the server with it.
  child.unref();
  unrefStream(child.stdin);
  unrefStream(child.stdout);
  return {
    url: answer.url,
    async stop() {
      child.ref();
      child.stdin.end();
      await exited;
    },
  };
}

function unrefStream(stream: object): void {
  if ("unref" in stream && typeof stream.unref === "function") stream.unref();
}

export interface TestDatabase {
  /** A URL to connect with, password included. */
  readonly url: string;
  /** Ends every connection to the database and drops it. */
  drop(): Promise<void>;
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

/** Where a vitest run's own server is asked for; set by the global setup, inherited by its workers. */
const serverVariable = "TIDEMARK_TEST_POSTGRES";

/**
 * An empty PostgreSQL database for one test, on the run's one server, which the first call starts.
 *
 * ```ts
 * const database = await createTestDatabase();
 * onTestFinished(() => database.drop());
 * ```
 */
export async function createTestDatabase(): Promise<TestDatabase> {
  const control = process.env[serverVariable];
  if (control === undefined) {
    throw new Error(
      "no PostgreSQL server is on offer: run this through vitest, or use startPostgres and createDatabase",
    );
  }
  const response = await fetch(control);
  const text = await response.text();
  if (!response.ok) throw new Error(text);
  return createDatabase(text);
}

/**
 * Offers one server to a whole vitest run, started by the first test that asks. Returns what ends it.
 */
export async function offerPostgres(): Promise<() => Promise<void>> {
  let server: Promise<PostgresServer> | null = null;
  const control = createServer((_request, response) => {
    server ??= startPostgres();
    server.then(
      ({ url }) => response.end(url),
      (error) => response.writeHead(500).end(String(error)),
    );
  });
  await new Promise<void>((resolve) => control.listen(0, "127.0.0.1", resolve));
  control.unref();
  const address = control.address();
  if (typeof address !== "object" || address === null) throw new Error("the control server has no port");
  process.env[serverVariable] = `http://127.0.0.1:${address.port}`;
  return async () => {
    control.closeAllConnections();
    control.close();
    if (server !== null) await (await server.catch(() => null))?.stop();
  };
}
