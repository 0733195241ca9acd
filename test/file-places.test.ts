import { existsSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import { attemptSync } from "../src/engine/run/sync.ts";
import { definePipeline, type Pipeline, verify } from "../src/index.ts";
import { openMemoryState } from "../src/state/storage/memory/memory.ts";
import { FakeClock } from "../testing/fake-clock.ts";
import { testFolder } from "./support/command.ts";
import { sendJson, startHttpServer } from "./support/http-server.ts";
import { inLongRun } from "./support/long-run.ts";

interface Row {
  readonly id: number;
}

const serve = (rows: readonly Row[]) =>
  startHttpServer(({ url }, response) => {
    const after = Number(url.searchParams.get("after") ?? 0);
    sendJson(response, rows.filter(({ id }) => id >= after).slice(0, 3));
  });

function pipelineInto(
  origin: string,
  path: string,
  order: "ascending" | "unordered" = "ascending",
): Pipeline {
  return definePipeline({
    name: "events",
    input: {
      type: "httpPolling",
      endpoint: origin,
      key: "id",
      pagination: { type: "seek", limit: 3 },
      statePersistence: { id: { field: "id", queryParam: "after", bound: "inclusive" }, order },
    },
    output: { type: "file", path },
  });
}

function idsIn(folder: string): number[] {
  const names = readdirSync(folder).filter((name) => name.endsWith(".jsonl"));
  return names
    .flatMap((name) => readFileSync(join(folder, name), "utf8").split("\n"))
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line).id)
    .sort((a, b) => a - b);
}

const round = fc.record({
  added: fc.integer({ min: 0, max: 8 }),
  path: fc.constantFrom("a.jsonl", "b.jsonl", "{{ date }}.jsonl", "h-{{ hour }}.jsonl"),
  hours: fc.integer({ min: 0, max: 40 }),
  /** Which fault point of the run throws; null for none. */
  fails: fc.option(fc.integer({ min: 0, max: 14 }), { freq: 1 }),
});

test("P1, P2: over any history of changed paths, days and runs that fail anywhere, each record is in one file once", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(round, { minLength: 1, maxLength: 8 }), async (rounds) => {
      const rows: Row[] = [];
      const folder = testFolder();
      const state = openMemoryState();
      const clock = new FakeClock("2026-02-01T00:00:00Z");
      await using server = await serve(rows);
      for (const { added, path, hours, fails } of [
        ...rounds,
        { added: 1, path: "a.jsonl", hours: 0, fails: null },
      ]) {
        for (let count = 0; count < added; count++) rows.push({ id: rows.length + 1 });
        await clock.advance(hours * 3_600_000);
        let left = fails;
        const faults = async (): Promise<void> => {
          if (left !== null && left-- === 0) throw new Error("the process is gone");
        };
        const result = await attemptSync(pipelineInto(server.origin, join(folder, path)), {
          state,
          clock,
          faults,
        });
        if (result.status === "completed") expect(idsIn(folder)).toEqual(rows.map(({ id }) => id));
        else expect(result.error?.message).toContain("the process is gone");
      }
    }),
    { numRuns: inLongRun(8, 40) },
  );
});

test("a changed path is reported once, a new day of a series is not", async () => {
  const rows: Row[] = [{ id: 1 }];
  const folder = testFolder();
  const state = openMemoryState();
  const clock = new FakeClock("2026-02-01T00:00:00Z");
  await using server = await serve(rows);
  const codes = async (path: string): Promise<string[]> => {
    const result = await attemptSync(pipelineInto(server.origin, join(folder, path)), { state, clock });
    expect(result.error).toBeNull();
    return result.warnings.map(({ code }) => code);
  };
  expect(await codes("a.jsonl")).toEqual([]);
  expect(await codes("{{ date }}.jsonl")).toEqual(["OUTPUT_MOVED"]);
  // Nothing was new, and the place is kept all the same.
  expect(await codes("{{ date }}.jsonl")).toEqual([]);
  await clock.advance(86_400_000);
  rows.push({ id: 2 });
  expect(await codes("{{ date }}.jsonl")).toEqual([]);
  expect(
    readdirSync(folder)
      .filter((name) => name.endsWith(".jsonl"))
      .sort(),
  ).toEqual(["2026-02-01.jsonl", "2026-02-02.jsonl", "a.jsonl"]);
});

test("the file that a stream wrote to is missed as long as its path stays, and another path leads on", async () => {
  const rows: Row[] = [{ id: 1 }];
  const folder = testFolder();
  const path = join(folder, "a.jsonl");
  const state = openMemoryState();
  await using server = await serve(rows);
  await attemptSync(pipelineInto(server.origin, path), { state });
  renameSync(path, `${path}.1`);
  rows.push({ id: 2 });
  const missed = await attemptSync(pipelineInto(server.origin, path), { state });
  expect(missed.error).toMatchObject({
    code: "OUTPUT_LOST",
    hint: expect.stringContaining("another one in `path`"),
  });
  expect(existsSync(path)).toBe(false);
  const next = await attemptSync(pipelineInto(server.origin, join(folder, "b.jsonl")), { state });
  expect(next).toMatchObject({ status: "completed", recordsWritten: 1 });
  expect(idsIn(folder)).toEqual([2]);
});

test("`verify` reads all files of a series, and says which of them is gone", async () => {
  const rows: Row[] = [{ id: 1 }, { id: 2 }];
  const folder = testFolder();
  const state = openMemoryState();
  const clock = new FakeClock("2026-02-01T00:00:00Z");
  await using server = await serve(rows);
  const pipeline = pipelineInto(server.origin, join(folder, "{{ date }}.jsonl"));
  await attemptSync(pipeline, { state, clock });
  await clock.advance(86_400_000);
  rows.push({ id: 3 });
  await attemptSync(pipeline, { state, clock });
  expect(await verify(pipeline, { state })).toMatchObject({ missing: 0, extra: 0, different: 0 });
  writeFileSync(join(folder, "2026-02-01.jsonl"), '{"id":1}\n{"id":1}\n');
  expect(await verify(pipeline, { state })).toMatchObject({ missing: 1, extra: 1, different: 0 });
  rmSync(join(folder, "2026-02-01.jsonl"));
  await expect(verify(pipeline, { state })).rejects.toMatchObject({
    code: "OUTPUT_UNAVAILABLE",
    message: expect.stringContaining("2026-02-01.jsonl is gone"),
  });
});
