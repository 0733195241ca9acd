import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished, test } from "vitest";
import { FakeClock } from "../../../../testing/fake-clock.ts";
import { stateStoreSuite } from "../../../../testing/state-suite.ts";
import { isTidemarkError } from "../../../errors.ts";
import { emptyPosition, positionFormat } from "../../../model/position.ts";
import { openFileState } from "./file.ts";

const key = { connector: "events", stream: "default" };

function freshFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "tidemark-files-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

stateStoreSuite(
  { describe, it },
  {
    name: "files",
    async open() {
      const folder = mkdtempSync(join(tmpdir(), "tidemark-files-"));
      const clock = new FakeClock();
      const store = await openFileState(folder, { clock });
      return {
        store,
        reopen: () => openFileState(folder, { clock }),
        expireLease: () => clock.advance(86_400_000),
        async close() {
          await store.close();
          rmSync(folder, { recursive: true });
        },
      };
    },
    skip: {
      "the caller's own transaction": "there is no database that a caller could have a transaction on",
    },
  },
);

test("a file written by hand starts the stream where it says", async () => {
  for (const [seed, cursorType, lower] of [
    ['{"timestamp": "2026-01-01T00:00:00Z"}', "timestamp_utc", "2026-01-01T00:00:00Z"],
    ['{"id": 12345678901234567890}', "numeric_id", "12345678901234567890"],
    ['{"offset": 40}', "offset", "40"],
  ] as const) {
    const folder = freshFolder();
    writeFileSync(join(folder, "events.json"), seed);
    await using store = await openFileState(folder);
    const run = await store.begin(key, { cursorType });
    expect(run.lowerBound?.value).toBe(lower);
  }
});

test("a seed of a timestamp and an id keeps both", async () => {
  const folder = freshFolder();
  writeFileSync(join(folder, "events.json"), '{"timestamp": "2026-01-01T00:00:00Z", "id": "77"}');
  await using store = await openFileState(folder);
  expect((await store.get(key))?.position).toMatchObject({
    watermark: "2026-01-01T00:00:00Z",
    secondaryCursors: { id: "77" },
  });
});

test("P10: a file that is no state and no seed is an error, and stays as it is", async () => {
  for (const text of [
    "",
    "{",
    "[]",
    '{"timestam": "2026-01-01T00:00:00Z"}',
    '{"timestamp": "yesterday"}',
    '{"id": "x"}',
    "{}",
    '{"tidemark_state": 1}',
    Buffer.from('{"id": "caf\xe9"}', "latin1"),
  ]) {
    const folder = freshFolder();
    writeFileSync(join(folder, "events.json"), text);
    await using store = await openFileState(folder);
    await expect(store.begin(key, { cursorType: "timestamp_utc" })).rejects.toSatisfy((error) =>
      isTidemarkError(error, "STATE_UNREADABLE"),
    );
    expect(readFileSync(join(folder, "events.json"))).toEqual(Buffer.from(text));
  }
});

test.each([
  [
    '{"timestamp": 1772496000}',
    "`timestamp` is 1772496000; it must be ISO 8601 text such as",
    '"2026-03-03T00:00:00.000Z"',
  ],
  ['{"timestamp": 1772496000000}', "`timestamp` is 1772496000000", '"2026-03-03T00:00:00.000Z"'],
  ['{"timestamp": null}', "`timestamp` is null", "ISO 8601"],
  ['{"timestamp": "yesterday"}', '"yesterday" cannot be read', '{"timestamp": "2026-01-01T00:00:00Z"}'],
  ['{"timestam": "2026-01-01T00:00:00Z"}', "it has `timestam`", "a file written by hand"],
  ['{"id": true}', "`id` is true", "a file written by hand"],
  ["{}", "it is an empty object", "a file written by hand"],
])(
  "a file written by hand that cannot be used, such as %s, says what is wrong and what is right",
  async (text, wrong, right) => {
    const folder = freshFolder();
    writeFileSync(join(folder, "events.json"), text);
    await using store = await openFileState(folder);
    const message: unknown = await store.get(key).catch((error: Error) => error.message);
    expect(message).toContain(wrong);
    expect(message).toContain(right);
  },
);

test("a stream whose file was removed starts over in each partition too, and in what backfills covered", async () => {
  const folder = freshFolder();
  const at = (n: number) => ({
    ...emptyPosition,
    watermark: String(n),
    coverage: [{ lower: null, upper: String(n) }],
  });
  const partitions = ["a", "b"].map((partition) => ({ partition, position: at(5) }));
  {
    await using store = await openFileState(folder);
    for (let n = 0; n < 2; n++) {
      const run = await store.begin(key, { cursorType: "numeric_id" });
      await store.complete(run, { partitions: [...partitions.slice(n)] });
      const backfill = await store.begin(key, { cursorType: "numeric_id", kind: "backfill" });
      await store.complete(backfill, { position: at(5), partitions: [...partitions.slice(n)] });
    }
    expect((await store.partitions(key)).items).toHaveLength(2);
  }
  rmSync(join(folder, "events.json"));
  await using store = await openFileState(folder);
  expect(await store.partition(key, "a")).toBeNull();
  expect(await store.coverage(key, { partition: "a" })).toEqual([]);
  for (let n = 1; n <= 2; n++) {
    const run = await store.begin(key, { cursorType: "numeric_id" });
    await store.complete(run, { partitions: [{ partition: "c", position: at(n) }] });
    expect((await store.partitions(key)).items.map(({ partition }) => partition)).toEqual(["c"]);
    expect(await store.coverage(key, { partition: "a" })).toEqual([]);
    expect(await store.coverage(key)).toEqual([]);
  }
});

test("P10: a partition's file that cannot be read is an error, and stays as it is", async () => {
  const folder = freshFolder();
  await using store = await openFileState(folder);
  const run = await store.begin(key, { cursorType: "numeric_id" });
  const moved = (sequence: number, partition: string) =>
    store.checkpoint(run, {
      sequence,
      position: emptyPosition,
      recordsProcessed: 1,
      partitions: [{ partition, position: { ...emptyPosition, watermark: String(sequence + 1) } }],
    });
  await moved(1, "a");
  await moved(2, "b");
  const file = join(folder, "events~partitions/live/a.json");
  const stored = readFileSync(file, "utf8");
  const damages = [
    ["", "STATE_UNREADABLE"],
    [stored.slice(0, 50), "STATE_UNREADABLE"],
    [stored.replace('"partition": "a"', '"partition": "b"'), "STATE_UNREADABLE"],
    [stored.replace('"stream": "default"', '"stream": "other"'), "STATE_UNREADABLE"],
    [
      stored
        .replace('"cursor_value": "2"', '"cursor_value": "3"')
        .replace('"watermark": "2"', '"watermark": "4"'),
      "STATE_UNREADABLE",
    ],
    [stored.replaceAll('"2"', '"banana"'), "STATE_UNREADABLE"],
    [stored.replace('"tidemark_partition": 2', '"tidemark_partition": 9'), "STATE_TOO_NEW"],
    [stored.replace(`"format": ${positionFormat}`, '"format": 9'), "STATE_TOO_NEW"],
  ] as const;
  for (const [text, code] of damages) {
    writeFileSync(file, text);
    for (const call of [() => store.partition(key, "a"), () => moved(3, "a"), () => store.partitions(key)]) {
      await expect(call()).rejects.toMatchObject({ code });
    }
    expect(readFileSync(file, "utf8")).toBe(text);
    expect((await store.partition(key, "b"))?.position.watermark).toBe("3");
  }
  writeFileSync(file, stored);
  await moved(3, "a");
});

test("P10: a file of a newer format is an error that says so", async () => {
  const folder = freshFolder();
  await using store = await openFileState(folder);
  await store.begin(key, { cursorType: "timestamp_utc" });
  const file = join(folder, "events.json");
  const stored = readFileSync(file, "utf8");
  for (const [from, to] of [
    ['"tidemark_state": 4', '"tidemark_state": 9'],
    [`"format": ${positionFormat}`, '"format": 9'],
  ] as const) {
    writeFileSync(file, stored.replace(from, to));
    await expect(store.get(key)).rejects.toSatisfy((error) => isTidemarkError(error, "STATE_TOO_NEW"));
  }
});

test("P12: removing the file starts the stream over, and its audit log goes on", async () => {
  const folder = freshFolder();
  await using store = await openFileState(folder);
  const first = await store.begin(key, { cursorType: "numeric_id" });
  await store.complete(first, { newCursor: "5" });
  rmSync(join(folder, "events.json"));
  const second = await store.begin(key, { cursorType: "numeric_id", epochFloor: 7 });
  expect(second.lowerBound).toBeNull();
  expect(second.positionTag.epoch).toBe(second.epoch);
  await store.complete(second, { newCursor: "3" });
  expect(await store.verifyAudit()).toEqual({ streams: 1, rows: 3 });
  const { items } = await store.audit({ key });
  expect(items.map(({ action, oldCursor, newCursor }) => [action, oldCursor, newCursor])).toEqual([
    ["advance", null, "5"],
    ["edit", "5", null],
    ["advance", null, "3"],
  ]);
  expect((await store.runs(key)).items).toHaveLength(2);
});

test("P1: log lines that a crash left without their commit do not count", async () => {
  const folder = freshFolder();
  await using store = await openFileState(folder);
  const run = await store.begin(key, { cursorType: "numeric_id" });
  appendFileSync(join(folder, "events.log.jsonl"), '{"audit": {"number": 1, "half a line');
  await store.complete(run, { newCursor: "5" });
  expect(await store.verifyAudit()).toEqual({ streams: 1, rows: 1 });
});

test("names that a file system does not take, and names that would lead out of the folder, stay inside it", async () => {
  const folder = join(freshFolder(), "state");
  mkdirSync(folder);
  await using store = await openFileState(folder);
  for (const connector of ["../up", "..", "a/b", "a\\b", "ü: *?", "x".repeat(200), "日".repeat(200)]) {
    for (const stream of ["default", "..", "../../etc"]) {
      await store.complete(await store.begin({ connector, stream }, { cursorType: "numeric_id" }), {
        newCursor: "1",
      });
    }
  }
  expect((await store.list({ limit: 100 })).items).toHaveLength(21);
  expect(readdirSync(join(folder, ".."))).toEqual(["state"]);
  expect(existsSync(join(folder, "..", "up.json"))).toBe(false);
});

test("a file in the place of the folder is reported as a state that cannot be had, and what to check", async () => {
  const file = join(freshFolder(), "state");
  writeFileSync(file, "");
  for (const folder of [file, join(file, "inside")]) {
    await using store = await openFileState(folder);
    await expect(store.begin(key, { cursorType: "numeric_id" })).rejects.toMatchObject({
      code: "STATE_UNAVAILABLE",
      message: expect.stringContaining(folder),
      hint: expect.stringContaining("Check that it is a folder"),
    });
  }
});
