import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import pg from "pg";
import { describe, expect, onTestFinished, test } from "vitest";
import type { StateStore } from "../src/state/contract.ts";
import { openHttpState } from "../src/state/http/http.ts";
import { openPostgresState } from "../src/state/postgres/postgres.ts";
import { openSqliteState } from "../src/state/sqlite/sqlite.ts";
import { servedState } from "./support/http-state.ts";
import { createTestDatabase } from "./support/postgres.ts";

const key = { connector: "sap_eu", stream: "default" };
const other = { connector: "sap_us", stream: "default" };
const byHand = { reason: "it was me", actor: "ada" };

interface Database {
  readonly store: StateStore;
  /** The same state, by a process that has not seen it yet. */
  reopen(): Promise<StateStore>;
  sql(text: string): Promise<void>;
}

async function onSqlite(): Promise<Database> {
  const folder = mkdtempSync(join(tmpdir(), "tidemark-edited-"));
  const file = join(folder, "state.db");
  const stores: StateStore[] = [];
  const open = async (): Promise<StateStore> => {
    const store = await openSqliteState(file);
    stores.push(store);
    return store;
  };
  onTestFinished(async () => {
    for (const store of stores) await store.close();
    rmSync(folder, { recursive: true, force: true });
  });
  return {
    store: await open(),
    reopen: open,
    sql: async (text) => {
      const db = new DatabaseSync(file);
      db.exec(text);
      db.close();
    },
  };
}

async function onPostgres(): Promise<Database> {
  const database = await createTestDatabase();
  const stores: StateStore[] = [];
  const open = async (): Promise<StateStore> => {
    const store = await openPostgresState(database.url);
    stores.push(store);
    return store;
  };
  onTestFinished(async () => {
    for (const store of stores) await store.close();
    await database.drop();
  });
  return {
    store: await open(),
    reopen: open,
    sql: async (text) => {
      const client = new pg.Client({ connectionString: database.url });
      await client.connect();
      await client.query(text);
      await client.end();
    },
  };
}

async function onService(): Promise<Database> {
  const behind = await onSqlite();
  const { store, url } = await servedState(behind.store);
  return { ...behind, store, reopen: async () => openHttpState(url) };
}

const ofStream = "WHERE connector = 'sap_eu'";
const edits = {
  "another watermark": [
    `UPDATE tidemark_streams SET cursor_value = '7', position = replace(position, '"5"', '"7"') ${ofStream}`,
  ],
  "no watermark": [
    `UPDATE tidemark_streams SET cursor_value = NULL, position = replace(position, '"5"', 'null') ${ofStream}`,
  ],
  "another watermark in its column alone": [`UPDATE tidemark_streams SET cursor_value = '7' ${ofStream}`],
  "no watermark in its column": [`UPDATE tidemark_streams SET cursor_value = NULL ${ofStream}`],
  "another watermark in the position alone": [
    `UPDATE tidemark_streams SET position = replace(position, '"5"', '"7"') ${ofStream}`,
  ],
  "two other watermarks": [
    `UPDATE tidemark_streams SET cursor_value = '7', position = replace(position, '"5"', '"8"') ${ofStream}`,
  ],
  "a log cut at its end": [`DELETE FROM tidemark_audit ${ofStream} AND number = 2`],
  "a removed log": [`DELETE FROM tidemark_audit ${ofStream}`],
  "a removed row": [`DELETE FROM tidemark_streams ${ofStream}`],
  "a stream removed with its log": [
    `DELETE FROM tidemark_streams ${ofStream}`,
    `DELETE FROM tidemark_audit ${ofStream}`,
    `DELETE FROM tidemark_runs ${ofStream}`,
  ],
};

async function runTo(store: StateStore, newCursor: string, of = key): Promise<void> {
  await store.complete(await store.begin(of, { cursorType: "numeric_id" }), { newCursor });
}

for (const [name, open] of Object.entries({ sqlite: onSqlite, postgres: onPostgres, service: onService })) {
  describe(`a database's rows, changed by SQL: ${name}`, () => {
    for (const [edit, statements] of Object.entries(edits)) {
      test(`P12: ${edit} is refused until it is confirmed, and found by verifyAudit`, async () => {
        const { store, reopen, sql } = await open();
        await runTo(store, "3");
        await runTo(store, "5");
        await runTo(store, "1", other);
        for (const statement of statements) await sql(statement);
        await using fresh = await reopen();
        for (const each of [store, fresh]) {
          if (each === store && (edit.includes("log") || name === "service")) continue;
          const begun = each.begin(key, { cursorType: "numeric_id" });
          await expect(begun).rejects.toMatchObject({ code: "STATE_EDITED", stream: "sap_eu/default" });
        }
        await expect(store.verifyAudit()).rejects.toMatchObject({ code: "AUDIT_BROKEN" });
        await runTo(store, "2", other);
        await store.reset(key, { to: "6", cursorType: "numeric_id", ...byHand });
        await runTo(fresh, "8");
        expect((await store.get(key))?.cursor?.value).toBe("8");
      });
    }

    test("P12: a confirmed change is in the log, between what was and what the operator said", async () => {
      const { store, reopen, sql } = await open();
      await runTo(store, "3");
      await runTo(store, "5");
      for (const statement of edits["another watermark"]) await sql(statement);
      await store.reset(key, { to: "7", ...byHand });
      const { items } = await store.audit({ key });
      expect(items.map((row) => [row.action, row.actor, row.oldCursor, row.newCursor])).toEqual([
        ["advance", "local", null, "3"],
        ["advance", "local", "3", "5"],
        ["edit", "unknown", "5", "7"],
        ["reset", "ada", "7", "7"],
      ]);
      expect(await store.verifyAudit()).toEqual({ streams: 1, rows: 4 });
      await runTo(await reopen(), "9");
    });

    test("P12: a change under a running run is refused at its next step, and the run can fail", async () => {
      const { store, sql } = await open();
      await runTo(store, "5");
      const run = await store.begin(key, { cursorType: "numeric_id" });
      for (const statement of edits["another watermark"]) await sql(statement);
      await expect(store.complete(run, { newCursor: "9" })).rejects.toMatchObject({ code: "STATE_EDITED" });
      await store.fail(run, { error: "edited" });
      expect((await store.get(key))?.status).toBe("failed");
    });

    test("P10: an edit of the position alone stays to be confirmed when its run fails", async () => {
      const { store, reopen, sql } = await open();
      await runTo(store, "5");
      const run = await store.begin(key, { cursorType: "numeric_id" });
      for (const statement of edits["another watermark in the position alone"]) await sql(statement);
      await using fresh = await reopen();
      await fresh.heartbeat(run);
      await fresh.fail(run, { error: "edited" });
      await expect(store.begin(key, { cursorType: "numeric_id" })).rejects.toMatchObject({
        code: "STATE_EDITED",
        message: expect.stringContaining("is 7, and its audit log ends with 5"),
      });
    });

    test("P12: a partition's watermark that was changed is found by verifyAudit", async () => {
      const { store, sql } = await open();
      const run = await store.begin(key, { cursorType: "numeric_id" });
      const position = { watermark: "5", companions: {}, window: null, boundary: [], coverage: [] };
      const partitions = ["a", "b"].map((partition) => ({ partition, position }));
      await store.checkpoint(run, {
        sequence: 1,
        position: { ...position, watermark: null },
        partitions,
        recordsProcessed: 1,
      });
      await store.complete(run, {});
      expect(await store.verifyAudit()).toEqual({ streams: 1, rows: 2 });
      await sql(
        `UPDATE tidemark_partitions SET cursor_value = '7', position = replace(position, '"5"', '"7"') WHERE partition = 'b'`,
      );
      await expect(store.verifyAudit()).rejects.toMatchObject({
        code: "AUDIT_BROKEN",
        message: expect.stringContaining('partition "b"'),
        hint: expect.stringContaining("tidemark state set"),
      });
    });

    test("P12: streams that many processes make at once are all in the list", async () => {
      const { store, reopen } = await open();
      const second = await reopen();
      const keys = Array.from({ length: 20 }, (_, n) => ({ connector: "many", stream: `s${n}` }));
      await Promise.all(
        keys.flatMap((each) => [runTo(store, "1", each), second.get(each).then(() => undefined)]),
      );
      expect(await store.verifyAudit()).toEqual({ streams: 20, rows: 20 });
    });
  });
}

describe("state files, edited by hand", () => {
  const file = (folder: string): string => join(folder, "sap_eu.json");

  async function onFiles(): Promise<{ folder: string; store: StateStore }> {
    const { openFileState } = await import("../src/state/file/file.ts");
    const folder = mkdtempSync(join(tmpdir(), "tidemark-edited-"));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    return { folder, store: await openFileState(folder) };
  }

  const told = async (store: StateStore) =>
    (await store.audit({ key })).items.map((row) => [row.action, row.oldCursor, row.newCursor]);

  const ways: Readonly<Record<string, (text: string) => string>> = {
    "in cursor_value": (text) => text.replace('"cursor_value": "5"', '"cursor_value": "3"'),
    "in cursor_value, as a number": (text) => text.replace('"cursor_value": "5"', '"cursor_value": 3'),
    "in the position": (text) => text.replace('"watermark": "5"', '"watermark": "3"'),
    "in both": (text) =>
      text
        .replace('"cursor_value": "5"', '"cursor_value": "3"')
        .replace('"watermark": "5"', '"watermark": "3"'),
    "in another form": (text) =>
      text
        .replace('"cursor_value": "5"', '"cursor_value": "003"')
        .replace('"watermark": "5"', '"watermark": "003"'),
  };
  for (const [way, edit] of Object.entries(ways)) {
    test(`P12: a watermark edited ${way} is taken, logged and told once`, async () => {
      const { folder, store } = await onFiles();
      await runTo(store, "5");
      writeFileSync(file(folder), edit(readFileSync(file(folder), "utf8")));
      await expect(store.verifyAudit()).rejects.toMatchObject({ code: "AUDIT_BROKEN" });
      const run = await store.begin(key, { cursorType: "numeric_id" });
      expect(run.lowerBound?.value).toBe("3");
      expect(run.edited).toEqual({ oldCursor: "5", newCursor: "3" });
      await store.complete(run, { newCursor: "4" });
      const next = await store.begin(key, { cursorType: "numeric_id" });
      expect(next.edited).toBeUndefined();
      expect(await told(store)).toEqual([
        ["advance", null, "5"],
        ["edit", "5", "3"],
        ["advance", "3", "4"],
      ]);
      expect(await store.verifyAudit()).toEqual({ streams: 1, rows: 3 });
    });
  }

  test("P12: a seed is in the log as made by hand", async () => {
    const { folder, store } = await onFiles();
    writeFileSync(file(folder), '{"id": 4711}');
    const run = await store.begin(key, { cursorType: "numeric_id" });
    expect(run.edited).toEqual({ oldCursor: null, newCursor: "4711" });
    await store.complete(run, {});
    expect(await told(store)).toEqual([["edit", null, "4711"]]);
    expect(await store.verifyAudit()).toEqual({ streams: 1, rows: 1 });
  });

  test("P10: an edit that is no cursor, or two different ones, is refused", async () => {
    const { folder, store } = await onFiles();
    await runTo(store, "5");
    const text = readFileSync(file(folder), "utf8");
    for (const [value, watermark] of [
      ['"last week"', '"5"'],
      ['"6"', '"7"'],
    ]) {
      writeFileSync(
        file(folder),
        text
          .replace('"cursor_value": "5"', `"cursor_value": ${value}`)
          .replace('"watermark": "5"', `"watermark": ${watermark}`),
      );
      const begun = store.begin(key, { cursorType: "numeric_id" });
      await expect(begun).rejects.toMatchObject({ code: "STATE_UNREADABLE" });
    }
  });

  test("P12: a stream of which all files were removed is missed", async () => {
    const { folder, store } = await onFiles();
    await runTo(store, "5");
    await runTo(store, "1", other);
    rmSync(file(folder));
    expect(await store.verifyAudit()).toEqual({ streams: 1, rows: 1 });
    rmSync(join(folder, "sap_eu.log.jsonl"));
    await expect(store.verifyAudit()).rejects.toMatchObject({ code: "AUDIT_BROKEN" });
  });

  test("P12: what a crash leaves between a stream's log and its file is no edit", async () => {
    const { folder, store } = await onFiles();
    await runTo(store, "5");
    const before = readFileSync(file(folder), "utf8");
    await runTo(store, "6");
    // The log has the run's lines; the file is as before it.
    writeFileSync(file(folder), before);
    const run = await store.begin(key, { cursorType: "numeric_id" });
    expect(run.edited).toBeUndefined();
    await store.complete(run, { newCursor: "7" });
    expect(await store.verifyAudit()).toEqual({ streams: 1, rows: 2 });
  });

  test("a long log of idle runs is no obstacle", async () => {
    const { store } = await onFiles();
    await runTo(store, "5");
    for (let n = 0; n < 150; n++) {
      const idle = await store.begin(key, { cursorType: "numeric_id" });
      await store.complete(idle, { metadata: { filler: "x".repeat(700) } });
    }
    const run = await store.begin(key, { cursorType: "numeric_id" });
    expect(run.edited).toBeUndefined();
  });
});
