import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { expect, onTestFinished, test } from "vitest";
import sqliteLog from "../examples/sqlite-log-output.ts";
import { systemClock } from "../src/clock.ts";
import { backfill } from "../src/engine/run/backfill.ts";
import { type FaultPoint, faultPoints } from "../src/engine/run/fault-points.ts";
import { attemptSync } from "../src/engine/run/sync.ts";
import { moduleOutput } from "../src/outputs/module/module-output.ts";
import { definePipeline } from "../src/pipeline/define.ts";
import { openMemoryState } from "../src/state/storage/memory/memory.ts";
import { crashing } from "./support/engine-bench.ts";

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
