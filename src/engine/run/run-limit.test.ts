import { expect, test } from "vitest";
import { Bench, key, record } from "../../../test/support/engine-bench.ts";
import { FakeClock } from "../../../testing/fake-clock.ts";
import type { Filter, Input, Output } from "../ports.ts";

const minute = 60_000;

/** A pipeline of three records a page, with ten minutes for a run. */
function benchOf(): { bench: Bench; clock: FakeClock } {
  const bench = new Bench({ pipeline: { deadlineMs: 10 * minute } });
  bench.source.records = [1, 2, 3, 4, 5, 6, 7].map((id) => record(id, id));
  return { bench, clock: new FakeClock() };
}

test("P8: a run that is not done at its deadline stops at its next checkpoint as failed, and the next goes on", async () => {
  const { bench, clock } = benchOf();
  bench.source.beforePage = () => clock.sleep(5.1 * minute);
  const running = bench.attempt({ clock });
  await clock.advance(15 * minute);
  const result = await running;
  expect(result).toMatchObject({
    status: "failed",
    recordsWritten: 3,
    error: { code: "DEADLINE_EXCEEDED", recoverable: true, stream: "acme/events" },
  });
  expect(result.error?.message).toBe("the run of acme/events was not done after 600 s (`deadline`)");
  expect(bench.ids()).toEqual([1, 2, 3]);
  expect(await bench.state.get(key)).toMatchObject({ status: "failed", metadata: { recoverable: true } });
  bench.source.beforePage = () => {};
  await bench.run({ clock });
  expect(bench.ids()).toEqual([1, 2, 3, 4, 5, 6, 7]);
});

test("a run that hangs, and does not stop when it is asked to, is left behind", async () => {
  const { bench, clock } = benchOf();
  const stuck = Promise.withResolvers<void>();
  bench.source.beforePage = (page) => (page === 2 ? stuck.promise : undefined);
  const running = bench.attempt({ clock });
  await clock.advance(11 * minute);
  const result = await running;
  expect(result).toMatchObject({ status: "failed", error: { code: "DEADLINE_EXCEEDED" } });
  expect(result.error?.message).toContain("did not stop when it was asked to");
  bench.source.beforePage = () => {};
  await bench.run({ clock });
  // What was left behind wakes up late, and writes nothing.
  stuck.resolve();
  await clock.advance(minute);
  expect(bench.ids()).toEqual([1, 2, 3, 4, 5, 6, 7]);
});

test("what a run that was left behind has read by then is not given to the output", async () => {
  const stuck = Promise.withResolvers<void>();
  const hangs = Promise.withResolvers<void>();
  const { bench, clock } = benchOf();
  const { output } = bench.pipeline;
  const written: unknown[] = [];
  const listening: Output = {
    ...output,
    async open(context) {
      const session = await output.open(context);
      const write = session.write.bind(session);
      session.write = (batch) => {
        written.push(...batch.records.map(({ id }) => id));
        return write(batch);
      };
      return session;
    },
  };
  const filter: Filter = {
    kind: "function",
    async apply(records) {
      if (records.some(({ id }) => id === 4)) {
        hangs.resolve();
        await stuck.promise;
      }
      return records;
    },
  };
  const pipeline = { ...bench.pipeline, output: listening, filters: [filter] };
  const running = new Bench({ pipeline }).attempt({ clock });
  await hangs.promise;
  // Left behind half a minute after its deadline, and between two heartbeats: its lease still holds.
  await clock.advance(10.5 * minute);
  expect(await running).toMatchObject({ error: { code: "DEADLINE_EXCEEDED" } });
  stuck.resolve();
  await clock.advance(1);
  expect(written).toEqual([1, 2, 3]);
});

test("a run that was left behind at the end of its read commits nothing more", async () => {
  const stuck = Promise.withResolvers<void>();
  const hangs = Promise.withResolvers<void>();
  const { bench, clock } = benchOf();
  bench.source.records = [1, 2].map((id) => record(id, id));
  const { input, output } = bench.pipeline;
  let commits = 0;
  const counting: Output = {
    ...output,
    async open(context) {
      const session = await output.open(context);
      const commit = session.commit.bind(session);
      session.commit = async (given) => {
        commits += 1;
        return (await commit(given)) ?? undefined;
      };
      return session;
    },
  };
  const hanging: Input = {
    ...input,
    async open(context) {
      const session = await input.open(context);
      const read = session.read.bind(session);
      session.read = async function* (request) {
        yield* read(request);
        hangs.resolve();
        await stuck.promise;
      };
      return session;
    },
  };
  const pipeline = { ...bench.pipeline, input: hanging, output: counting };
  const running = new Bench({ pipeline }).attempt({ clock });
  await hangs.promise;
  await clock.advance(10.5 * minute);
  expect(await running).toMatchObject({ error: { code: "DEADLINE_EXCEEDED" } });
  const before = commits;
  stuck.resolve();
  await clock.advance(1);
  expect([before, commits]).toEqual([1, 1]);
});

test("a run that is done in time ends without a warning", async () => {
  const { bench, clock } = benchOf();
  bench.source.beforePage = () => clock.sleep(minute);
  const running = bench.attempt({ clock });
  await clock.advance(9 * minute);
  expect(await running).toMatchObject({ status: "completed", recordsWritten: 7, warnings: [] });
  expect(clock.sleeping).toBe(0);
});

test("a run that is asked to stop says so, also if its deadline comes while it does", async () => {
  const { bench, clock } = benchOf();
  const stop = new AbortController();
  bench.source.beforePage = () => clock.sleep(9 * minute);
  const running = bench.attempt({ clock, signal: stop.signal });
  await clock.advance(5 * minute);
  stop.abort();
  await clock.advance(10 * minute);
  expect(await running).toMatchObject({ error: { code: "RUN_CANCELLED" } });
});

const request = { actor: "ada", reason: "the source is down" };

test("P8: a run that somebody asks to stop stops at its next checkpoint as failed, and the next goes on", async () => {
  const { bench, clock } = benchOf();
  bench.source.beforePage = () => clock.sleep(minute);
  const running = bench.attempt({ clock });
  await clock.advance(1.5 * minute);
  const { runId } = await bench.state.stop(key, request);
  await clock.advance(10 * minute);
  const result = await running;
  expect(result).toMatchObject({
    status: "failed",
    runId,
    recordsWritten: 3,
    error: { code: "RUN_STOPPED", recoverable: false, stream: "acme/events" },
  });
  expect(result.error?.message).toBe("ada asked the run of acme/events to stop: the source is down");
  expect(result.error?.details).toEqual({ run_id: runId, actor: "ada", reason: "the source is down" });
  expect(bench.ids()).toEqual([1, 2, 3]);
  bench.source.beforePage = () => {};
  await bench.run({ clock });
  expect(bench.ids()).toEqual([1, 2, 3, 4, 5, 6, 7]);
});

test("a run that reads page after page learns from its checkpoint that it is to stop", async () => {
  const { bench, clock } = benchOf();
  bench.source.beforePage = async (page) => {
    if (page === 1) await bench.state.stop(key, request);
  };
  expect(await bench.attempt({ clock })).toMatchObject({
    recordsWritten: 3,
    error: { code: "RUN_STOPPED" },
  });
});

test("a request to stop is seen within 10 seconds, however long the lease is", async () => {
  const bench = new Bench({ pipeline: { leaseSeconds: 3600 } });
  bench.source.records = [record(1, 1)];
  const clock = new FakeClock();
  bench.source.beforePage = () => clock.sleep(minute);
  let ended = false;
  const running = bench.attempt({ clock }).finally(() => {
    ended = true;
  });
  await clock.advance(1000);
  await bench.state.stop(key, request);
  const beats: number[] = [];
  const heartbeat = bench.state.heartbeat.bind(bench.state);
  bench.state.heartbeat = (run) => {
    beats.push(clock.elapsed());
    return heartbeat(run);
  };
  await clock.advance(10_000);
  expect(beats).toHaveLength(1);
  await clock.advance(minute);
  expect(ended).toBe(true);
  expect(await running).toMatchObject({ error: { code: "RUN_STOPPED" } });
});

test("a run that hangs is left behind half a minute after somebody asked it to stop", async () => {
  const { bench, clock } = benchOf();
  const stuck = Promise.withResolvers<void>();
  bench.source.beforePage = (page) => (page === 2 ? stuck.promise : undefined);
  const running = bench.attempt({ clock });
  await clock.advance(minute);
  await bench.state.stop(key, request);
  await clock.advance(minute);
  const result = await running;
  expect(result).toMatchObject({ status: "failed", recordsWritten: 3, error: { code: "RUN_STOPPED" } });
  expect(result.error?.message).toContain("ada asked");
  expect(result.error?.message).toContain("did not stop when it was asked to");
  bench.source.beforePage = () => {};
  await bench.run({ clock });
  stuck.resolve();
  await clock.advance(minute);
  expect(bench.ids()).toEqual([1, 2, 3, 4, 5, 6, 7]);
});

test("what asks a run to stop first is what ends it", async () => {
  const { bench, clock } = benchOf();
  const drain = new AbortController();
  bench.source.beforePage = () => clock.sleep(minute);
  const running = bench.attempt({ clock, signal: drain.signal });
  await clock.advance(0.1 * minute);
  await bench.state.stop(key, request);
  await clock.advance(0.5 * minute);
  drain.abort();
  await clock.advance(10 * minute);
  expect(await running).toMatchObject({ error: { code: "RUN_STOPPED" } });
});
