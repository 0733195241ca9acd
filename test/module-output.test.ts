import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { expect, onTestFinished, test } from "vitest";
import sqliteLog from "../examples/sqlite-log-output.ts";
import { systemClock } from "../src/clock.ts";
import { replayDeadLetters } from "../src/engine/refusals/replay.ts";
import { backfill } from "../src/engine/run/backfill.ts";
import { type FaultPoint, faultPoints } from "../src/engine/run/fault-points.ts";
import { attemptSync } from "../src/engine/run/sync.ts";
import { moduleOutput } from "../src/outputs/module/module-output.ts";
import { definePipeline } from "../src/pipeline/define.ts";
import { openMemoryState } from "../src/state/storage/memory/memory.ts";
import { MemoryTable } from "../testing/memory-output.ts";
import { tidemark } from "./cli/support.ts";
import { crashing } from "./support/engine-bench.ts";
import { createFolder } from "./support/example-run.ts";

/** A table of 12 rows in pages of 3, appended to a log by the example of an output in code. */
function bench() {
  const folder = mkdtempSync(join(tmpdir(), "tidemark-module-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const source = new DatabaseSync(join(folder, "source.db"));
  onTestFinished(() => source.close());
  source.exec("CREATE TABLE t (id INTEGER PRIMARY KEY)");
  const add = source.prepare("INSERT INTO t VALUES (?)");
  for (let id = 1; id <= 12; id++) add.run(id);
  const path = join(folder, "log.db");
  const pipeline = definePipeline({
    name: "numbers",
    onConcurrentRun: "takeover",
    input: {
      type: "database",
      connectionString: `sqlite:${join(folder, "source.db")}`,
      table: "t",
      pageSize: 3,
      key: "id",
      statePersistence: { id: { field: "id" } },
    },
    output: moduleOutput(sqliteLog, { config: { path } }),
  });
  const ids = (): number[] => {
    const log = new DatabaseSync(path, { open: true });
    try {
      return log
        .prepare("SELECT record ->> 'id' AS id FROM log ORDER BY 1")
        .all()
        .map(({ id }) => Number(id));
    } finally {
      log.close();
    }
  };
  return { pipeline, ids };
}

const twelve = Array.from({ length: 12 }, (_, at) => at + 1);

test.each(faultPoints)(
  "P2: a crash at %s neither repeats nor skips a row of a module's output",
  async (point) => {
    const { pipeline, ids } = bench();
    await using state = openMemoryState();
    let passed = 0;
    const faults = (at: FaultPoint): void => {
      if (at === point && ++passed === 2) throw new Error("crash");
    };
    await attemptSync(pipeline, { state: crashing(state), faults });
    const { error } = await attemptSync(pipeline, { state });
    expect(error).toBeNull();
    expect(ids()).toEqual(twelve);
  },
);

test("P4: a run that was taken over writes nothing more to a module's output", async () => {
  const { pipeline, ids } = bench();
  await using state = openMemoryState();
  // Another machine, whose state is another one: only the output can tell the two apart.
  const { error } = await attemptSync(pipeline, {
    state,
    faults: async (at) => {
      if (at === "afterRead") await attemptSync(pipeline, { state: openMemoryState() });
    },
  });
  expect(error?.code).toBe("RUN_SUPERSEDED");
  expect(ids()).toEqual(twelve);
});

test("P11: a backfill writes to it under a scope of its own, and leaves the live commit position alone", async () => {
  const { pipeline, ids } = bench();
  await using state = openMemoryState();
  await attemptSync(pipeline, { state, since: "7" });
  const before = await state.get(pipeline.key);
  const result = await backfill(pipeline, { state, from: "1", to: "6" });
  expect(result).toMatchObject({ status: "completed" });
  expect(ids()).toEqual(twelve);
  expect((await state.get(pipeline.key))?.position).toEqual(before?.position);
  const session = await pipeline.output.open({
    key: pipeline.key,
    clock: systemClock,
    signal: new AbortController().signal,
    warn: () => {},
    scope: "",
    leaseSeconds: 60,
  });
  expect((await session.fence(99))?.position.watermark).toBe("12");
  await session.close();
});

test("the command reports on stderr where a module prints, and tells of one that would end the process", async () => {
  const folder = await createFolder();
  const numbers = `export default { id: "numbers", async *sync({ cursor }) {
    if (cursor === null) yield { records: [{ id: 1 }, { id: 2 }], cursor: "2" };
  } };`;
  const prints = `export default { id: "printer", create: ({ exits = false }) => ({ guarantee: "none", appends: false,
    prints: true, open: () => ({ write({ records }) {
      if (exits) process.exit(0);
      for (const record of records) console.log(JSON.stringify(record));
      return records.length;
    } }) }) };`;
  const pipeline = (more: string): string =>
    `name: numbers\ninput: { type: module, path: ./numbers.mjs }\noutput: { type: module, path: ./prints.mjs${more} }\n`;
  writeFileSync(join(folder, "numbers.mjs"), numbers);
  writeFileSync(join(folder, "prints.mjs"), prints);
  writeFileSync(join(folder, "exits.yaml"), pipeline(", config: { exits: true }"));
  writeFileSync(join(folder, "prints.yaml"), pipeline(""));
  const exits = await tidemark(["run", "exits.yaml"], { cwd: folder });
  expect(exits.code).toBe(1);
  expect(exits.stderr).toContain("the output module printer called process.exit()");
  const printed = await tidemark(["run", "prints.yaml"], { cwd: folder });
  expect(printed.stdout).toBe('{"id":1}\n{"id":2}\n');
  expect(printed.stderr).toContain("2 read, 2 written");
});

test("dead letters of a module's output are replayed into it", async () => {
  const folder = await createFolder();
  const letters = join(folder, "letters.jsonl");
  const table = new MemoryTable();
  let isFull = true;
  const { pipeline } = bench();
  const output = moduleOutput(
    {
      id: "shelf",
      create: () => ({
        guarantee: "at-least-once",
        appends: false,
        upsertKey: ["id"],
        open: ({ refusals }) => ({
          async write({ records }) {
            const [first, ...others] = records;
            if (isFull && first?.id === 1) {
              refusals.refuse({ record: first, reason: new Error("the shelf is full") });
              table.rows.push(...others);
              return others.length;
            }
            table.rows.push(...records);
            return records.length;
          },
        }),
      }),
    },
    { onError: "deadLetter", deadLetter: { path: letters } },
  );
  await using state = openMemoryState();
  const run = await attemptSync({ ...pipeline, output }, { state });
  expect(run).toMatchObject({ recordsWritten: 11, recordsDeadLettered: 1 });
  isFull = false;
  const replayed = await replayDeadLetters({ ...pipeline, output }, { state });
  expect(replayed.letters).toMatchObject([{ outcome: "replayed" }]);
  expect(table.rows.map(({ id }) => id).toSorted((a, b) => Number(a) - Number(b))).toEqual(twelve);
});
