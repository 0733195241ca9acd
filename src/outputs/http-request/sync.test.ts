import { mkdirSync, rmdirSync } from "node:fs";
import { expect, onTestFinished, test } from "vitest";
import { at, Bench, dying, record, timeless } from "../../../test/support/engine-bench.ts";
import {
  deadLettersIn,
  freshDeadLetterPath,
  type HttpRequestKeys,
  httpRequestOutput,
  idsIn,
} from "../../../test/support/http-request.ts";
import { type HttpTestServer, type SeenRequest, startHttpServer } from "../../../test/support/http-server.ts";
import type { SimulatedSource } from "../../../testing/simulated-source.ts";
import type { FaultPoint } from "../../engine/run/fault-points.ts";
import type { RunResult } from "../../engine/run/result.ts";
import type { attemptSync } from "../../engine/run/sync.ts";
import type { SyncOptions } from "../../engine/run/sync-options.ts";
import type { StateStore } from "../../state/contract.ts";

interface Sent {
  readonly state: StateStore;
  readonly server: HttpTestServer;
  readonly source: SimulatedSource;
  run(options?: Partial<SyncOptions>): ReturnType<typeof attemptSync>;
  watermark(): Promise<string | null>;
  /** The ids that each request carried, in order. */
  requests(): number[][];
  idempotencyKeys(): unknown[];
}

/** A source of seven records in pages of three, sent to a server that answers as told. */
async function benchOf(
  answer: (request: SeenRequest, count: number) => number | Promise<number>,
  keys: Omit<HttpRequestKeys, "endpoint"> = {},
): Promise<Sent> {
  const server = await startHttpServer(async (request, response) => {
    response.statusCode = await answer(request, server.seen.length);
    response.end();
  });
  onTestFinished(() => server[Symbol.asyncDispose]());
  const output = httpRequestOutput({
    endpoint: server.origin,
    retry: { attempts: 2, initialDelayMs: 0 },
    limitWaitMs: 0,
    ...keys,
  });
  const bench = new Bench({ pipeline: { onConcurrentRun: "takeover", output } });
  const { state, source } = bench;
  source.records = [1, 2, 3, 4, 5, 6, 7].map((id) => record(id, id));
  return {
    state,
    server,
    source,
    run: (options) => bench.attempt({ clock: timeless, ...options }),
    watermark: () => bench.watermark(),
    requests: () => server.seen.map(idsIn),
    idempotencyKeys: () => server.seen.map(({ headers }) => headers["idempotency-key"]),
  };
}

const idOf = ({ body }: SeenRequest): unknown => JSON.parse(body).id;

test("every record is sent once, in order, and then only what changed", async () => {
  const { run, requests, source, watermark } = await benchOf(() => 200);
  expect(await run()).toMatchObject({ status: "completed", recordsWritten: 7, warnings: [] });
  expect(requests()).toEqual([[1], [2], [3], [4], [5], [6], [7]]);
  source.put({ id: 2, updated_at: at(9) });
  expect(await run()).toMatchObject({ recordsWritten: 1, newCursor: at(9) });
  expect(requests().slice(7)).toEqual([[2]]);
  expect(await watermark()).toBe(at(9));
});

test.each<FaultPoint>(["afterWrite", "beforeCommit", "afterCommit"])(
  "P1: a crash %s, before the checkpoint, sends the page again under the same idempotency keys",
  async (point) => {
    for (const batch of [undefined, { size: 2 }]) {
      const { run, state, requests, idempotencyKeys, watermark } = await benchOf(
        () => 200,
        batch && { batch },
      );
      let reached = 0;
      const crash = dying(state, (at) => at === point && ++reached === 2);
      expect(await run(crash)).toMatchObject({ status: "failed" });
      expect(await watermark()).toBe(at(3));
      const before = requests().length;
      expect(await run()).toMatchObject({ status: "completed" });
      expect(await watermark()).toBe(at(7));
      const page = batch === undefined ? [[4], [5], [6]] : [[4, 5], [6]];
      expect(requests().slice(before - page.length, before)).toEqual(page);
      const perRecord = new Map(requests().map((ids, index) => [ids.join(), idempotencyKeys()[index]]));
      expect(new Set(idempotencyKeys()).size).toBe(perRecord.size);
      for (const [index, ids] of requests().entries()) {
        expect(idempotencyKeys()[index]).toBe(perRecord.get(ids.join()));
      }
      const delivered = new Set(requests().flat());
      expect([...delivered].sort()).toEqual([1, 2, 3, 4, 5, 6, 7]);
    }
  },
);

test("P1: a batch cut at the same place after a crash carries the same idempotency key", async () => {
  const { run, state, requests, idempotencyKeys } = await benchOf(() => 200, { batch: { size: 2 } });
  let commits = 0;
  await run(dying(state, (at) => at === "beforeCommit" && ++commits === 2));
  await run();
  expect(requests().slice(2, 5)).toEqual([[4, 5], [6], [4, 5]]);
  expect(idempotencyKeys()[4]).toBe(idempotencyKeys()[2]);
});

test.each([
  ["is refused", 422, "OUTPUT_FAILED"],
  ["meets a server that is down", 503, "OUTPUT_UNAVAILABLE"],
  ["is not allowed", 401, "OUTPUT_FAILED"],
])(
  "P5: the watermark stops before a record that %s, and what came before is not sent again",
  async (_, status, code) => {
    let broken = true;
    const { run, requests, watermark } = await benchOf((request) =>
      broken && idOf(request) === 5 ? status : 200,
    );
    expect(await run()).toMatchObject({
      status: "failed",
      recordsWritten: 4,
      error: { code, message: expect.stringContaining("1 of the 3 records of the page were taken") },
    });
    expect(await watermark()).toBe(at(4));
    expect(requests().flat()).not.toContain(6);
    broken = false;
    expect(await run()).toMatchObject({ status: "completed", recordsWritten: 3 });
    expect(requests().slice(-3)).toEqual([[5], [6], [7]]);
    expect(await watermark()).toBe(at(7));
  },
);

test("P5: the watermark passes a refused record only with its dead letter, and counts it", async () => {
  const path = freshDeadLetterPath();
  const { run, state, watermark } = await benchOf(
    (request) => ([2, 5, 6].includes(Number(idOf(request))) ? 422 : 200),
    {
      onError: "deadLetter",
      deadLetter: { path },
    },
  );
  let commits = 0;
  const crashed = await run(dying(state, (at) => at === "afterCommit" && ++commits === 2));
  expect(await watermark()).toBe(at(3));
  const letter = (id: number, { runId }: RunResult) =>
    expect.objectContaining({ record: record(id, id), run: runId });
  const first = [letter(2, crashed), letter(5, crashed), letter(6, crashed)];
  expect(deadLettersIn(path)).toEqual(first);

  const second = await run();
  expect(second).toMatchObject({
    status: "completed",
    recordsRead: 5,
    recordsWritten: 2,
    warnings: [{ code: "RECORDS_DEAD_LETTERED", count: 2 }],
  });
  expect(await watermark()).toBe(at(7));
  expect(deadLettersIn(path)).toEqual([...first, letter(5, second), letter(6, second)]);
  expect(await run()).toMatchObject({ status: "completed", recordsWritten: 0, warnings: [] });
});

test.each([1, 3])(
  "P5: a letter that cannot be kept ends the run as a refused record does, and what was taken is not sent again (concurrency %i)",
  async (concurrency) => {
    const path = freshDeadLetterPath();
    const { run, source, requests, watermark } = await benchOf(
      (request) => (idOf(request) === 6 ? 422 : 200),
      {
        onError: "deadLetter",
        deadLetter: { path },
        ...(concurrency === 1 ? {} : { concurrency, key: "id" }),
      },
    );
    mkdirSync(path);
    expect(await run()).toMatchObject({
      status: "failed",
      recordsRefused: 0,
      warnings: [],
      error: {
        code: "OUTPUT_FAILED",
        message: expect.stringMatching(/the dead-letter file .*the next run goes on behind them/),
      },
    });
    expect(await watermark()).toBe(at(5));
    expect(await run()).toMatchObject({ status: "failed", recordsRefused: 0 });
    expect(await watermark()).toBe(at(5));

    rmdirSync(path);
    source.put(record(8, 8));
    expect(await run()).toMatchObject({ status: "completed", recordsRefused: 1 });
    expect(await watermark()).toBe(at(8));
    expect(deadLettersIn(path)).toEqual([expect.objectContaining({ record: record(6, 6) })]);
    const taken = requests().flat();
    for (const id of [1, 2, 3, 4, 5, 7, 8]) expect(taken.filter((one) => one === id)).toEqual([id]);
  },
);

test("skipped records are counted once each, and the run completes", async () => {
  const { run, watermark } = await benchOf((request) => (Number(idOf(request)) % 2 === 0 ? 400 : 200), {
    onError: "skip",
  });
  expect(await run()).toMatchObject({
    status: "completed",
    recordsRead: 7,
    recordsWritten: 4,
    warnings: [
      { code: "RECORDS_SKIPPED", count: 3, message: expect.stringContaining("the record with id 2") },
    ],
  });
  expect(await watermark()).toBe(at(7));
});

test("P5: a run that is cancelled in the middle of a page does not move past what it did not send", async () => {
  const cancel = new AbortController();
  const { run, requests, watermark } = await benchOf((request) => {
    if (idOf(request) !== 5 || cancel.signal.aborted) return 200;
    cancel.abort();
    return new Promise<number>(() => {});
  });
  expect(await run({ signal: cancel.signal })).toMatchObject({
    status: "failed",
    error: { code: "RUN_CANCELLED" },
  });
  expect(await watermark()).toBe(at(4));
  expect(await run()).toMatchObject({ status: "completed", recordsWritten: 3 });
  expect(requests()).toEqual([[1], [2], [3], [4], [5], [5], [6], [7]]);
});
