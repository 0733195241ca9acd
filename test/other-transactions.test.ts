import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { openSql } from "../src/databases/open.ts";
import { deltaRun, openState, type StateStore } from "../src/index.ts";
import { transactionCases } from "../testing/state-suite/transactions.ts";
import type { StateStoreHarness } from "../testing/state-suite.ts";
import * as drivers from "./support/drivers.js";
import { createStateDatabase } from "./support/postgres-state.ts";

const stream = { connector: "sap_eu", stream: "suppliers" };
const cursor = "2026-01-01T00:00:01Z";

interface Bench extends StateStoreHarness {
  readonly driver: drivers.Driver;
  readonly rows: () => Promise<string[]>;
}

type On = "postgres" | "sqlite" | "better-sqlite3";

async function bench(connect: (place: string) => drivers.Driver, on: On): Promise<Bench> {
  const place = on === "postgres" ? await postgresPlace() : await sqlitePlace();
  const store: StateStore = await openState(
    place.url,
    on === "better-sqlite3" ? { sqlite: drivers.BetterSqlite } : {},
  );
  const admin = await openSql(place.url, { role: "output" });
  await admin.execute("CREATE TABLE users_rows (text text NOT NULL)");
  const driver = connect(place.name);
  const rows = async () =>
    (await admin.query("SELECT text FROM users_rows ORDER BY text")).map(({ text }) => String(text));
  const close = async (): Promise<void> => {
    await driver.close();
    await admin.close();
    await store.close();
    await place.drop();
  };
  onTestFinished(close);
  const unused = async (): Promise<never> => Promise.reject(new Error("none of these cases needs it"));
  return {
    store,
    driver,
    rows,
    transactions: { begin: () => driver.begin(), rows },
    reopen: unused,
    expireLease: unused,
    close: async () => {},
  };
}

async function postgresPlace() {
  const { url, drop } = await createStateDatabase();
  return { url, name: url, drop };
}

async function sqlitePlace() {
  const folder = await mkdtemp(join(tmpdir(), "tidemark-drivers-"));
  const name = join(folder, "state.db");
  return { url: `sqlite:${name}`, name, drop: () => rm(folder, { recursive: true }) };
}

const all = [
  ["Kysely on PostgreSQL", drivers.kyselyOnPostgres, "postgres"],
  ["Drizzle on PostgreSQL by pg", drivers.drizzleOnPostgres, "postgres"],
  ["Drizzle on PostgreSQL by postgres.js", drivers.drizzleOnPostgresJs, "postgres"],
  ["postgres.js", drivers.postgresJs, "postgres"],
  ["a runner of statements on PostgreSQL", drivers.ownRunnerOnPostgres, "postgres"],
  ["Kysely on node:sqlite", drivers.kyselyOnNodeSqlite, "sqlite"],
  ["a runner of statements on SQLite", drivers.ownRunnerOnSqlite, "sqlite"],
  ["a runner of statements on SQLite with bigints", drivers.ownRunnerWithBigints, "sqlite"],
  ["better-sqlite3, with the state open by it too", drivers.betterSqlite, "better-sqlite3"],
  [
    "Drizzle on better-sqlite3, with the state open by it too",
    drivers.drizzleOnBetterSqlite,
    "better-sqlite3",
  ],
  ["Kysely on better-sqlite3, with the state open by it too", drivers.kyselyOnBetterSqlite, "better-sqlite3"],
] as const;

describe.each(all)("a transaction of %s", (_, connect, on) => {
  for (const { name, run } of transactionCases.cases) {
    it(name, async () => run(await bench(connect, on)));
  }

  it("P2: keeps rows and cursor together in deltaRun, whatever the texts hold", async () => {
    const { store, driver, rows } = await bench(connect, on);
    const odd = { connector: "it's \\ $1 ?", stream: "ünï 🦉 :name" };
    const metadata = { text: 'it\'s \\ "odd" $1 ?2 \0', id: 12345678901234567890n, nothing: null };
    for (const end of ["rollback", "commit"] as const) {
      const ended = deltaRun(store, { ...odd, cursorType: "text" }, async (run) => {
        const transaction = await driver.begin();
        await transaction.insert(end);
        run.setNewCursor("it's \\ $1 ?");
        run.setMetadata(metadata);
        await run.complete({ transaction: transaction.handle });
        expect((await store.get(odd))?.status).toBe("running");
        await transaction[end]();
      });
      if (end === "rollback") await expect(ended).rejects.toMatchObject({ code: "CURSOR_NOT_SET" });
      else expect(await ended).toMatchObject({ status: "completed", newCursor: "it's \\ $1 ?" });
    }
    expect(await rows()).toEqual(["commit"]);
    const stored = await store.get(odd);
    expect(stored?.cursor?.value).toBe("it's \\ $1 ?");
    expect({ ...stored?.metadata, id: String(stored?.metadata?.id) }).toEqual({
      ...metadata,
      id: "12345678901234567890",
    });
    expect(await store.verifyAudit()).toEqual({ streams: 1, rows: 1 });
  });

  it("is refused by name before it has begun, and changes nothing", async () => {
    const { store, driver } = await bench(connect, on);
    const failed = deltaRun(store, stream, async (run) => {
      run.setNewCursor(cursor);
      await run.complete({ transaction: driver.notBegun });
    });
    await expect(failed).rejects.toMatchObject({
      code: "ARGUMENT_INVALID",
      message: expect.stringContaining("the transaction cannot be used"),
    });
    expect(await store.get(stream)).toMatchObject({ status: "failed", cursor: null });
    expect(await store.audit()).toEqual({ items: [], next: null });
  });
});

describe.each(all)("a transaction of %s on another database", (_, connect, on) => {
  it("is refused by name", async () => {
    const { store } = await bench(connect, on);
    const other = await bench(connect, on);
    const run = await store.begin(stream, { cursorType: "timestamp_utc" });
    const transaction = await other.driver.begin();
    try {
      await expect(
        store.complete(run, { newCursor: cursor }, { transaction: transaction.handle }),
      ).rejects.toMatchObject({ code: "ARGUMENT_INVALID" });
    } finally {
      await transaction.rollback();
    }
    expect(await store.get(stream)).toMatchObject({ status: "running", cursor: null });
  });
});

describe.each([
  ["better-sqlite3", drivers.betterSqlite],
  ["Drizzle on better-sqlite3", drivers.drizzleOnBetterSqlite],
  ["Kysely on better-sqlite3", drivers.kyselyOnBetterSqlite],
])("a transaction of %s, which brings an SQLite of its own", (_, connect) => {
  it("is refused, since two copies of SQLite in one process do not see each other's locks", async () => {
    const { store, driver } = await bench(connect, "sqlite");
    const run = await store.begin(stream, { cursorType: "timestamp_utc" });
    const transaction = await driver.begin();
    const completing = store.complete(run, { newCursor: cursor }, { transaction: transaction.handle });
    await expect(completing).rejects.toMatchObject({
      code: "ARGUMENT_INVALID",
      message: expect.stringContaining("another copy of SQLite"),
    });
    await transaction.rollback();
    expect(await store.get(stream)).toMatchObject({ status: "running", cursor: null });
  });
});
