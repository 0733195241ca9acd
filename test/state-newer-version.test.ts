import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import pg from "pg";
import { expect, onTestFinished, test } from "vitest";
import type { Run, StateStore } from "../src/state/contract.ts";
import { openFileState } from "../src/state/storage/files/file.ts";
import { openPostgresState } from "../src/state/storage/postgres/postgres.ts";
import { openSqliteState } from "../src/state/storage/sqlite/sqlite.ts";
import { servedState } from "./support/http-state.ts";
import { createTestDatabase } from "./support/postgres.ts";

const key = { connector: "sap_eu", stream: "default" };
const raise = "UPDATE tidemark_schema SET version = version + 1";

interface Upgraded {
  readonly store: StateStore;
  /** As a newer version does when it opens the state. */
  upgrade(): Promise<void>;
  /** All that is stored. */
  stored(): Promise<unknown>;
}

const backends: Readonly<Record<string, () => Promise<Upgraded>>> = {
  sqlite: onSqlite,
  async postgres() {
    const database = await createTestDatabase();
    const admin = new pg.Client({ connectionString: database.url });
    await admin.connect();
    const store = await openPostgresState(database.url);
    onTestFinished(async () => {
      await admin.end();
      await store.close();
      await database.drop();
    });
    const rows = async (table: string) => (await admin.query(`SELECT * FROM ${table}`)).rows;
    return {
      store,
      upgrade: async () => {
        await admin.query(raise);
      },
      stored: async () => [await rows("tidemark_streams"), await rows("tidemark_runs")],
    };
  },
  async files() {
    const folder = temporaryFolder();
    const store = await openFileState(folder);
    const file = join(folder, "sap_eu.json");
    return {
      store,
      upgrade: async () => {
        const text = readFileSync(file, "utf8");
        writeFileSync(file, text.replace(/"tidemark_state": \d+/, '"tidemark_state": 99'));
      },
      stored: async () => readFileSync(file, "utf8"),
    };
  },
  async "a service on sqlite"() {
    const behind = await onSqlite();
    const { store } = await servedState(behind.store);
    return { ...behind, store };
  },
};

async function onSqlite(): Promise<Upgraded> {
  const file = join(temporaryFolder(), "state.db");
  const store = await openSqliteState(file);
  const other = new DatabaseSync(file);
  onTestFinished(async () => {
    other.close();
    await store.close();
  });
  const rows = (table: string) => other.prepare(`SELECT * FROM ${table}`).all();
  return {
    store,
    upgrade: async () => other.exec(raise),
    stored: async () => [rows("tidemark_streams"), rows("tidemark_runs")],
  };
}

function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "tidemark-newer-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

const at = (watermark: string) => ({
  watermark,
  secondaryCursors: {},
  window: null,
  tieSet: [],
  coverage: [],
});

const steps: Readonly<Record<string, (store: StateStore, run: Run) => Promise<unknown>>> = {
  checkpoint: (store, run) => store.checkpoint(run, { sequence: 1, position: at("2"), recordsProcessed: 1 }),
  heartbeat: (store, run) => store.heartbeat(run),
  complete: (store, run) => store.complete(run, { newCursor: "2" }),
  fail: (store, run) => store.fail(run, { error: "x" }),
  "begin after it": (store) => store.begin(key, { cursorType: "numeric_id" }),
  reset: (store) => store.reset(key, { to: "1", reason: "r", actor: "ada" }),
};

for (const [name, open] of Object.entries(backends)) {
  test(`P10: a process stops writing once a newer version has upgraded its state: ${name}`, async () => {
    const { store, upgrade, stored } = await open();
    await store.complete(await store.begin(key, { cursorType: "numeric_id" }), { newCursor: "1" });
    const run = await store.begin(key, { cursorType: "numeric_id" });
    await upgrade();
    const before = await stored();
    for (const [step, take] of Object.entries(steps)) {
      await expect(take(store, run), step).rejects.toMatchObject({ code: "STATE_TOO_NEW" });
      expect(await stored(), step).toEqual(before);
    }
  });
}

test("P10: it stops in the caller's own transaction too", async () => {
  const file = join(temporaryFolder(), "state.db");
  await using store = await openSqliteState(file);
  const run = await store.begin(key, { cursorType: "numeric_id" });
  const transaction = new DatabaseSync(file);
  onTestFinished(() => transaction.close());
  transaction.exec(raise);
  transaction.exec("BEGIN IMMEDIATE");
  await expect(store.complete(run, { newCursor: "1" }, { transaction })).rejects.toMatchObject({
    code: "STATE_TOO_NEW",
  });
});
