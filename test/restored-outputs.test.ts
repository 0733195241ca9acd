import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { openSql } from "../src/databases/open.ts";
import type { Incremental, Output } from "../src/engine/ports.ts";
import { rewindToOutput } from "../src/engine/run/rewind-to-output.ts";
import { parseSliceStep } from "../src/model/slices.ts";
import { createFileOutput } from "../src/outputs/files/file.ts";
import { fileOutputSchema } from "../src/outputs/files/schema.ts";
import { createDatabaseOutput } from "../src/outputs/table/database-output.ts";
import { databaseOutputSchema } from "../src/outputs/table/schema.ts";
import type { StateStore } from "../src/state/contract.ts";
import { openFileState } from "../src/state/storage/files/file.ts";
import { openMemoryState } from "../src/state/storage/memory/memory.ts";
import { FakeClock } from "../testing/fake-clock.ts";
import { Bench, key } from "./support/engine-bench.ts";

interface Restorable {
  readonly output: Output;
  ids(): Promise<number[]>;
  /** Removes what the output keeps its marks in, and with `records` all that it holds. */
  lose(what: "marks" | "records"): Promise<void>;
}

const outputs: Readonly<Record<string, (folder: string) => Restorable>> = {
  "a table that appends": (folder) => onTable(folder, {}),
  "a table that upserts": (folder) => onTable(folder, { key: "id" }),
  "a file of JSON lines": (folder) => {
    const path = join(folder, "out.jsonl");
    return {
      output: createFileOutput(fileOutputSchema.parse({ type: "file", path })),
      ids: async () => {
        const lines = readFileSync(path, "utf8").split("\n").filter(Boolean);
        return lines.map((line) => Number(JSON.parse(line).id));
      },
      lose: async (what) => {
        rmSync(what === "marks" ? `${path}.tidemark` : path, { recursive: true });
      },
    };
  },
};

function onTable(folder: string, more: object): Restorable {
  const url = `sqlite:${join(folder, "out.db")}`;
  const config = { type: "database", connectionString: url, table: "events", ...more };
  return {
    output: createDatabaseOutput(databaseOutputSchema.parse(config)),
    ids: async () => {
      const db = await openSql(url, { role: "output" });
      const rows = await db.query("SELECT id FROM events");
      await db.close();
      return rows.map(({ id }) => Number(id));
    },
    lose: async (what) => {
      const db = await openSql(url, { role: "output" });
      await db.query(what === "marks" ? "DROP TABLE _tidemark_positions" : "DELETE FROM events");
      await db.close();
    },
  };
}

const readings: Readonly<Record<string, Partial<Incremental>>> = {
  "read as one": {},
  "in partitions": { partitions: { concurrency: 2 } },
  "in slices": {
    order: "unordered",
    start: { at: "2026-01-01T00:00:00Z" },
    slices: { step: parseSliceStep("P1D"), clamp: null, concurrency: 2 },
  },
};

function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "tidemark-restored-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

const clock = () => new FakeClock("2026-01-10T00:00:00Z");
/** Two records share each time, so that each watermark has ties. */
function timeOf(id: number): string {
  const pair = Math.ceil(id / 2);
  return `2026-01-0${Math.ceil(pair / 2) + 1}T0${pair % 2 === 1 ? 1 : 2}:00:00Z`;
}

function fill(bench: Bench, from: number, to: number): void {
  for (let id = from; id <= to; id++) {
    bench.source.put({ id, updated_at: timeOf(id), partition: id % 2 === 0 ? "a" : "b" });
  }
}

function benchOn(output: Output, incremental: Partial<Incremental>): Bench {
  const reading = { bounded: true, pageSize: 2 };
  return new Bench({ reading, incremental, pipeline: { output, onConcurrentRun: "takeover" } });
}

const numbers = (to: number): number[] => Array.from({ length: to }, (_, index) => index + 1);
const inOrder = (ids: readonly number[]): number[] => [...ids].sort((a, b) => a - b);
const act = { reason: "restored", actor: "ada" };

/** An output in a folder of its own, to which a run has delivered seven records. */
async function filled(open: (folder: string) => Restorable, incremental: Partial<Incremental>) {
  const folder = join(temporaryFolder(), "out");
  mkdirSync(folder);
  const { output, ids, lose } = open(folder);
  const bench = benchOn(output, incremental);
  fill(bench, 1, 7);
  await bench.run({ clock: clock() });
  return { folder, ids, lose, bench };
}

for (const [name, open] of Object.entries(outputs)) {
  describe(name, () => {
    for (const [way, incremental] of Object.entries(readings)) {
      test(`P2: with its marks lost, it is filled anew once it is empty: ${way}`, async () => {
        const { ids, lose, bench } = await filled(open, incremental);
        await lose("marks");
        fill(bench, 8, 10);
        const lost = await bench.attempt({ clock: clock() });
        expect(lost.error?.code).toBe("OUTPUT_LOST");
        expect(lost.error?.hint).toMatch(
          /its commit position is gone.*first empty it.*rewind acme events --to-output/,
        );
        const rewound = rewindToOutput(bench.pipeline, { state: bench.state, clock: clock(), ...act });
        await expect(rewound).rejects.toMatchObject({
          code: "ARGUMENT_INVALID",
          message: expect.stringContaining("holds records, and no commit position of the stream"),
          hint: expect.stringMatching(/first empty it.*tidemark state set acme events VALUE/),
        });
        await lose("records");
        await lose("marks");
        await rewindToOutput(bench.pipeline, { state: bench.state, clock: clock(), ...act });
        await bench.run({ clock: clock() });
        expect(inOrder(await ids())).toEqual(numbers(10));
      });

      test(`P2 P6: with its marks lost, it goes on where the state stands once that is confirmed: ${way}`, async () => {
        const { ids, lose, bench } = await filled(open, incremental);
        await lose("marks");
        fill(bench, 8, 10);
        for (let tries = 0; tries < 3; tries++) {
          const { error } = await bench.attempt({ clock: clock() });
          const set = /state set acme events (\S+)(?: --partition '(\w)')?/.exec(error?.hint ?? "");
          if (set === null) break;
          const partition = set[2] === undefined ? {} : { partition: set[2] };
          await bench.state.reset(key, { to: set[1] ?? "", ...partition, ...act });
        }
        expect(inOrder(await ids())).toEqual(numbers(10));
      });

      test(`P2: restored to an older state of itself, it gets what it lacks and no more: ${way}`, async () => {
        const { folder, ids, bench } = await filled(open, incremental);
        cpSync(folder, `${folder}-backup`, { recursive: true });
        fill(bench, 8, 16);
        await bench.run({ clock: clock() });
        expect(inOrder(await ids())).toEqual(numbers(16));
        rmSync(folder, { recursive: true });
        cpSync(`${folder}-backup`, folder, { recursive: true });
        const lost = await bench.attempt({ clock: clock() });
        expect(lost.error?.code).toBe("OUTPUT_LOST");
        expect(lost.error?.hint).toContain("tidemark state rewind acme events --to-output");
        await rewindToOutput(bench.pipeline, { state: bench.state, clock: clock(), ...act });
        await bench.run({ clock: clock() });
        expect(inOrder(await ids())).toEqual(numbers(16));
        fill(bench, 17, 18);
        await bench.run({ clock: clock() });
        expect(inOrder(await ids())).toEqual(numbers(18));
        expect(await bench.state.verifyAudit()).toMatchObject({ streams: 1 });
      });

      test(`P2: one that is gone is filled from the beginning: ${way}`, async () => {
        const { folder, ids, bench } = await filled(open, incremental);
        rmSync(folder, { recursive: true });
        mkdirSync(folder);
        expect((await bench.attempt({ clock: clock() })).error?.code).toBe("OUTPUT_LOST");
        await rewindToOutput(bench.pipeline, { state: bench.state, clock: clock(), ...act });
        await bench.run({ clock: clock() });
        expect(inOrder(await ids())).toEqual(numbers(7));
      });

      test(`a state that was lost, or is older than the output, is reported once: ${way}`, async () => {
        const { ids, bench } = await filled(open, incremental);
        const lost = openMemoryState();
        fill(bench, 8, 9);
        const codes = async (state: StateStore) => {
          const { status, warnings } = await bench.attempt({ state, clock: clock() });
          expect(status).toBe("completed");
          return warnings.map(({ code }) => code);
        };
        expect(await codes(lost)).toContain("OUTPUT_AHEAD");
        expect(await codes(lost)).not.toContain("OUTPUT_AHEAD");
        expect(inOrder(await ids())).toEqual(numbers(9));
      });
    }
  });
}

test.each(Object.entries(readings))(
  "a stream that starts over since its state file is gone is told once what its output holds: %s",
  async (_way, incremental) => {
    const { ids, bench } = await filled((folder) => onTable(folder, {}), incremental);
    await using state = await openFileState(temporaryFolder());
    const told = async () => {
      const { warnings } = await bench.run({ state, clock: clock() });
      return warnings.filter(({ code }) => code === "OUTPUT_AHEAD").map(({ message }) => message);
    };
    expect(await told()).toEqual([expect.stringMatching(/starts over.*tidemark state set acme events/)]);
    expect(inOrder(await ids())).toEqual(inOrder([...numbers(7), ...numbers(7)]));
    expect(await told()).toEqual([]);
  },
);

for (const [name, open] of Object.entries(outputs)) {
  test(`state and marks that were both lost are reported once, where records are there: ${name}`, async () => {
    const { lose, bench } = await filled(open, {});
    await lose("marks");
    const state = openMemoryState();
    const codes = async () => (await bench.run({ state, clock: clock() })).warnings.map(({ code }) => code);
    expect(await codes()).toEqual(name === "a table that upserts" ? [] : ["OUTPUT_NOT_EMPTY"]);
    expect(await codes()).toEqual([]);
    await lose("marks");
    await lose("records");
    expect((await bench.run({ state: openMemoryState(), clock: clock() })).warnings).toEqual([]);
  });

  test(`a state that was lost alone leaves no warning about the output: ${name}`, async () => {
    const { bench } = await filled(open, {});
    const { warnings } = await bench.run({ state: openMemoryState(), clock: clock() });
    expect(warnings.map(({ code }) => code)).toEqual(["OUTPUT_AHEAD"]);
  });
}

test("a partition whose file was removed continues at the output's position, with a warning", async () => {
  const folder = temporaryFolder();
  await using state = await openFileState(folder);
  const { output, ids } = onTable(temporaryFolder(), {});
  const bench = benchOn(output, { partitions: { concurrency: 1 } });
  fill(bench, 1, 6);
  await bench.run({ state, clock: clock() });
  fill(bench, 7, 7);
  await bench.run({ state, clock: clock() });
  rmSync(join(folder, key.connector, `${key.stream}~partitions`, "live", "a.json"));
  const { warnings } = await bench.run({ state, clock: clock() });
  expect(warnings.map(({ code, message }) => `${code} ${message}`)).toEqual([
    expect.stringMatching(
      /^STATE_EDITED .*partition "a" is none, and was (\S+); the output has a newer position, and the run goes on from there, \1\. .*state reset acme events --partition 'a'/,
    ),
  ]);
  expect(inOrder(await ids())).toEqual(numbers(7));
  await state.reset(key, { to: null, partition: "a", ...act });
  await bench.run({ state, clock: clock() });
  expect(inOrder(await ids())).toEqual(inOrder([...numbers(7), 2, 4, 6]));
});

test("a crash between the output's commit and the state's is no state that was lost", async () => {
  const bench = new Bench();
  for (const id of [1, 2, 3, 4, 5]) bench.source.put({ id, updated_at: timeOf(id) });
  await bench.attempt({
    faults: (point) => {
      if (point === "afterCommit") throw new Error("crash");
    },
  });
  const { warnings } = await bench.run();
  expect(warnings.map(({ code }) => code)).not.toContain("OUTPUT_AHEAD");
  expect(bench.ids()).toEqual([1, 2, 3, 4, 5]);
});

test("an output that keeps no position, or another stream's, is refused", async () => {
  const bench = new Bench();
  const { state } = bench;
  await expect(rewindToOutput(bench.pipeline, { state, ...act })).rejects.toMatchObject({
    code: "STREAM_NOT_FOUND",
  });
  await bench.run();
  const output = { ...bench.pipeline.output, guarantee: "at-least-once" } as const;
  await expect(rewindToOutput({ ...bench.pipeline, output }, { state, ...act })).rejects.toMatchObject({
    code: "ARGUMENT_INVALID",
  });
  expect((await state.get(key))?.status).toBe("completed");
});

test("P2: rewound to a run, an append does not get the records at that run's watermark again", async () => {
  const bench = new Bench();
  fill(bench, 1, 7);
  const first = await bench.run();
  // Runs that find nothing keep no ties of their own.
  const idle = await bench.run();
  fill(bench, 9, 9);
  await bench.run();
  for (const { runId } of [first, idle]) {
    const rows = bench.table.rows.length;
    await bench.state.rewind(key, { toRun: runId ?? "", ...act });
    await bench.run();
    expect(bench.ids().slice(rows)).toEqual([9]);
  }
});
