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
