import pg from "pg";
import { describe, expect, onTestFinished, test } from "vitest";
import { freePort } from "../../../../test/support/free-port.ts";
import { createTestDatabase, type TestDatabase } from "../../../../test/support/postgres.ts";
import { startTcpProxy, type TcpProxy } from "../../../../test/support/tcp-proxy.ts";
import { openSql } from "../../../databases/open.ts";
import { isTidemarkError, type TidemarkError } from "../../../errors.ts";
import { emptyPosition } from "../../../model/position.ts";
import type { StateStore } from "../../contract.ts";
import { openPostgresState } from "./postgres.ts";

const key = { connector: "sap_eu", stream: "suppliers" };

async function emptyDatabase(): Promise<TestDatabase> {
  const database = await createTestDatabase();
  onTestFinished(() => database.drop());
  return database;
}

async function open(url: string): Promise<StateStore> {
  const store = await openPostgresState(url);
  onTestFinished(() => store.close());
  return store;
}

async function adminOf(database: TestDatabase): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: database.url });
  client.on("error", () => {});
  await client.connect();
  onTestFinished(() => client.end());
  return client;
}

async function openThroughProxy(): Promise<{ store: StateStore; proxy: TcpProxy }> {
  const url = new URL((await emptyDatabase()).url);
  const proxy = await startTcpProxy({ host: url.hostname, port: Number(url.port) });
  onTestFinished(() => proxy.close());
  url.port = String(proxy.port);
  return { store: await open(url.href), proxy };
}

async function refusalOf(call: Promise<unknown>): Promise<TidemarkError> {
  const error: unknown = await call.then(
    () => expect.fail("nothing was refused"),
    (thrown: unknown) => thrown,
  );
  if (isTidemarkError(error)) return error;
  throw error;
}

describe("connections", () => {
  test("a database that goes away is STATE_UNAVAILABLE, and works again when it is back", async () => {
    const { store, proxy } = await openThroughProxy();
    const run = await store.begin(key, { cursorType: "numeric_id" });
    proxy.cut();
    for (const call of [
      () => store.heartbeat(run),
      () => store.get(key),
      () => store.complete(run, { newCursor: "1" }),
    ]) {
      const error = await refusalOf(call());
      expect(error.code).toBe("STATE_UNAVAILABLE");
      expect(error.recoverable).toBe(true);
    }
    proxy.mend();
    const done = await store.complete(run, { newCursor: "1" });
    expect(done.cursor?.value).toBe("1");
  });

  test("a connection that the server ended is replaced without a word, and ends no process", async () => {
    const database = await emptyDatabase();
    const store = await open(database.url);
    const admin = await adminOf(database);
    const end =
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'tidemark state' AND datname = current_database()";
    const run = await store.begin(key, { cursorType: "numeric_id" });
    for (let sequence = 1; sequence <= 5; sequence++) {
      expect((await admin.query(end)).rowCount).toBeGreaterThan(0);
      const position = { ...emptyPosition, watermark: String(sequence) };
      await store.checkpoint(run, { sequence, position, recordsProcessed: sequence });
    }
    expect((await store.get(key))?.sequence).toBe(5);
    expect(await store.verifyAudit()).toEqual({ streams: 1, rows: 5 });
  });

  test("a call whose answer was lost on the way is made again, once in effect", async () => {
    const { store, proxy } = await openThroughProxy();
    await store.complete(await store.begin(key, { cursorType: "numeric_id" }), { newCursor: "1" });
    let cuts = 0;
    // First the write of a begin, then that of the completion after the next begin.
    for (const lost of [1, 2]) {
      let writes = 0;
      proxy.onSent = (bytes) => {
        if (!bytes.includes("tidemark_write") || ++writes < lost) return;
        proxy.onSent = () => {};
        // By now the server has done what it was asked.
        proxy.onAnswer = () => {
          proxy.onAnswer = () => {};
          cuts++;
          proxy.cut();
          proxy.mend();
        };
      };
      const run = await store.begin(key, { cursorType: "numeric_id" });
      await store.complete(run, { newCursor: "2" });
    }
    expect(cuts).toBe(2);
    expect((await store.runs(key)).items.map(({ outcome }) => outcome)).toEqual([
      "completed",
      "completed",
      "completed",
    ]);
    expect((await store.audit({ key })).items.length).toBe(2);
  });

  test("every step that all runs take is one statement", async () => {
    const { store, proxy } = await openThroughProxy();
    await store.complete(await store.begin(key, { cursorType: "numeric_id" }), { newCursor: "1" });
    let executed = 0;
    proxy.onSent = (bytes) => {
      executed += statementsIn(bytes);
    };
    const statementsOf = async <T>(call: () => Promise<T>): Promise<T> => {
      executed = 0;
      const result = await call();
      expect(executed).toBe(1);
      return result;
    };
    const options = { cursorType: "numeric_id" as const, ifRunning: "refuse" as const };
    const run = await statementsOf(() => store.begin(key, options));
    const tieSet = [{ identity: "a", cursor: "2", count: 1 }];
    const position = { ...emptyPosition, watermark: "2", tieSet, coverage: [{ lower: null, upper: "2" }] };
    await statementsOf(() => store.checkpoint(run, { sequence: 1, position, recordsProcessed: 1 }));
    await statementsOf(() => store.heartbeat(run));
    await statementsOf(() => store.complete(run, { newCursor: "3" }));
    const second = await statementsOf(() => store.begin(key, { ...options, runId: "second" }));
    await statementsOf(() => store.complete(second, { position: { ...position, watermark: "4" } }));
    const third = await statementsOf(() => store.begin(key, options));
    await statementsOf(() => store.fail(third, { error: "x" }));
    const fourth = await statementsOf(() => store.begin(key, options));
    await statementsOf(() => store.complete(fourth, {}));
  });

  test("the database is named as SQL connections name it, by whatever address", async () => {
    const database = await emptyDatabase();
    const store = await open(database.url);
    const { store: proxied } = await openThroughProxy();
    const url = new URL(database.url);
    url.hostname = "localhost";
    const connection = await openSql(url.href, { role: "output" });
    onTestFinished(() => connection.close());
    expect(store.databaseIdentity).toBe(connection.identity);
    expect(proxied.databaseIdentity).not.toBe(connection.identity);
  });
});

/** The messages of PostgreSQL's protocol that run something, in what a client sent. */
function statementsIn(bytes: Buffer): number {
  let count = 0;
  for (let at = 0; at + 5 <= bytes.length; at += 1 + bytes.readInt32BE(at + 1)) {
    const kind = String.fromCharCode(bytes[at] ?? 0);
    if (kind === "E" || kind === "Q") count++;
  }
  return count;
}

describe("what cannot be opened", () => {
  test("P14: a wrong password is reported without any password", async () => {
    const url = new URL((await emptyDatabase()).url);
    url.password = "s3cr3t%2Fwrong";
    const error = await refusalOf(openPostgresState(url.href));
    expect(error.code).toBe("STATE_UNAVAILABLE");
    expect(error.recoverable).toBe(false);
    expect(JSON.stringify([error.message, error.hint, error.details, String(error.cause)])).not.toMatch(
      /s3cr3t|tidemark-test/,
    );
  });

  test("no password, no such database and no such server each say what is wrong and where", async () => {
    const { url } = await emptyDatabase();
    const without = new URL(url);
    without.password = "";
    const elsewhere = new URL(url);
    elsewhere.pathname = "/no_such_database";
    const nowhere = new URL(url);
    nowhere.port = String(await freePort());
    for (const [address, words] of [
      [without, /password/],
      [elsewhere, /no_such_database/],
      [nowhere, /ECONNREFUSED/],
    ] as const) {
      const error = await refusalOf(openPostgresState(address.href));
      expect(error.code).toBe("STATE_UNAVAILABLE");
      expect(error.message).toMatch(words);
      expect(error.message).toContain(`127.0.0.1:${address.port}`);
    }
  });

  test("a URL that is none is reported without showing it", async () => {
    const error = await refusalOf(openPostgresState("postgres://user:pass word@[host/db"));
    expect(error.code).toBe("STATE_URL_INVALID");
    expect(`${error.message} ${error.hint}`).not.toContain("pass word");
  });

  test("a user without rights gets an error that names the missing ones", async () => {
    const database = await emptyDatabase();
    const admin = await adminOf(database);
    const user = `reader_${process.pid}`;
    await admin.query(`CREATE ROLE ${user} LOGIN PASSWORD 'reader-password'`);
    onTestFinished(async () => {
      await admin.query(`DROP ROLE ${user}`);
    });
    const url = new URL(database.url);
    url.username = user;
    url.password = "reader-password";
    const error = await refusalOf(openPostgresState(url.href));
    expect(error.code).toBe("STATE_UNAVAILABLE");
    expect(error.message).toMatch(/permission denied/);
    expect(error.recoverable).toBe(false);
  });
});
