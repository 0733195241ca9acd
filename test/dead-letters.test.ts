import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { expect, onTestFinished, test } from "vitest";
import type { FaultPoint } from "../src/engine/run/fault-points.ts";
import { attemptSync } from "../src/engine/run/sync.ts";
import { definePipeline } from "../src/pipeline/define.ts";
import { openMemoryState } from "../src/state/storage/memory/memory.ts";
import { openState } from "../src/state/storage/open.ts";
import { crashing } from "./support/engine-bench.ts";

interface Letter {
  readonly id: string;
  readonly run: string;
  readonly record: unknown;
}

/** A table whose rows have to have a text, in a folder of its own, and a pipeline from one to the other. */
async function bench({ together }: { together: boolean }) {
  const folder = mkdtempSync(join(tmpdir(), "tidemark-letters-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const source = new DatabaseSync(join(folder, "source.db"));
  source.exec("CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT, photo BLOB)");
  const add = source.prepare("INSERT INTO t VALUES (?, ?, ?)");
  for (let id = 1; id <= 6; id++) add.run(id, id % 3 === 0 ? null : `value ${id}`, Buffer.from([id]));
  const target = new DatabaseSync(join(folder, "target.db"));
  target.exec("CREATE TABLE rows (id INTEGER PRIMARY KEY, v TEXT NOT NULL, photo BLOB)");
  onTestFinished(() => {
    source.close();
    target.close();
  });
  const path = join(folder, "letters", "refused.jsonl");
  const pipeline = definePipeline({
    name: "photos",
    onConcurrentRun: "takeover",
    input: {
      type: "database",
      connectionString: `sqlite:${join(folder, "source.db")}`,
      table: "t",
      key: "id",
      statePersistence: { id: { field: "id" } },
    },
    output: {
      type: "database",
      connectionString: `sqlite:${join(folder, "target.db")}`,
      table: "rows",
      key: "id",
      onError: "deadLetter",
      deadLetter: { path },
    },
  });
  const state = together ? await openState(`sqlite:${join(folder, "target.db")}`) : openMemoryState();
  onTestFinished(async () => state[Symbol.asyncDispose]?.());
  const letters = (): Letter[] =>
    existsSync(path)
      ? readFileSync(path, "utf8")
          .trimEnd()
          .split("\n")
          .map((line) => JSON.parse(line))
      : [];
  const ids = () =>
    target
      .prepare("SELECT id FROM rows ORDER BY id")
      .all()
      .map(({ id }) => id);
  const run = (faults?: (point: FaultPoint) => void) =>
    attemptSync(pipeline, { state: crashing(state), ...(faults === undefined ? {} : { faults }) });
  return { run, letters, ids };
}

test.each([true, false])(
  "a refused row is dead-lettered with all that replaying it needs (state beside the rows: %s)",
  async (together) => {
    const { run, letters, ids } = await bench({ together });
    const result = await run();
    expect(result).toMatchObject({
      status: "completed",
      recordsRead: 6,
      recordsWritten: 4,
      recordsRefused: 2,
      warnings: [
        { code: "RECORDS_DEAD_LETTERED", count: 2, message: expect.stringContaining("the record with id 3") },
      ],
    });
    expect(ids()).toEqual([1, 2, 4, 5]);
    expect(letters()[0]).toEqual({
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
      pipeline: "photos",
      connector: "photos",
      stream: "default",
      partition: null,
      run: result.runId,
      stage: "output",
      by: "database",
      cursor: "3",
      code: "OUTPUT_FAILED",
      field: "v",
      status: null,
      reason: expect.stringContaining("NOT NULL"),
      id: expect.stringMatching(/^[\w-]{22}$/),
      record: { id: 3, v: null, photo: "\\x03" },
    });
    expect(await run()).toMatchObject({ status: "completed", recordsRefused: 0 });
    expect(letters()).toHaveLength(2);
  },
);

test("P1, P5: a crash before the commit leaves no letter, and one after it none that is missing", async () => {
  for (const point of ["beforeCommit", "afterCommit", "beforeComplete"] as const) {
    const { run, letters, ids } = await bench({ together: false });
    await run((reached) => {
      if (reached === point) throw new Error("crash");
    });
    if (point === "beforeCommit") expect(letters()).toEqual([]);
    const result = await run();
    expect(result.status).toBe("completed");
    expect(ids()).toEqual([1, 2, 4, 5]);
    const found = letters();
    expect(new Set(found.map(({ id }) => id)).size).toBe(2);
    expect(new Set(found.map(({ record }) => JSON.stringify(record))).size).toBe(2);
  }
});
