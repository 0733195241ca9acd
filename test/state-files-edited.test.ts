import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import type { StateStore } from "../src/state/contract.ts";
import { openFileState } from "../src/state/storage/files/file.ts";
import { byHand, key, moves, other, runTo } from "./support/edited-state.ts";
import { at, Bench } from "./support/engine-bench.ts";

describe("state files, edited by hand", () => {
  const file = (folder: string): string => join(folder, "sap_eu.json");

  async function onFiles(): Promise<{ folder: string; store: StateStore }> {
    const folder = mkdtempSync(join(tmpdir(), "tidemark-edited-"));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    return { folder, store: await openFileState(folder) };
  }

  /** A stream that was synced twice: partition `a` moved in both runs, and `b`, whose file is at `path`, in the first. */
  async function syncedInPartitions() {
    const { folder, store } = await onFiles();
    const bench = new Bench({ incremental: { partitions: { concurrency: 1 } } });
    for (const partition of ["a", "b"]) bench.source.put({ id: partition, updated_at: at(5), partition });
    await bench.run({ state: store });
    bench.source.put({ id: "more", updated_at: at(6), partition: "a" });
    await bench.run({ state: store });
    const { connector, stream } = bench.pipeline.key;
    return { store, bench, path: join(folder, connector, `${stream}~partitions`, "live", "b.json") };
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
    test(`P12: a watermark edited ${way} is taken, logged and reported once`, async () => {
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
    "in all places, as a search and replace does": (text) => text.replaceAll('"5"', '"3"'),
  };
  for (const [way, edit] of Object.entries(partitionWays)) {
    test(`P12: a partition's watermark edited ${way} is taken with its next move, and logged`, async () => {
      const { folder, store } = await onFiles();
      await runPartitions(store, "5", "a", "b");
      // The next write puts the file in place that this one kept in the stream's.
      await runPartitions(store, "6", "a");
      const path = join(folder, "sap_eu~partitions", "live", "b.json");
      writeFileSync(path, edit(readFileSync(path, "utf8")));
      await expect(store.verifyAudit()).rejects.toMatchObject({
        code: "AUDIT_BROKEN",
        hint: expect.stringContaining("tidemark state set sap_eu default 3 --partition 'b' --reason"),
      });
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

  const everywhere: Readonly<Record<string, { file: string; from: string; to: string }>> = {
    "a partition in the stream's file": { file: "sap_eu.json", from: "6", to: "8" },
    "a partition's file that is one write behind": { file: "live/b.json", from: "4", to: "8" },
  };
  for (const [what, { file: name, from, to }] of Object.entries(everywhere)) {
    test(`P12: ${what} is compared with the log, also where all places of the watermark were edited`, async () => {
      const { folder, store } = await onFiles();
      await runPartitions(store, "4", "b");
      await runPartitions(store, "5", "a");
      await runPartitions(store, "6", "b");
      expect((await store.partition(key, "b", { compare: true }))?.edited).toBeUndefined();
      const path = join(folder, name.startsWith("live/") ? "sap_eu~partitions" : "", name);
      writeFileSync(path, readFileSync(path, "utf8").replaceAll(`"${from}"`, `"${to}"`));
      await expect(store.verifyAudit()).rejects.toMatchObject({ code: "AUDIT_BROKEN" });
      const again = await openFileState(folder);
      expect(await again.partition(key, "b", { compare: true })).toMatchObject({
        position: { watermark: to },
        edited: { oldCursor: "6", newCursor: to },
      });
      await runPartitions(again, "7", "a");
      expect((await again.partition(key, "b", { compare: true }))?.edited?.newCursor).toBe(to);
      await runPartitions(again, "9", "b");
      await runPartitions(again, "9", "a");
      expect((await again.partition(key, "b", { compare: true }))?.edited).toBeUndefined();
      const { items } = await again.audit({ key });
      expect(
        items.flatMap(({ partition, action, newCursor }) => (partition === "b" ? [[action, newCursor]] : [])),
      ).toEqual([
        ["advance", "4"],
        ["advance", "6"],
        ["edit", to],
        ["advance", "9"],
      ]);
      await again.verifyAudit();
    });
  }

  test("P12: an older copy of a partition's file that was put back is an edit", async () => {
    const { folder, store } = await onFiles();
    const path = join(folder, "sap_eu~partitions", "live", "b.json");
    await runPartitions(store, "4", "b");
    await runPartitions(store, "5", "a");
    const older = readFileSync(path, "utf8");
    await runPartitions(store, "6", "b");
    await runPartitions(store, "7", "a");
    writeFileSync(path, older);
    expect((await store.partition(key, "b", { compare: true }))?.edited).toEqual({
      oldCursor: "6",
      newCursor: "4",
    });
  });

  test("P12: a sync takes a partition that was edited by hand, warns once and logs it, also with nothing new", async () => {
    const { store, bench, path } = await syncedInPartitions();
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

  test("P12: a partition whose file was removed starts over, which is reported once and logged", async () => {
    const { store, bench, path } = await syncedInPartitions();
    rmSync(path);
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
      const unreadable = { code: "STATE_UNREADABLE", hint: expect.stringContaining("remove the file") };
      const begun = store.begin(key, { cursorType: "numeric_id" });
      await expect(begun).rejects.toMatchObject(unreadable);
      await expect(store.reset(key, { to: "5", ...byHand })).rejects.toMatchObject(unreadable);
    }
    rmSync(file(folder));
    const run = await store.begin(key, { cursorType: "numeric_id" });
    expect(run.edited).toEqual({ oldCursor: "5", newCursor: null });
  });

  const damages: Readonly<Record<string, (text: string) => string>> = {
    "that is no JSON": () => "x",
    "that lacks what it needs": () => '{ "tidemark_partition": 1, "partition": "b" }',
    "with a watermark that is no cursor": (text) =>
      text.replace('"cursor_value": "5"', '"cursor_value": "last week"'),
  };
  for (const [damage, damaged] of Object.entries(damages)) {
    test(`P10: a partition's file ${damage} is refused, and is removed to start it over, as the error says`, async () => {
      const { folder, store } = await onFiles();
      await runPartitions(store, "5", "a", "b");
      await runPartitions(store, "6", "a");
      const path = join(folder, "sap_eu~partitions", "live", "b.json");
      writeFileSync(path, damaged(readFileSync(path, "utf8")));
      const unreadable = {
        code: "STATE_UNREADABLE",
        hint: expect.stringMatching(
          /To start it over on purpose, remove the file and then run: tidemark state reset/,
        ),
      };
      await expect(store.partition(key, "b", { compare: true })).rejects.toMatchObject(unreadable);
      const reset = store.reset(key, { to: null, partition: "b", ...byHand });
      await expect(reset).rejects.toMatchObject(unreadable);
      rmSync(path);
      expect(await store.partition(key, "b", { compare: true })).toMatchObject({
        position: { watermark: null },
        edited: { oldCursor: "5", newCursor: null },
      });
      await runPartitions(store, "7", "b");
      await store.verifyAudit();
    });
  }

  test("P10: a damaged file of a partition is removed, and the partition stands where the stream's file has it", async () => {
    const { folder, store } = await onFiles();
    await runPartitions(store, "4", "b");
    await runPartitions(store, "5", "a");
    await runPartitions(store, "6", "b");
    const path = join(folder, "sap_eu~partitions", "live", "b.json");
    writeFileSync(path, "x");
    const found = store.partition(key, "b", { compare: true });
    await expect(found).rejects.toMatchObject({ hint: expect.stringContaining("the stream's own file") });
    rmSync(path);
    expect(await store.partition(key, "b", { compare: true })).toMatchObject({
      position: { watermark: "6" },
    });
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
