import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { describe, expect, onTestFinished, test } from "vitest";
import type { Output } from "../src/engine/ports.ts";
import { attemptBackfill } from "../src/engine/run/backfill.ts";
import { preview } from "../src/engine/run/preview.ts";
import { attemptSync } from "../src/engine/run/sync.ts";
import { TidemarkError } from "../src/errors.ts";
import { definePipeline, type PipelineDefinition } from "../src/pipeline/define.ts";
import { openMemoryState } from "../src/state/storage/memory/memory.ts";
import { startHttpServer } from "./support/http-server.ts";

type OnErrorKeys = {
  onError: "skip" | "deadLetter";
  maxRefused?: number | string;
  deadLetter?: { path: string };
};

interface Refusing {
  /** An output that refuses every record with an odd `v`, or the records themselves where it is told to take none. */
  readonly output: (keys: OnErrorKeys) => PipelineDefinition["output"];
  readonly delivered: () => number;
}

type Make = (folder: string, refuses: (v: number) => boolean) => Promise<Refusing>;

const outputs: Record<string, Make> = {
  async database(folder, refuses) {
    const path = join(folder, "target.db");
    const database = new DatabaseSync(path);
    database.function("refuses", (v) => Number(refuses(Number(v))));
    onTestFinished(() => database.close());
    database.exec("CREATE TABLE rows (id INTEGER PRIMARY KEY, v INTEGER)");
    const bad = Array.from({ length: 1_000 }, (_, v) => v).filter(refuses);
    database.exec(
      `CREATE TABLE bad (v INTEGER); INSERT INTO bad SELECT value FROM json_each('${JSON.stringify(bad)}')`,
    );
    database.exec(
      "CREATE TRIGGER t BEFORE INSERT ON rows WHEN NEW.v IN (SELECT v FROM bad) BEGIN SELECT RAISE(ABORT, 'no'); END",
    );
    return {
      output: (keys) => ({
        type: "database",
        connectionString: `sqlite:${path}`,
        table: "rows",
        key: "id",
        ...keys,
      }),
      delivered: () => Number(database.prepare("SELECT count(*) AS n FROM rows").get()?.n),
    };
  },

  async file(folder, refuses) {
    const path = join(folder, "out.jsonl");
    const lines = () => (existsSync(path) ? readFileSync(path, "utf8").split("\n").length - 1 : 0);
    return { output: (keys) => refusingBefore({ type: "file", path, ...keys }, refuses), delivered: lines };
  },

  async httpRequest(_, refuses) {
    let taken = 0;
    const server = await startHttpServer(async (request, response) => {
      const isBad = refuses(JSON.parse(request.body).v);
      if (!isBad) taken += 1;
      response.statusCode = isBad ? 422 : 200;
      response.end();
    });
    onTestFinished(() => server[Symbol.asyncDispose]());
    return {
      output: (keys) => ({ type: "httpRequest", endpoint: server.origin, ...keys }),
      delivered: () => taken,
    };
  },
};

/** A file takes every record, so one that refuses them stands before it, as an output in code may. */
function refusingBefore(
  declaration: Extract<PipelineDefinition["output"], { type: "file" }>,
  refuses: (v: number) => boolean,
): Output {
  const file = definePipeline({
    name: "x",
    input: { type: "httpPolling", endpoint: "http://x.example" },
    output: declaration,
  }).output;
  return {
    ...file,
    async open(context) {
      const session = await file.open(context);
      const write = session.write.bind(session);
      return Object.assign(session, {
        async write(batch: Parameters<typeof write>[0]) {
          const good = batch.records.filter((record) => {
            if (!refuses(Number(record.v))) return true;
            const reason = new TidemarkError("OUTPUT_FAILED", "no");
            context.refusals?.refuse({ record, name: `the record with id ${record.id}`, reason });
            return false;
          });
          return write({ ...batch, records: good });
        },
      });
    },
  };
}

async function stream(kind: string, rows: number, refuses: (v: number) => boolean) {
  const folder = mkdtempSync(join(tmpdir(), "tidemark-limit-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const source = new DatabaseSync(join(folder, "source.db"));
  onTestFinished(() => source.close());
  source.exec("CREATE TABLE t (id INTEGER PRIMARY KEY, v INTEGER)");
  const insert = source.prepare("INSERT INTO t VALUES (?, ?)");
  for (let id = 1; id <= rows; id++) insert.run(id, id);
  const made = await outputs[kind]?.(folder, refuses);
  if (made === undefined) throw new Error(`no output ${kind}`);
  const state = openMemoryState();
  const pipelineOf = (keys: OnErrorKeys, pageSize = 50) =>
    definePipeline({
      name: "t",
      input: {
        type: "database",
        connectionString: `sqlite:${join(folder, "source.db")}`,
        table: "t",
        pageSize,
        key: "id",
        statePersistence: { id: { field: "id" } },
      },
      output: made.output(keys),
    });
  const key = { connector: "t", stream: "default" };
  const watermark = async () => (await state.get(key))?.position.watermark ?? null;
  return { folder, pipelineOf, state, watermark, delivered: made.delivered, insert };
}

const all = () => true;

describe.each(["database", "file", "httpRequest"])("into %s", (kind) => {
  test("a run of which all 200 records are refused fails, with the position before the last ones judged", async () => {
    const { pipelineOf, state, watermark, delivered } = await stream(kind, 200, all);
    const pipeline = pipelineOf({ onError: "skip" }, 500);
    const result = await attemptSync(pipeline, { state });
    expect(result).toMatchObject({ status: "failed", recordsWritten: 0, newCursor: null });
    expect(result.error).toMatchObject({
      code: "TOO_MANY_REFUSED",
      message: expect.stringMatching(
        /^all of 200 records were refused; the first is the record with id 1: .*no|422/,
      ),
      hint: expect.stringContaining("maxRefused"),
    });
    expect(await watermark()).toBeNull();
    expect(delivered()).toBe(0);
    const allowed = await attemptSync(pipelineOf({ onError: "skip", maxRefused: "100%" }), { state });
    expect(allowed).toMatchObject({ status: "completed", recordsRefused: 200, newCursor: "200" });
  });

  test("one refused record alone fails its run and comes again: next to one that is taken it is let go of", async () => {
    let bad = (v: number) => v > 0;
    const { pipelineOf, state, watermark, insert, folder } = await stream(kind, 1, (v) => bad(v));
    if (kind === "database") bad = (v) => v === 1;
    const path = join(folder, "refused.jsonl");
    const pipeline = pipelineOf({ onError: "deadLetter", deadLetter: { path } });
    const first = await attemptSync(pipeline, { state });
    expect(first.error?.code).toBe("TOO_MANY_REFUSED");
    expect(await watermark()).toBeNull();
    expect(existsSync(path)).toBe(false);
    bad = (v) => v === 1;
    insert.run(2, 2_000);
    expect(await attemptSync(pipeline, { state })).toMatchObject({
      status: "completed",
      recordsRefused: 1,
      recordsWritten: 1,
    });
    expect(readFileSync(path, "utf8").split("\n")).toHaveLength(2);
  });

  test("a number of refusals is a limit: what was taken before it stays taken, and the position where it was", async () => {
    const { pipelineOf, state, watermark } = await stream(kind, 200, (v) => v > 100);
    const result = await attemptSync(pipelineOf({ onError: "skip", maxRefused: 10 }), { state });
    expect(result.error).toMatchObject({
      code: "TOO_MANY_REFUSED",
      message: expect.stringContaining("11 records were refused, and `maxRefused` allows 10 in a run"),
    });
    expect(await watermark()).toBe("100");
    expect(result.recordsWritten).toBe(100);
  });

  test("a share is judged at checkpoints from 100 records on, so that the rest is not even tried", async () => {
    const { pipelineOf, state, watermark } = await stream(kind, 300, (v) => v % 10 === 0);
    const result = await attemptSync(pipelineOf({ onError: "skip", maxRefused: "5%" }), { state });
    expect(result.error).toMatchObject({
      code: "TOO_MANY_REFUSED",
      message: expect.stringContaining("10 of 100 records were refused, and `maxRefused` allows 5%"),
    });
    expect(Number((await watermark()) ?? 0)).toBeLessThan(100);
    expect(await attemptSync(pipelineOf({ onError: "skip", maxRefused: "20%" }), { state })).toMatchObject({
      status: "completed",
    });
  });

  test("a backfill has the limit too", async () => {
    const { pipelineOf, state } = await stream(kind, 120, (v) => v <= 60);
    await state.reset(
      { connector: "t", stream: "default" },
      { to: "200", reason: "x", actor: "me", cursorType: "numeric_id" },
    );
    const result = await attemptBackfill(pipelineOf({ onError: "skip", maxRefused: 3 }), {
      state,
      from: "1",
      to: "120",
    });
    expect(result.error?.code).toBe("TOO_MANY_REFUSED");
  });
});

test("P11: a preview judges nothing", async () => {
  const { pipelineOf, state } = await stream("httpRequest", 3, all);
  expect(await preview(pipelineOf({ onError: "skip", maxRefused: 1 }), { state })).toMatchObject({
    status: "completed",
  });
});
