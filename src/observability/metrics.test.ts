import { expect, test } from "vitest";
import { runResult } from "../../test/support/run-result.ts";
import { FakeClock } from "../../testing/fake-clock.ts";
import { emptyPosition } from "../model/position.ts";
import { openMemoryState } from "../state/storage/memory/memory.ts";
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

/** A clock whose wall time can be set. */
class SetClock extends FakeClock {
  offset = 0;

  override now(): number {
    return super.now() + this.offset;
  }
}

const daily = {
  name: "events",
  key,
  schedule: { expression: "0 3 * * *", timezone: "UTC", jitterMs: 0 },
};

const failedResult = runResult({ status: "failed" });

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

test("records that a run reports as refused or filtered are counted at its end, once", async () => {
  const { metrics, state } = observed();
  const first = await state.begin(key, typed);
  const names = ["refused", "dead_lettered", "filtered"].map((name) => `tidemark_records_${name}_total`);
  const counts = () => Promise.all(names.map((name) => samples(metrics, name)));
  // A series that is there before it rises is one whose first rise an alert sees.
  expect(await counts()).toEqual([[`${ofEvents} 0`], [`${ofEvents} 0`], [`${ofEvents} 0`]]);
  const metadata = { records_refused: 5, records_dead_lettered: 3, records_filtered: 20 };
  await state.fail(first, { error: "TOO_MANY_REFUSED: 5 of 25", metadata });
  const second = await state.begin(key, typed);
  await state.complete(second, { metadata: { records_refused: 1, records_dead_lettered: 1 } });
  await state.complete(second, { metadata: { records_refused: 1, records_dead_lettered: 1 } });
  expect(await counts()).toEqual([[`${ofEvents} 6`], [`${ofEvents} 4`], [`${ofEvents} 20`]]);
});

test.each([-1, 0.5, "7", null, Number.NaN, 2 ** 60, { count: 1 }])(
  "what a client's metadata holds in the place of a count is left alone: %s",
  async (count) => {
    const { metrics, state } = observed();
    await state.complete(await state.begin(key, typed), { metadata: { records_refused: count } });
    expect(await samples(metrics, "tidemark_records_refused_total")).toEqual([`${ofEvents} 0`]);
  },
);

test("a failed run is distinguished from one that was asked to stop", async () => {
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

test("a clock that was ahead does not hold the age of the last success at 0", async () => {
  const clock = new SetClock("2026-01-01T00:00:00Z");
  const store = openMemoryState({ clock });
  const metrics = new Metrics({ version: "1.2.3", clock, streams: () => [{ state: store }] });
  const state = observedState(store, metrics.state, clock);
  clock.offset = 2 * 3_600_000;
  await state.complete(await state.begin(key, typed), {});
  clock.offset = 0;
  expect(await samples(metrics, "tidemark_seconds_since_last_success")).toEqual([`${ofEvents} 0`]);
  await clock.advance(600_000);
  expect(await samples(metrics, "tidemark_seconds_since_last_success")).toEqual([`${ofEvents} 600`]);
  // A process that did not see it either.
  const later = new Metrics({ version: "1.2.3", clock, streams: () => [{ state: store }] });
  await later.scrape();
  await clock.advance(60_000);
  expect(await samples(later, "tidemark_seconds_since_last_success")).toEqual([`${ofEvents} 60`]);
});

test("a scheduled stream that never succeeded has a series for it, before and after its first run", async () => {
  const { metrics, state } = observed();
  metrics.observeSchedule({ type: "planned", pipeline: daily, at: 0 });
  expect(await samples(metrics, "tidemark_stream_succeeded")).toEqual([`${ofEvents} 0`]);
  await state.fail(await state.begin(key, typed), { error: "SOURCE_REFUSED: 401" });
  const result = { ...failedResult, runId: "1" };
  metrics.observeSchedule({ type: "ended", pipeline: daily, result, failures: 1 });
  expect(await samples(metrics, "tidemark_stream_succeeded")).toEqual([`${ofEvents} 0`]);
  expect(await samples(metrics, "tidemark_schedule_consecutive_failures")).toEqual([`${ofEvents} 1`]);
  await state.complete(await state.begin(key, typed), {});
  expect(await samples(metrics, "tidemark_stream_succeeded")).toEqual([`${ofEvents} 1`]);
});

test("a run's time, its silence and its wait for a slot are reported next to the interval of its schedule", async () => {
  const { clock, metrics } = observed();
  const tell = metrics.observeSchedule;
  const told = async () => {
    const names = ["interval", "slot_wait", "run_active", "run_idle"];
    const all = await Promise.all(names.map((name) => samples(metrics, `tidemark_schedule_${name}_seconds`)));
    return all.map(([line]) => (line === undefined ? null : Number(line.split(" ")[1])));
  };
  tell({ type: "queued", pipeline: daily });
  await clock.advance(30_000);
  expect(await told()).toEqual([86_400, 30, null, null]);
  tell({ type: "started", pipeline: daily, reason: "tick", due: 0, lateMs: 0 });
  await clock.advance(60_000);
  tell({ type: "moved", pipeline: daily });
  await clock.advance(10_000);
  expect(await told()).toEqual([86_400, null, 70, 10]);
  tell({ type: "paused", pipeline: daily, milliseconds: 100_000, why: "status 429" });
  await clock.advance(100_000);
  expect(await told()).toEqual([86_400, null, 170, 0]);
  tell({ type: "ended", pipeline: daily, result: failedResult, failures: 1 });
  expect(await told()).toEqual([86_400, null, null, null]);
  tell({ type: "started", pipeline: daily, reason: "tick", due: 0, lateMs: 0 });
  metrics.unscheduled(key);
  tell({ type: "ended", pipeline: daily, result: failedResult, failures: 1 });
  expect(await told()).toEqual([null, null, null, null]);
});

test("the interval of a schedule is the time between the last tick and the next, also over a weekend", async () => {
  const interval = async (expression: string, at: string): Promise<string[]> => {
    const metrics = new Metrics({ version: "1", clock: new FakeClock(at), streams: () => [] });
    const schedule = { expression, timezone: "UTC", jitterMs: 0 };
    metrics.observeSchedule({ type: "planned", pipeline: { ...daily, schedule }, at: 0 });
    return samples(metrics, "tidemark_schedule_interval_seconds");
  };
  // 2026-01-03 is a Saturday.
  expect(await interval("*/5 9-16 * * 1-5", "2026-01-03T12:00:00Z")).toEqual([`${ofEvents} 230700`]);
  expect(await interval("*/5 9-16 * * 1-5", "2026-01-05T12:02:00Z")).toEqual([`${ofEvents} 300`]);
  expect(await interval("* * * * * *", "2026-01-05T12:02:00Z")).toEqual([`${ofEvents} 1`]);
  expect(await interval("0 0 29 2 *", "2026-01-05T12:02:00Z")).toEqual([`${ofEvents} ${1461 * 86_400}`]);
});

test("streams beyond the most are counted together", async () => {
  const { metrics } = observed();
  for (let n = 0; n < 1100; n += 1) metrics.recordsRead({ connector: "acme", stream: `s${n}` }, 1);
  const counted = await samples(metrics, "tidemark_records_read_total");
  expect(counted).toHaveLength(1001);
  expect(counted).toContain('{connector="_other",stream="_other"} 100');
});

test("a state that is away costs what it would have reported, and nothing else", async () => {
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
