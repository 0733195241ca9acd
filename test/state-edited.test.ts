import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import pg from "pg";
import { describe, expect, onTestFinished, test } from "vitest";
import type { StateStore } from "../src/state/contract.ts";
import { openHttpState } from "../src/state/storage/http/http.ts";
import { openPostgresState } from "../src/state/storage/postgres/postgres.ts";
import { openSqliteState } from "../src/state/storage/sqlite/sqlite.ts";
import { byHand, empty, key, moves, other, runTo } from "./support/edited-state.ts";
import { at, Bench } from "./support/engine-bench.ts";
import { servedState } from "./support/http-state.ts";
import { createTestDatabase } from "./support/postgres.ts";

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

const partitionEdits = {
  "another watermark": `cursor_value = '7', position = replace(position, '"5"', '"7"')`,
  "no watermark": `cursor_value = NULL, position = replace(position, '"5"', 'null')`,
  "another watermark in its column alone": "cursor_value = '7'",
  "another watermark in the position alone": `position = replace(position, '"5"', '"7"')`,
};

function refusalStored(edit: string): string | null {
  return edit === "no watermark" ? null : "7";
}

function moving(sequence: number, watermark: string, ...partitions: string[]) {
  return { sequence, position: empty, partitions: moves(watermark, ...partitions), recordsProcessed: 1 };
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

    for (const [edit, columns] of Object.entries(partitionEdits)) {
      test(`P12: a partition with ${edit} is refused until it is confirmed, and found by verifyAudit`, async () => {
        const { store, sql } = await open();
        const first = await store.begin(key, { cursorType: "numeric_id" });
        await store.checkpoint(first, moving(1, "5", "a", "b"));
        await store.complete(first, {});
        expect(await store.verifyAudit()).toEqual({ streams: 1, rows: 2 });
        await sql(`UPDATE tidemark_partitions SET ${columns} WHERE partition = 'b'`);
        const refusal = {
          code: "STATE_EDITED",
          stream: "sap_eu/default",
          message: expect.stringMatching(/partition "b" .* is (7|none), and its audit log ends with 5/),
          hint: expect.stringContaining("--partition 'b'"),
        };
        const run = await store.begin(key, { cursorType: "numeric_id" });
        await expect(store.partition(key, "b", { compare: true })).rejects.toMatchObject(refusal);
        await expect(store.checkpoint(run, moving(1, "9", "a", "b"))).rejects.toMatchObject(refusal);
        await expect(store.complete(run, { partitions: moves("9", "b") })).rejects.toMatchObject(refusal);
        expect((await store.partition(key, "a", { compare: true }))?.position.watermark).toBe("5");
        await store.checkpoint(run, moving(1, "6", "a"));
        await store.fail(run, { error: "edited" });
        await expect(store.verifyAudit()).rejects.toMatchObject({
          code: "AUDIT_BROKEN",
          message: expect.stringContaining('partition "b"'),
          hint: expect.stringContaining("tidemark state set"),
        });
        await store.reset(key, { to: "6", partition: "b", ...byHand });
        expect((await store.partition(key, "b", { compare: true }))?.position.watermark).toBe("6");
        const { items } = await store.audit({ key });
        const ofB = items.filter(({ partition }) => partition === "b");
        const stored = refusalStored(edit);
        expect(ofB.map((row) => [row.action, row.actor, row.oldCursor, row.newCursor])).toEqual([
          ["advance", "local", null, "5"],
          ["edit", "unknown", "5", stored],
          ["reset", "ada", stored, "6"],
        ]);
        const next = await store.begin(key, { cursorType: "numeric_id" });
        await store.complete(next, { partitions: moves("8", "b") });
        expect(await store.verifyAudit()).toEqual({ streams: 1, rows: 6 });
      });
    }

    test("P12: a partition whose row was removed is refused until it is confirmed, and missed by verifyAudit", async () => {
      const { store, sql } = await open();
      const first = await store.begin(key, { cursorType: "numeric_id" });
      await store.complete(first, { partitions: moves("5", "a", "b") });
      await sql("DELETE FROM tidemark_partitions WHERE partition = 'b'");
      const refusal = {
        code: "STATE_EDITED",
        stream: "sap_eu/default",
        message: expect.stringMatching(/partition "b" .* was removed, and its audit log ends with 5/),
        hint: expect.stringMatching(
          /state set sap_eu default 5 --partition 'b' .* state reset .* --partition 'b'/,
        ),
      };
      const run = await store.begin(key, { cursorType: "numeric_id" });
      await expect(store.partition(key, "b", { compare: true })).rejects.toMatchObject(refusal);
      await expect(store.checkpoint(run, moving(1, "9", "a", "b"))).rejects.toMatchObject(refusal);
      await expect(store.complete(run, { partitions: moves("1", "b") })).rejects.toMatchObject(refusal);
      expect(await store.partition(key, "new", { compare: true })).toBeNull();
      await store.checkpoint(run, moving(1, "6", "a", "new"));
      await store.fail(run, { error: "edited" });
      await expect(store.verifyAudit()).rejects.toMatchObject({
        code: "AUDIT_BROKEN",
        message: expect.stringMatching(/partition "b" .* was removed/),
        hint: expect.stringContaining("state set sap_eu default 5 --partition 'b'"),
      });
      await store.reset(key, { to: null, partition: "b", ...byHand });
      expect((await store.partition(key, "b", { compare: true }))?.position.watermark).toBeNull();
      const { items } = await store.audit({ key });
      const ofB = items.filter(({ partition }) => partition === "b");
      expect(ofB.map((row) => [row.action, row.actor, row.oldCursor, row.newCursor])).toEqual([
        ["advance", "local", null, "5"],
        ["edit", "unknown", "5", null],
        ["reset", "ada", null, null],
      ]);
      const next = await store.begin(key, { cursorType: "numeric_id" });
      await store.complete(next, { partitions: moves("8", "b") });
      await store.verifyAudit();
    });

    test("P12: a partition whose row was removed is missed also after a request to stop", async () => {
      const { store, sql } = await open();
      const first = await store.begin(key, { cursorType: "numeric_id" });
      await store.checkpoint(first, moving(1, "5", "a", "b"));
      await store.stop(key, { actor: "ada" });
      await store.fail(first, { error: "RUN_STOPPED: by ada" });
      await sql("DELETE FROM tidemark_partitions WHERE partition = 'b'");
      await expect(store.verifyAudit()).rejects.toMatchObject({ code: "AUDIT_BROKEN" });
      const run = await store.begin(key, { cursorType: "numeric_id" });
      await expect(store.partition(key, "b", { compare: true })).rejects.toMatchObject({
        code: "STATE_EDITED",
      });
      await expect(store.checkpoint(run, moving(1, "9", "a", "b"))).rejects.toMatchObject({
        code: "STATE_EDITED",
      });
    });

    test("P12: the row of a partition may be removed once the whole stream was started over", async () => {
      const { store, sql } = await open();
      const exported = await (async () => {
        const first = await store.begin(key, { cursorType: "numeric_id" });
        await store.complete(first, { partitions: moves("5", "a", "b") });
        return store.export(key);
      })();
      await store.reset(key, { to: null, ...byHand });
      await sql("DELETE FROM tidemark_partitions");
      await store.verifyAudit();
      expect((await store.partition(key, "b", { compare: true }))?.position.watermark).toBeNull();
      const run = await store.begin(key, { cursorType: "numeric_id" });
      await store.complete(run, { partitions: moves("1", "b") });
      await store.import({ ...exported, partitions: exported.partitions?.slice(1) ?? [] }, byHand);
      await sql("DELETE FROM tidemark_partitions WHERE partition = 'a'");
      await store.verifyAudit();
      await sql("DELETE FROM tidemark_partitions WHERE partition = 'b'");
      await expect(store.verifyAudit()).rejects.toMatchObject({ code: "AUDIT_BROKEN" });
      await expect(store.partition(key, "b", { compare: true })).rejects.toMatchObject({
        code: "STATE_EDITED",
      });
    });

    test("P11: a backfill reads a partition whose live row was removed", async () => {
      const { store, sql } = await open();
      const first = await store.begin(key, { cursorType: "numeric_id" });
      await store.complete(first, { partitions: moves("5", "b") });
      await sql("DELETE FROM tidemark_partitions");
      const run = await store.begin(key, { cursorType: "numeric_id", kind: "backfill", backfill: "may" });
      expect(await store.partition(key, "b", { compare: true, backfill: "may" })).toBeNull();
      await store.complete(run, { partitions: moves("3", "b") });
    });

    test("P12: a partition is as its log says after a reset of the stream, an import and an archive", async () => {
      const { store } = await open();
      const first = await store.begin(key, { cursorType: "numeric_id" });
      await store.complete(first, { partitions: moves("5", "a", "b") });
      const exported = await store.export(key);
      await store.reset(key, { to: null, ...byHand });
      expect((await store.partition(key, "b", { compare: true }))?.position.watermark).toBeNull();
      await store.import(exported, byHand);
      expect((await store.partition(key, "b", { compare: true }))?.position.watermark).toBe("5");
      if (name === "service") return;
      const { items } = await store.audit({ key });
      const last = items.at(-1);
      if (last === undefined) throw new Error("there is no log");
      await store.reset(key, { to: "1", partition: "c", ...byHand });
      await store.archiveAudit(key, last);
      expect((await store.partition(key, "b", { compare: true }))?.position.watermark).toBe("5");
      const run = await store.begin(key, { cursorType: "numeric_id" });
      await store.complete(run, { partitions: moves("6", "a", "b") });
    });

    test("P12: a sync of a partition that was changed fails before it reads it", async () => {
      const { store, sql } = await open();
      const bench = new Bench({ incremental: { partitions: { concurrency: 1 } } });
      for (const partition of ["a", "b"]) bench.source.put({ id: partition, updated_at: at(5), partition });
      await bench.run({ state: store });
      const set = ["cursor_value", "position"].map(
        (column) => `${column} = replace(${column}, '${at(5)}', '${at(7)}')`,
      );
      await sql(`UPDATE tidemark_partitions SET ${set.join(", ")} WHERE partition = 'b'`);
      bench.source.put({ id: "new", updated_at: at(6), partition: "b" });
      const failed = await bench.attempt({ state: store });
      expect(failed).toMatchObject({ status: "failed", error: { code: "STATE_EDITED" } });
      expect(bench.ids()).not.toContain("new");
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
