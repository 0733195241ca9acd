import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { type CursorRange, emptyPosition, type Position } from "../../src/model/position.ts";
import type { StateStore } from "../../src/state/contract.ts";
import { openState } from "../../src/state/storage/open.ts";
import { execute, jsonOf, temporaryFolder } from "./support.ts";

const key = { connector: "acme", stream: "events" };
const at = (day: number): string => `2026-01-${String(day).padStart(2, "0")}T00:00:00Z`;

function standing(watermark: string | null, coverage: CursorRange[] = []): Position {
  return { ...emptyPosition, watermark, coverage };
}

/** A folder whose default state is as `fill` makes it. */
async function folderWith(
  fill: (state: StateStore) => Promise<void>,
  file = ".tidemark/state.db",
): Promise<string> {
  const cwd = temporaryFolder();
  await fillState(cwd, fill, file);
  return cwd;
}

async function fillState(
  cwd: string,
  fill: (state: StateStore) => Promise<void>,
  file: string,
): Promise<void> {
  await using state = await openState(`sqlite:${join(cwd, file)}`);
  await fill(state);
}

async function withCoverage(state: StateStore): Promise<void> {
  const run = await state.begin(key, { cursorType: "timestamp_utc" });
  await state.checkpoint(run, {
    sequence: 1,
    recordsProcessed: 3,
    position: standing(at(3), [
      { lower: at(1), upper: at(3) },
      { lower: at(5), upper: at(9) },
    ]),
  });
  await state.fail(run, { error: "a slice failed" });
}

async function withPartitions(state: StateStore): Promise<void> {
  const run = await state.begin(key, { cursorType: "timestamp_utc" });
  await state.complete(run, {
    position: standing(null),
    partitions: [
      { partition: "acme/app", position: standing(at(3)) },
      { partition: "acme/new", position: standing(null) },
      { partition: "acme/web", position: standing(at(7), [{ lower: at(1), upper: at(7) }]) },
    ],
    recordsProcessed: 4,
  });
}

describe("tidemark state coverage", () => {
  it("shows covered ranges and the gaps between", async () => {
    const cwd = await folderWith(withCoverage);
    const { stdout, code } = await execute(["state", "coverage", "acme", "events"], { cwd });
    expect(code).toBe(0);
    const lines = stdout.trimEnd().split("\n");
    expect(lines[0]).toMatch(/^stream +acme\/events$/);
    expect(lines[1]).toMatch(/^watermark +2026-01-03T00:00:00Z$/);
    expect(lines.slice(3).map((line) => line.split(/ {2,}/))).toEqual([
      ["AFTER", "UP TO", "STATE", "LENGTH"],
      [at(1), at(3), "covered", "2 days"],
      [at(3), at(5), "gap", "2 days"],
      [at(5), at(9), "covered", "4 days"],
    ]);
  });

  it("gives the same as JSON, and of one partition if asked", async () => {
    const cwd = await folderWith(withCoverage);
    expect(jsonOf(await execute(["state", "coverage", "acme", "events", "--json"], { cwd }))).toEqual({
      connector: "acme",
      stream: "events",
      partition: null,
      cursor_type: "timestamp_utc",
      watermark: at(3),
      covered: [
        { lower: at(1), upper: at(3) },
        { lower: at(5), upper: at(9) },
      ],
      gaps: [{ lower: at(3), upper: at(5) }],
      backfills: [],
    });
    const parts = await folderWith(withPartitions);
    const args = ["state", "coverage", "acme", "events", "--partition", "acme/web", "--json"];
    expect(jsonOf(await execute(args, { cwd: parts }))).toMatchObject({
      partition: "acme/web",
      watermark: at(7),
      covered: [{ lower: at(1), upper: at(7) }],
    });
    const wrong = await execute(["state", "coverage", "acme", "events", "--partition", "no"], {
      cwd: parts,
    });
    expect([wrong.code, wrong.stderr]).toEqual([
      1,
      expect.stringContaining("no partition no of acme/events"),
    ]);
  });

  it("says what backfills have read, also before they are done", async () => {
    const cwd = await folderWith(async (state) => {
      await withCoverage(state);
      const run = await state.begin(key, { cursorType: "timestamp_utc", kind: "backfill" });
      await state.checkpoint(run, {
        sequence: 1,
        recordsProcessed: 2,
        position: {
          ...standing(null, [{ lower: at(10), upper: at(12) }]),
          window: { lower: at(10), upper: at(20), order: "unordered", highest: null, resume: null },
        },
      });
      await state.fail(run, { error: "the source was gone" });
    });
    const json = jsonOf(await execute(["state", "coverage", "acme", "events", "--json"], { cwd }));
    expect(json).toMatchObject({
      backfills: [
        {
          status: "failed",
          range: { lower: at(10), upper: at(20) },
          covered: [{ lower: at(10), upper: at(12) }],
          error: "the source was gone",
        },
      ],
    });
    const { stdout } = await execute(["state", "coverage", "acme", "events"], { cwd });
    expect(stdout).toContain(`(${at(10)}, ${at(20)}]`);
  });

  it("says so where a stream keeps no ranges", async () => {
    const cwd = await folderWith(async (state) => {
      const run = await state.begin(key, { cursorType: "timestamp_utc" });
      await state.complete(run, { newCursor: at(1) });
    });
    const { stderr, code } = await execute(["state", "coverage", "acme", "events"], { cwd });
    expect([code, stderr]).toEqual([0, expect.stringContaining("no ranges are kept")]);
  });
});

describe("partitions in the state", () => {
  it("are counted by list, and summed up by show", async () => {
    const cwd = await folderWith(withPartitions);
    const list = await execute(["state", "list"], { cwd });
    expect(list.stdout).toMatch(/^acme +events +completed +3 partitions +4 /m);
    const show = await execute(["state", "show", "acme", "events"], { cwd });
    expect(show.stdout).toMatch(
      /^partitions +3, from 2026-01-03T00:00:00Z to 2026-01-07T00:00:00Z, 1 without a watermark$/m,
    );
    expect(show.stdout).not.toContain("acme/web");
  });

  it("are listed each by show --partitions", async () => {
    const cwd = await folderWith(withPartitions);
    const args = ["state", "show", "acme", "events", "--partitions"];
    const { stdout } = await execute(args, { cwd });
    expect(stdout).toMatch(/^acme\/app +2026-01-03T00:00:00Z +0 /m);
    expect(stdout).toMatch(/^acme\/new +- +0 /m);
    expect(stdout).toMatch(/^acme\/web +2026-01-07T00:00:00Z +1 /m);
    expect(jsonOf(await execute([...args, "--json"], { cwd }))).toMatchObject({
      partitions: {
        count: 3,
        unread: 1,
        lowest_watermark: at(3),
        highest_watermark: at(7),
        items: [
          { partition: "acme/app", cursor_value: at(3) },
          { partition: "acme/new", cursor_value: null },
          { partition: "acme/web", cursor_value: at(7) },
        ],
      },
    });
  });

  it("are reset and set one by one, and the others stay", async () => {
    const cwd = await folderWith(withPartitions);
    const partition = ["--partition", "acme/app", "--reason", "r"];
    const reset = await execute(["state", "reset", "acme", "events", ...partition, "--yes"], { cwd });
    expect(reset.stdout).toContain(`acme/events, partition acme/app  ${at(3)} → no watermark  (epoch 2)`);
    const set = await execute(["state", "set", "acme", "events", at(5), ...partition, "--json"], { cwd });
    expect(jsonOf(set)).toMatchObject({
      partition: "acme/app",
      cursor_value: at(5),
      previous_cursor_value: null,
    });
    await using state = await openState(`sqlite:${join(cwd, ".tidemark/state.db")}`);
    expect((await state.partition(key, "acme/app"))?.position.watermark).toBe(at(5));
    expect((await state.partition(key, "acme/web"))?.position.watermark).toBe(at(7));
    const wrong = await execute(
      ["state", "reset", "acme", "events", "--partition", "no", "--reason", "r", "--yes"],
      { cwd },
    );
    expect([wrong.code, wrong.stderr]).toEqual([
      1,
      expect.stringContaining("no partition no of acme/events"),
    ]);
  });

  it("go into an export and out of it again", async () => {
    const cwd = await folderWith(withPartitions);
    await execute(["state", "export", "--output", "all.json"], { cwd });
    const other = ["--state", "sqlite:other.db"];
    const imported = await execute(["state", "import", "all.json", "--reason", "copy", ...other], { cwd });
    expect(imported.code).toBe(0);
    await using state = await openState(`sqlite:${join(cwd, "other.db")}`);
    expect((await state.partition(key, "acme/web"))?.position).toMatchObject({
      watermark: at(7),
      coverage: [{ lower: at(1), upper: at(7) }],
    });
  });
});

it("tidemark state show tells a connector's tally", async () => {
  const cwd = await folderWith(async (state) => {
    const run = await state.begin(key, { cursorType: "opaque_token" });
    const tally = { records: 1200, lastStart: at(2), since: at(1), open: null };
    await state.complete(run, { position: { ...standing("t9"), tally } });
  });
  const { stdout } = await execute(["state", "show", "acme", "events"], { cwd });
  expect(stdout).toMatch(/^delivered in all +1,200 records, the last run that completed began 2026-01-02/m);
  const json = jsonOf(await execute(["state", "show", "acme", "events", "--json"], { cwd }));
  expect(json).toMatchObject({ position: { tally: { records: 1200 } }, partitions: null });
});
