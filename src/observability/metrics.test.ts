import { expect, test } from "vitest";
import { emptyPosition } from "../model/position.ts";
import { openMemoryState } from "../state/memory/memory.ts";
import { FakeClock } from "../testing/fake-clock.ts";
import { Metrics } from "./metrics.ts";
import { observedState } from "./observed-state.ts";

const key = { connector: "acme", stream: "events" };
const typed = { cursorType: "timestamp_utc" } as const;

function observed() {
  const clock = new FakeClock("2026-01-01T00:00:00Z");
  const store = openMemoryState({ clock });
  const metrics = new Metrics({ version: "1.2.3", clock, streams: () => [{ state: store }] });
  return { clock, store, metrics, state: observedState(store, metrics.state, clock) };
}

/** The samples of one metric, as `{labels} value`. */
async function samples(metrics: Metrics, name: string): Promise<string[]> {
  const { body } = await metrics.scrape();
  const lines = body.split("\n").filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `));
  return lines.map((line) => line.slice(name.length).trim());
}

const ofEvents = '{connector="acme",stream="events"}';

test("a run is counted by what it does with its state, and each repeated call once", async () => {
  const { clock, metrics, state } = observed();
  const run = await state.begin(key, { ...typed, runId: "run-1" });
  await state.begin(key, { ...typed, runId: "run-1" });
  expect(await samples(metrics, "tidemark_runs_active")).toEqual(["1"]);
  await clock.advance(20_000);
  await state.checkpoint(run, { sequence: 1, position: emptyPosition, recordsProcessed: 100 });
  await state.checkpoint(run, { sequence: 1, position: emptyPosition, recordsProcessed: 100 });
  await state.heartbeat(run);
  const completion = { newCursor: "2025-12-31T23:00:00Z", recordsProcessed: 150 };
  await state.complete(run, completion);
  await state.complete(run, completion);
  await clock.advance(10_000);

  expect(await samples(metrics, "tidemark_runs_total")).toEqual([
    '{connector="acme",stream="events",outcome="completed"} 1',
  ]);
  expect(await samples(metrics, "tidemark_records_written_total")).toEqual([`${ofEvents} 150`]);
  expect(await samples(metrics, "tidemark_run_duration_seconds_sum")).toEqual(['{outcome="completed"} 20']);
  expect(await samples(metrics, "tidemark_cursor_age_seconds")).toEqual([`${ofEvents} 3630`]);
  expect(await samples(metrics, "tidemark_seconds_since_last_success")).toEqual([`${ofEvents} 10`]);
  expect(await samples(metrics, "tidemark_runs_active")).toEqual(["0"]);
  expect(await samples(metrics, "tidemark_state_call_duration_seconds_count")).toContain(
    '{call="heartbeat",result="ok"} 1',
  );
  expect(await samples(metrics, "tidemark_checkpoint_duration_seconds_count")).toEqual(["2"]);
});

test("a failed run is told from one that was asked to stop", async () => {
  const { metrics, state } = observed();
  await state.fail(await state.begin(key, typed), { error: "SOURCE_REFUSED: 403" });
  await state.fail(await state.begin(key, typed), { error: "RUN_CANCELLED: the run was asked to stop" });
  expect(await samples(metrics, "tidemark_runs_total")).toEqual([
    '{connector="acme",stream="events",outcome="failed"} 1',
    '{connector="acme",stream="events",outcome="cancelled"} 1',
  ]);
});

test("P4: a run that lost its stream is a lease lost, once", async () => {
  const { metrics, state } = observed();
  const first = await state.begin(key, typed);
  const second = await state.begin(key, typed);
  await expect(state.heartbeat(first)).rejects.toThrow();
  await expect(state.complete(first, {})).rejects.toThrow();
  await state.complete(second, {});
  expect(await samples(metrics, "tidemark_lease_losses_total")).toEqual([`${ofEvents} 1`]);
  expect(await samples(metrics, "tidemark_runs_total")).toEqual([
    '{connector="acme",stream="events",outcome="superseded"} 1',
    '{connector="acme",stream="events",outcome="completed"} 1',
  ]);
});

test("the last success is found in the history, also where another process had it", async () => {
  const { clock, store, metrics } = observed();
  await store.complete(await store.begin(key, typed), {});
  await clock.advance(60_000);
  await store.fail(await store.begin(key, typed), { error: "no" });
  await clock.advance(5000);
  expect(await samples(metrics, "tidemark_seconds_since_last_success")).toEqual([`${ofEvents} 65`]);
  // No timestamp was ever delivered, so there is no age to tell.
  expect(await samples(metrics, "tidemark_cursor_age_seconds")).toEqual([]);
});

test("streams beyond the most are counted together", async () => {
  const { metrics } = observed();
  for (let n = 0; n < 1100; n += 1) metrics.recordsRead({ connector: "acme", stream: `s${n}` }, 1);
  const counted = await samples(metrics, "tidemark_records_read_total");
  expect(counted).toHaveLength(1001);
  expect(counted).toContain('{connector="_other",stream="_other"} 100');
});

test("a state that is away costs what it would have told, and nothing else", async () => {
  const { metrics, store } = observed();
  expect(await samples(metrics, "tidemark_state_up")).toEqual(["1"]);
  store.list = () => Promise.reject(new Error("away"));
  expect(await samples(metrics, "tidemark_state_up")).toEqual(["0"]);
  expect(await samples(metrics, "tidemark_build_info")).toEqual([
    `{version="1.2.3",node="${process.version}"} 1`,
  ]);
});

test("a state that never answers does not hold a scrape up for ever", async () => {
  const { clock, metrics, store } = observed();
  store.list = () => new Promise(() => {});
  const scraped = samples(metrics, "tidemark_state_up");
  await clock.advance(5000);
  expect(await scraped).toEqual(["0"]);
});

test("requests are counted by method, route and status, whatever method a client makes up", async () => {
  const { metrics } = observed();
  metrics.observeRequest({ method: "POST", route: "/v1/x", status: 200, seconds: 0.2 });
  metrics.observeRequest({ method: "MADEUP", route: "unmatched", status: 404, seconds: 0.2 });
  expect(await samples(metrics, "tidemark_http_request_duration_seconds_count")).toEqual([
    '{method="POST",route="/v1/x",status="200"} 1',
    '{method="other",route="unmatched",status="404"} 1',
  ]);
});

test("two processes' metrics know nothing of each other", async () => {
  const [one, other] = [observed(), observed()];
  one.metrics.recordsRead(key, 5);
  expect(await samples(other.metrics, "tidemark_records_read_total")).toEqual([]);
});
