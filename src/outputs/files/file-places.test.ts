import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import { systemClock } from "../../clock.ts";
import type { Commit, CommitPosition, OutputSession, Warn } from "../../engine/ports.ts";
import { emptyPosition } from "../../model/position.ts";
import { createFileOutput } from "./file.ts";
import { filePlace } from "./path-template.ts";
import { fileOutputSchema } from "./schema.ts";

const freshPath = (): string => join(mkdtempSync(join(tmpdir(), "tidemark-place-")), "out.jsonl");
const lines = (path: string): string[] => readFileSync(path, "utf8").split("\n").slice(0, -1);

interface Run {
  readonly stream?: string;
  readonly scope?: string;
  readonly now?: string;
  readonly warn?: Warn;
  readonly lastPlace?: string;
  readonly timezone?: string;
}

async function open(path: string, run: Run = {}): Promise<OutputSession> {
  const { stream = "events", scope = "", now, warn = () => {}, timezone } = run;
  const config = fileOutputSchema.parse({ type: "file", path, ...(timezone ? { timezone } : {}) });
  return createFileOutput(config).open({
    key: { connector: "acme", stream },
    clock: now === undefined ? systemClock : { ...systemClock, now: () => Date.parse(now) },
    signal: new AbortController().signal,
    warn,
    scope,
    leaseSeconds: 60,
  });
}

async function fenced(path: string, epoch: number, run: Run = {}): Promise<OutputSession> {
  const session = await open(path, run);
  await session.fence(epoch, "run", run.lastPlace ?? null);
  return session;
}

function commitOf(epoch: number, sequence: number, more: Partial<Commit> = {}): Commit {
  const position = { ...emptyPosition, watermark: String(sequence) };
  return { epoch, sequence, position, cursorType: "numeric_id", windowFinished: true, ...more };
}

async function deliver(
  path: string,
  epoch: number,
  id: unknown,
  run: Run = {},
): Promise<CommitPosition | null> {
  const session = await open(path, run);
  const mark = await session.fence(epoch, "run", run.lastPlace ?? null);
  await session.write({ records: [{ id }] });
  await session.commit(commitOf(epoch, epoch));
  await session.close();
  return mark;
}

test("lines that something else adds while a run writes are moved aside too, behind those of before", async () => {
  const path = freshPath();
  const warnings: string[] = [];
  const session = await fenced(path, 1, { warn: (code) => warnings.push(code) });
  for (const id of [1, 2]) {
    await session.write({ records: [{ id }] });
    appendFileSync(path, `by hand ${id}\n`);
    await session.commit(commitOf(1, id));
  }
  await session.close();
  expect(lines(path)).toEqual(['{"id":1}', '{"id":2}']);
  expect(readFileSync(`${path}.aside`, "utf8")).toBe("by hand 1\nby hand 2\n");
  expect(warnings).toEqual(["LINES_SET_ASIDE", "LINES_SET_ASIDE"]);
});

test("a folder in the place of a series' file is named, with what to do", async () => {
  const series = join(dirname(freshPath()), "{{ date }}.jsonl");
  const path = join(dirname(series), "2026-01-01.jsonl");
  mkdirSync(path);
  await expect(deliver(series, 1, 1, { now: "2026-01-01T10:00:00Z" })).rejects.toMatchObject({
    code: "OUTPUT_FAILED",
    message: `${path} is a folder`,
    hint: expect.stringContaining("Give `path` the name of a file"),
  });
});

test("a link to a file that is not there yet leads to one file and one ledger, in every run", async () => {
  const folder = dirname(freshPath());
  const path = join(folder, "link.jsonl");
  symlinkSync("real.jsonl", path);
  for (const epoch of [1, 2]) {
    const session = await fenced(path, epoch);
    await session.write({ records: [{ id: epoch }] });
    await session.commit(commitOf(epoch, 1));
    await session.close();
  }
  expect(lines(join(folder, "real.jsonl"))).toEqual(['{"id":1}', '{"id":2}']);
  expect(readdirSync(folder).sort()).toEqual(["link.jsonl", "real.jsonl", "real.jsonl.tidemark"]);
  symlinkSync("circle.jsonl", join(folder, "circle.jsonl"));
  await expect(fenced(join(folder, "circle.jsonl"), 1)).rejects.toMatchObject({
    code: "OUTPUT_FAILED",
    message: expect.stringContaining("leads in a circle"),
  });
});

test.each([
  ["{{ date }}", "UTC", "2026-03-01"],
  ["{{date}}", "Asia/Tokyo", "2026-03-02"],
  ["{{ hour }}", "America/New_York", "2026-03-01T18"],
  ["{{ year }}/{{ month }}", "UTC", "2026/2026-03"],
])("in a path %s is %s's %s", (path, timezone, expected) => {
  const place = filePlace(`/data/a-${path}.csv`, timezone);
  expect(place.fileAt(Date.parse("2026-03-01T23:30:00Z"))).toBe(`/data/a-${expected}.csv`);
});

test("a file a day: the next day begins a new file, with one ledger for all and the mark of the day before", async () => {
  const folder = dirname(freshPath());
  const path = join(folder, "orders-{{ date }}.jsonl");
  expect(await deliver(path, 1, 1, { now: "2026-01-01T10:00:00Z" })).toBeNull();
  expect(await deliver(path, 2, 2, { now: "2026-01-01T11:00:00Z" })).toMatchObject({ epoch: 1 });
  expect(await deliver(path, 3, 3, { now: "2026-01-02T00:00:00Z" })).toMatchObject({ epoch: 2 });
  expect(readdirSync(folder).sort()).toEqual([
    "orders-2026-01-01.jsonl",
    "orders-2026-01-02.jsonl",
    "orders-{date}.jsonl.tidemark",
  ]);
  expect(lines(join(folder, "orders-2026-01-01.jsonl"))).toEqual(['{"id":1}', '{"id":2}']);
  expect(lines(join(folder, "orders-2026-01-02.jsonl"))).toEqual(['{"id":3}']);
  // Files of days gone by may be moved away.
  rmSync(join(folder, "orders-2026-01-01.jsonl"));
  expect(await deliver(path, 4, 4, { now: "2026-01-03T00:00:00Z" })).toMatchObject({ epoch: 3 });
});

test("P2: what a killed run left in yesterday's file is moved aside by today's", async () => {
  const folder = dirname(freshPath());
  const path = join(folder, "{{ date }}", "orders.jsonl");
  await deliver(path, 1, 1, { now: "2026-01-01T10:00:00Z" });
  const yesterday = join(folder, "2026-01-01", "orders.jsonl");
  appendFileSync(yesterday, '{"id":2}\n');
  const codes: string[] = [];
  await deliver(path, 2, 2, { now: "2026-01-02T10:00:00Z", warn: (code) => codes.push(code) });
  expect(codes).toEqual(["LINES_SET_ASIDE"]);
  expect(lines(yesterday)).toEqual(['{"id":1}']);
  expect(lines(join(folder, "2026-01-02", "orders.jsonl"))).toEqual(['{"id":2}']);
  expect(existsSync(join(folder, "{date}-orders.jsonl.tidemark"))).toBe(true);
});

test("P4: a run of yesterday is shut out of yesterday's file by today's", async () => {
  const path = join(dirname(freshPath()), "orders-{{ date }}.jsonl");
  const zombie = await fenced(path, 1, { now: "2026-01-01T23:59:00Z" });
  await zombie.write({ records: [{ id: "zombie" }] });
  await deliver(path, 2, 1, { now: "2026-01-02T00:01:00Z" });
  await expect(zombie.commit(commitOf(1, 1))).rejects.toMatchObject({ code: "RUN_SUPERSEDED" });
});

test("P2, P4: a stream that is given another path goes on there, with what the old ledger knows of it", async () => {
  const old = freshPath();
  const path = join(dirname(old), "new", "out.jsonl");
  const before = await fenced(old, 1);
  await before.write({ records: [{ id: 1 }], deliveries: ["a", "b"] });
  const partitions = [{ partition: "eu", position: { ...emptyPosition, watermark: "7" } }];
  await before.commit(commitOf(1, 1, { windowFinished: false, partitions }));
  appendFileSync(old, "remains\n");

  const session = await open(path);
  expect(await session.fence(2, "run", old)).toMatchObject({ epoch: 1, sequence: 1 });
  expect(await session.partition?.("eu")).toMatchObject({ position: { watermark: "7" } });
  expect(await session.delivered?.(["a", "b", "c"])).toEqual(new Set(["a", "b"]));
  await session.write({ records: [{ id: 2 }] });
  await session.commit(commitOf(2, 1));
  expect([lines(old), lines(path)]).toEqual([['{"id":1}'], ['{"id":2}']]);
  await before.write({ records: [{ id: "zombie" }] });
  await expect(before.commit(commitOf(1, 2))).rejects.toMatchObject({ code: "RUN_SUPERSEDED" });

  // And back again.
  expect(await deliver(old, 3, 3, { lastPlace: path })).toMatchObject({ epoch: 2 });
  expect(lines(old)).toEqual(['{"id":1}', '{"id":3}']);
});

test("a stream goes on in a new place also where the old one is gone, or is another stream's by now", async () => {
  const old = freshPath();
  await deliver(old, 1, 1);
  const folder = dirname(old);
  mkdirSync(join(folder, "archive"));
  renameSync(old, join(folder, "archive", "out.jsonl"));
  // The file alone was moved away: the ledger's mark still counts.
  expect(await deliver(join(folder, "b.jsonl"), 2, 2, { lastPlace: old })).toMatchObject({ epoch: 1 });
  rmSync(`${old}.tidemark`, { recursive: true });
  expect(await deliver(join(folder, "c.jsonl"), 3, 3, { lastPlace: old })).toBeNull();
  await deliver(old, 1, 1, { stream: "other" });
  expect(await deliver(join(folder, "d.jsonl"), 4, 4, { lastPlace: old })).toBeNull();
  expect(lines(join(folder, "d.jsonl"))).toEqual(['{"id":4}']);
});

test("a file of a series that is another stream's is refused", async () => {
  const folder = dirname(freshPath());
  await deliver(join(folder, "2026-01-01.jsonl"), 1, 1, { stream: "other" });
  await expect(
    fenced(join(folder, "{{ date }}.jsonl"), 1, { now: "2026-01-01T00:00:00Z" }),
  ).rejects.toMatchObject({ code: "CONFIG_INCOHERENT" });
});
