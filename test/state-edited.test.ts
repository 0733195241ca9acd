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
import { at, Bench } from "./support/engine-bench.ts";
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

const partitionEdits = {
  "another watermark": `cursor_value = '7', position = replace(position, '"5"', '"7"')`,
  "no watermark": `cursor_value = NULL, position = replace(position, '"5"', 'null')`,
  "another watermark in its column alone": "cursor_value = '7'",
  "another watermark in the position alone": `position = replace(position, '"5"', '"7"')`,
};

function refusalStored(edit: string): string | null {
  return edit === "no watermark" ? null : "7";
}

const empty = { watermark: null, companions: {}, window: null, boundary: [], coverage: [] };

function moves(watermark: string, ...partitions: string[]) {
  return partitions.map((partition) => ({ partition, position: { ...empty, watermark } }));
}

function moving(sequence: number, watermark: string, ...partitions: string[]) {
  return { sequence, position: empty, partitions: moves(watermark, ...partitions), recordsProcessed: 1 };
}

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

describe("state files, edited by hand", () => {
  const file = (folder: string): string => join(folder, "sap_eu.json");

  async function onFiles(): Promise<{ folder: string; store: StateStore }> {
    const { openFileState } = await import("../src/state/file/file.ts");
    const folder = mkdtempSync(join(tmpdir(), "tidemark-edited-"));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    return { folder, store: await openFileState(folder) };
  }

  async function runPartitions(store: StateStore, watermark: string, ...partitions: string[]): Promise<void> {
    const run = await store.begin(key, { cursorType: "numeric_id" });
    await store.complete(run, { partitions: moves(watermark, ...partitions) });
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

  const partitionWays: Readonly<Record<string, (text: string) => string>> = {
    "in cursor_value": (text) => text.replace('"cursor_value": "5"', '"cursor_value": 3'),
    "in the position": (text) => text.replace('"watermark": "5"', '"watermark": "3"'),
    "in both": (text) =>
      text
        .replace('"cursor_value": "5"', '"cursor_value": "3"')
        .replace('"watermark": "5"', '"watermark": "3"'),
  };
  for (const [way, edit] of Object.entries(partitionWays)) {
    test(`P12: a partition's watermark edited ${way} is taken with its next move, and logged`, async () => {
      const { folder, store } = await onFiles();
      await runPartitions(store, "5", "a", "b");
      // The next write puts the file in place that this one kept in the stream's.
      await runPartitions(store, "6", "a");
      const path = join(folder, "sap_eu~partitions", "live", "b.json");
      writeFileSync(path, edit(readFileSync(path, "utf8")));
      await expect(store.verifyAudit()).rejects.toMatchObject({ code: "AUDIT_BROKEN" });
      const found = await store.partition(key, "b", { compare: true });
      expect(found).toMatchObject({
        position: { watermark: "3" },
        edited: { oldCursor: "5", newCursor: "3" },
      });
      expect((await store.partition(key, "a", { compare: true }))?.edited).toBeUndefined();
      await runPartitions(store, "4", "b");
      expect((await store.partition(key, "b", { compare: true }))?.edited).toBeUndefined();
      const { items } = await store.audit({ key });
      expect(
        items
          .filter(({ partition }) => partition === "b")
          .map((row) => [row.action, row.actor, row.oldCursor, row.newCursor]),
      ).toEqual([
        ["advance", "local", null, "5"],
        ["edit", "unknown", "5", "3"],
        ["advance", "local", "3", "4"],
      ]);
      await store.verifyAudit();
    });
  }

  test("P12: the file of a partition is taken also where the stream's file has newer content for it", async () => {
    const { folder, store } = await onFiles();
    await runPartitions(store, "4", "b");
    await runPartitions(store, "5", "a");
    await runPartitions(store, "6", "b");
    const path = join(folder, "sap_eu~partitions", "live", "b.json");
    const text = readFileSync(path, "utf8");
    expect(text).toContain('"cursor_value": "4"');
    writeFileSync(path, text.replace('"cursor_value": "4"', '"cursor_value": "2"'));
    expect(await store.partition(key, "b", { compare: true })).toMatchObject({
      position: { watermark: "2" },
      edited: { oldCursor: "6", newCursor: "2" },
    });
    await runPartitions(store, "7", "a");
    expect((await store.partition(key, "b", { compare: true }))?.edited?.newCursor).toBe("2");
    await store.reset(key, { to: "1", partition: "b", ...byHand });
    expect((await store.partition(key, "b", { compare: true }))?.edited).toBeUndefined();
    expect((await store.audit({ key })).items.slice(-2)).toMatchObject([
      { action: "edit", oldCursor: "6", newCursor: "2", actor: "unknown" },
      { action: "reset", oldCursor: "2", newCursor: "1", actor: "ada" },
    ]);
    await store.verifyAudit();
  });

  test("P12: a sync takes a partition that was edited by hand, warns once and logs it, also with nothing new", async () => {
    const { folder, store } = await onFiles();
    const bench = new Bench({ incremental: { partitions: { concurrency: 1 } } });
    for (const partition of ["a", "b"]) bench.source.put({ id: partition, updated_at: at(5), partition });
    await bench.run({ state: store });
    bench.source.put({ id: "more", updated_at: at(6), partition: "a" });
    await bench.run({ state: store });
    const { connector, stream } = bench.pipeline.key;
    const path = join(folder, connector, `${stream}~partitions`, "live", "b.json");
    const text = readFileSync(path, "utf8");
    writeFileSync(path, text.replace(`"cursor_value": "${at(5)}"`, `"cursor_value": "${at(7)}"`));
    const result = await bench.run({ state: store });
    expect(result.warnings).toContainEqual(
      expect.objectContaining({ code: "STATE_EDITED", message: expect.stringContaining('partition "b"') }),
    );
    expect((await store.audit({ key: bench.pipeline.key })).items.at(-1)).toMatchObject({
      action: "edit",
      partition: "b",
      oldCursor: at(5),
      newCursor: at(7),
    });
    expect((await bench.run({ state: store })).warnings).toEqual([]);
    await store.verifyAudit();
  });

  test("P12: a partition whose file was removed starts over, which is told once and logged", async () => {
    const { folder, store } = await onFiles();
    const bench = new Bench({ incremental: { partitions: { concurrency: 1 } } });
    for (const partition of ["a", "b"]) bench.source.put({ id: partition, updated_at: at(5), partition });
    await bench.run({ state: store });
    bench.source.put({ id: "more", updated_at: at(6), partition: "a" });
    await bench.run({ state: store });
    const { connector, stream } = bench.pipeline.key;
    rmSync(join(folder, connector, `${stream}~partitions`, "live", "b.json"));
    await expect(store.verifyAudit()).rejects.toMatchObject({
      code: "AUDIT_BROKEN",
      message: expect.stringMatching(/partition "b" .* was removed/),
    });
    const result = await bench.run({ state: store });
    expect(result.warnings).toContainEqual(
      expect.objectContaining({
        code: "STATE_EDITED",
        message: expect.stringContaining(`of partition "b" is none, and was ${at(5)}`),
      }),
    );
    const { items } = await store.audit({ key: bench.pipeline.key });
    expect(items.filter(({ partition }) => partition === "b").slice(1, 2)).toMatchObject([
      { action: "edit", actor: "unknown", oldCursor: at(5), newCursor: null },
    ]);
    expect((await bench.run({ state: store })).warnings).toEqual([]);
    await store.verifyAudit();
  });

  test("P12: partitions are compared with a log that is long, that grows, and that is written anew", async () => {
    const { folder, store } = await onFiles();
    const live = join(folder, "sap_eu~partitions", "live");
    for (let n = 1; n <= 30; n++) await runPartitions(store, String(n), "a", `p${n}`);
    rmSync(join(live, "p3.json"));
    const missing = (): Promise<unknown> => store.partition(key, "p3", { compare: true });
    expect(await missing()).toMatchObject({ edited: { oldCursor: "3", newCursor: null } });
    expect(await store.partition(key, "p31", { compare: true })).toBeNull();
    await store.prune({ key, keepRuns: 2 });
    expect(await missing()).toMatchObject({ edited: { oldCursor: "3", newCursor: null } });
    await runPartitions(store, "31", "p3");
    await runPartitions(store, "32", "a");
    expect((await store.partition(key, "p3", { compare: true }))?.edited).toBeUndefined();
    rmSync(join(live, "p3.json"));
    expect(await missing()).toMatchObject({ edited: { oldCursor: "31", newCursor: null } });
    const { items } = await store.audit({ key });
    const last = items.at(-2);
    if (last === undefined) throw new Error("there is no log");
    await store.archiveAudit(key, last);
    expect(await missing()).toBeNull();
  });

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
