import { expect, onTestFinished, test } from "vitest";
import { serveService } from "../../src/api/service/listen.ts";
import { createService } from "../../src/api/service/service.ts";
import { deltaRun } from "../../src/delta-run/delta-run.ts";
import { isTidemarkError } from "../../src/errors.ts";
import { emptyPosition } from "../../src/model/position.ts";
import type { StateStore } from "../../src/state/contract.ts";
import { type HttpStateOptions, openHttpState } from "../../src/state/storage/http/http.ts";
import { openMemoryState } from "../../src/state/storage/memory/memory.ts";
import { FakeClock } from "../../testing/fake-clock.ts";
import { freePort } from "../support/free-port.ts";
import { startHttpServer } from "../support/http-server.ts";
import { serveState } from "../support/http-state.ts";
import { startTcpProxy, type TcpProxy } from "../support/tcp-proxy.ts";

const key = { connector: "sap_eu", stream: "suppliers" };
const byHand = { reason: "a test wants it", actor: "ada" };
const numeric = { cursorType: "numeric_id" } as const;
const at = (watermark: string) => ({ ...emptyPosition, watermark });

function opened(url: string, options: HttpStateOptions = {}): StateStore {
  const store = openHttpState(url, { random: () => 0, ...options });
  onTestFinished(() => store.close());
  return store;
}

/** A service over state in memory, and a wire to it that can be cut. */
async function wired(): Promise<{ proxy: TcpProxy; behind: StateStore; store: StateStore }> {
  const behind = openMemoryState();
  const listening = await serveState(behind);
  const proxy = await startTcpProxy({ host: "127.0.0.1", port: listening.port });
  onTestFinished(async () => {
    await proxy.close();
    await listening.close(0);
  });
  return { proxy, behind, store: opened(`http://127.0.0.1:${proxy.port}`) };
}

/** Loses the answer to the next request, after the service has made it. */
function loseNextAnswer(proxy: TcpProxy): void {
  proxy.onAnswer = () => {
    proxy.onAnswer = () => {};
    proxy.cut();
    proxy.mend();
  };
}

test("a run survives that the service is stopped and started again", async () => {
  const clock = new FakeClock();
  const behind = openMemoryState();
  const service = createService({ state: behind, keys: null });
  const first = await serveService(service, { port: await freePort() });
  const told: string[] = [];
  const store = opened(first.url, { clock, onOutage: (message) => told.push(message) });
  const result = await deltaRun(store, { ...key, cursorType: "numeric_id" }, async (run) => {
    await run.checkpoint(1);
    await first.close(0);
    const checkpoint = run.checkpoint(2);
    for (let tries = 0; tries < 5; tries++) {
      await clock.whenSleeping();
      await clock.advance(2000);
    }
    const again = createService({ state: behind, keys: null });
    const second = await serveService(again, { port: first.port });
    onTestFinished(() => second.close(0));
    await clock.whenSleeping();
    await clock.advance(2000);
    await checkpoint;
    run.setNewCursor(3);
  });
  expect(result).toMatchObject({ status: "completed", epoch: 1, newCursor: "3" });
  expect(told).toEqual([
    expect.stringMatching(/cannot be used now \(.*ECONNREFUSED.*\); trying again for 30 s/),
  ]);
  expect(await behind.verifyAudit()).toEqual({ streams: 1, rows: 3 });
});

test("every call of a run whose answer was lost is made again, with one effect", async () => {
  const { proxy, behind, store } = await wired();
  const lossy = <T>(call: () => Promise<T>): Promise<T> => {
    loseNextAnswer(proxy);
    return call();
  };
  const run = await lossy(() => store.begin(key, { ...numeric, ifRunning: "refuse" }));
  expect(run.epoch).toBe(1);
  await lossy(() => store.checkpoint(run, { sequence: 1, position: at("1"), recordsProcessed: 1 }));
  await lossy(() => store.heartbeat(run));
  const done = await lossy(() => store.complete(run, { newCursor: "2" }));
  expect(done).toEqual(await behind.get(key));
  const next = await lossy(() => store.begin(key, numeric));
  expect(next.epoch).toBe(2);
  await lossy(() => store.fail(next, { error: "x" }));
  expect(await lossy(() => store.get(key))).toMatchObject({ status: "failed", epoch: 2, sequence: 0 });
  expect((await behind.runs(key)).items.map(({ outcome }) => outcome)).toEqual(["failed", "completed"]);
  expect((await behind.audit({ key })).items.map(({ newCursor }) => newCursor)).toEqual(["1", "2"]);
});

test("an operator's act whose answer was lost is made once, and its outcome reported as unknown", async () => {
  const { proxy, behind, store } = await wired();
  const { runId } = await deltaRun(store, { ...key, cursorType: "numeric_id" }, (run) => run.setNewCursor(5));
  const exported = await store.export(key);
  const acts = [
    () => store.reset(key, { to: "1", ...byHand }),
    () => store.rewind(key, { toRun: runId, ...byHand }),
    () => store.import(exported, byHand),
  ];
  for (const [index, act] of acts.entries()) {
    loseNextAnswer(proxy);
    await expect(act()).rejects.toMatchObject({
      code: "STATE_UNAVAILABLE",
      recoverable: false,
      message: expect.stringContaining("not known"),
      details: { outcome_unknown: true },
    });
    expect((await behind.get(key))?.epoch).toBe(2 + index);
  }
  expect((await behind.audit({ key })).items).toHaveLength(4);
});

test("an operator's act that never left is made once the service is there", async () => {
  const clock = new FakeClock();
  const port = await freePort();
  const store = opened(`http://127.0.0.1:${port}`, { clock });
  const reset = store.reset(key, { to: "1", cursorType: "numeric_id", ...byHand });
  await clock.whenSleeping();
  const behind = openMemoryState();
  const listening = await serveService(createService({ state: behind, keys: null }), { port });
  onTestFinished(() => listening.close(0));
  await clock.advance(1000);
  expect(await reset).toMatchObject({ epoch: 1, cursor: { value: "1" } });
  expect((await behind.audit({ key })).items).toHaveLength(1);
});

test("a run that was taken over while its answer was lost is warned that it may have been accepted", async () => {
  const { proxy, behind, store } = await wired();
  const run = await store.begin(key, numeric);
  proxy.onAnswer = () => {
    proxy.onAnswer = () => {};
    proxy.cut();
    void behind.begin(key, numeric).then(() => proxy.mend());
  };
  const error: unknown = await store.complete(run, { newCursor: "7" }).catch((thrown: unknown) => thrown);
  if (!isTidemarkError(error, "RUN_SUPERSEDED")) throw error;
  expect(error.message).toMatch(/unanswered/);
  expect(error.details).toMatchObject({ outcome_unknown: true, run_id: run.runId });
  expect((await behind.get(key))?.cursor?.value).toBe("7");
});

const unavailable = {
  type: "/docs#STATE_UNAVAILABLE",
  title: "…",
  status: 503,
  code: "STATE_UNAVAILABLE",
  detail: "the database is away",
  hint: "wait",
  recoverable: true,
};
const problemType = "application/problem+json";

test("while the service cannot be used a call is made again and again, and given up in time", async () => {
  const clock = new FakeClock();
  let made = 0;
  await using server = await startHttpServer((_, response) => {
    made += 1;
    response.writeHead(503, { "content-type": problemType, "retry-after": "2" });
    response.end(JSON.stringify(unavailable));
  });
  const store = opened(server.origin, { clock, retryForMs: 10_000 });
  const call = store.get(key).catch((error: unknown) => error);
  for (let second = 0; second <= 8; second += 2) {
    await clock.whenSleeping();
    expect(made).toBe(second / 2 + 1);
    await clock.advance(2000);
  }
  expect(await call).toMatchObject({
    code: "STATE_UNAVAILABLE",
    recoverable: true,
    message: expect.stringContaining("the database is away"),
  });
  expect(made).toBe(6);
});

test("pauses grow, are spread at random, and end with the call when the state is closed", async () => {
  const clock = new FakeClock();
  const asked: number[] = [];
  const sleep = clock.sleep.bind(clock);
  clock.sleep = (milliseconds, signal) => {
    asked.push(milliseconds);
    return sleep(milliseconds, signal);
  };
  let spread = 0;
  const random = () => spread;
  const store = opened(`http://127.0.0.1:${await freePort()}`, { clock, random });
  const call = store.get(key).catch((error: unknown) => error);
  for (const [index, longest] of [100, 200, 400, 800, 1600, 2000, 2000].entries()) {
    await clock.whenSleeping();
    expect(asked.at(-1)).toBe(index % 2 === 0 ? longest / 2 : longest);
    spread = index % 2 === 0 ? 1 : 0;
    await clock.advance(longest);
  }
  await clock.whenSleeping();
  await store.close();
  expect(await call).toMatchObject({ code: "STATE_UNAVAILABLE", message: expect.stringContaining("closed") });
  expect(clock.sleeping).toBe(0);
});

test.each([-3_600_000, 3_600_000])(
  "a date in Retry-After is by the service's clock, %i ms off from this one",
  async (offset) => {
    const clock = new FakeClock(new Date().toISOString());
    let made = 0;
    await using server = await startHttpServer((_, response) => {
      made += 1;
      const date = new Date(Date.now() + offset);
      response.sendDate = false;
      response.writeHead(429, {
        date: date.toUTCString(),
        "retry-after": new Date(date.getTime() + 7000).toUTCString(),
        "content-type": problemType,
      });
      response.end(JSON.stringify({ ...unavailable, status: 429, code: "RATE_LIMITED" }));
    });
    const store = opened(server.origin, { clock });
    const call = store.get(key).catch(() => {});
    await clock.whenSleeping();
    await clock.advance(6000);
    expect(made).toBe(1);
    await clock.advance(1000);
    await clock.whenSleeping();
    expect(made).toBe(2);
    await store.close();
    await call;
  },
);

test("what no later attempt could fix fails at once", async () => {
  const listening = await serveState(openMemoryState());
  onTestFinished(() => listening.close(0));
  const store = opened(listening.url.replace("http:", "https:"), { clock: new FakeClock() });
  await expect(store.get(key)).rejects.toMatchObject({
    code: "STATE_UNAVAILABLE",
    recoverable: false,
    hint: expect.stringContaining("certificate"),
    details: { attempts: 1 },
  });
});

test("closing ends the calls under way and the connections, and many calls share a few", async () => {
  const behind = openMemoryState();
  const service = createService({ state: behind, keys: null });
  const listening = await serveService(service, { port: 0 });
  const proxy = await startTcpProxy({ host: "127.0.0.1", port: listening.port });
  onTestFinished(async () => {
    await proxy.close();
    await listening.close(0);
  });
  const store = openHttpState(`http://127.0.0.1:${proxy.port}`);
  const streams = Array.from({ length: 200 }, (_, n) => ({ connector: "c", stream: `s${n}` }));
  await Promise.all(streams.map((stream) => store.begin(stream, numeric)));
  expect(proxy.connections).toBeGreaterThan(1);
  expect(proxy.connections).toBeLessThanOrEqual(32);
  proxy.onSent = () => void store.close();
  await expect(store.get(key)).rejects.toMatchObject({ code: "STATE_UNAVAILABLE" });
  await store.close();
  await expect.poll(() => proxy.connections).toBe(0);
});
