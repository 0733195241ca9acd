import assert from "node:assert/strict";
import { type Bench, type Cases, commitOf, KeptRefusals, records, settleAndCommit } from "./bench.ts";

/** Which records have arrived, however often. */
async function arrived(bench: Bench): Promise<number[]> {
  return [...new Set(await bench.ids())];
}

/** What an output that delivers at least once must do. */
export const atLeastOnceCases: Cases = {
  "P5: what a commit acknowledged has arrived, and each write counts what it took": async (bench) => {
    const session = await bench.fenced(1);
    assert.equal(await session.write(records(1, 2)), 2);
    assert.equal(await session.write(records(3)), 1);
    await session.commit(commitOf(1, 1));
    assert.deepEqual(await arrived(bench), [1, 2, 3]);
    assert.equal(await session.write(records(4)), 1);
    await session.commit(commitOf(1, 2));
    assert.deepEqual(await arrived(bench), [1, 2, 3, 4]);
  },

  "P1: what a run that ended before its commit has written is taken again": async (bench) => {
    const first = await bench.fenced(1);
    await first.write(records(1, 2));
    await bench.close(first);
    const next = await bench.fenced(2);
    assert.equal(await next.write(records(1, 2, 3)), 3);
    await next.commit(commitOf(2, 1));
    assert.deepEqual(await arrived(bench), [1, 2, 3]);
  },

  "a commit before which nothing was written is no failure": async (bench) => {
    const session = await bench.fenced(1);
    await session.commit(commitOf(1, 1));
    assert.deepEqual(await arrived(bench), []);
  },

  "a backfill writes while a live run does": async (bench) => {
    const live = await bench.fenced(4);
    await live.write(records(1));
    const backfill = await bench.fenced(1, { scope: "backfill/1" });
    await backfill.write(records(2));
    await backfill.commit(commitOf(1, 1));
    await live.commit(commitOf(4, 1));
    assert.deepEqual(await arrived(bench), [1, 2]);
  },

  "more records than one request, page or buffer holds arrive": async (bench) => {
    const ids = Array.from({ length: 2_500 }, (_, at) => at);
    const session = await bench.fenced(1);
    for (let from = 0; from < ids.length; from += 500)
      await session.write(records(...ids.slice(from, from + 500)));
    await session.commit(commitOf(1, 1));
    assert.deepEqual(await arrived(bench), ids);
  },

  "where the run goes on, the records around a refused one arrive, and the refused one is told": async (
    bench,
  ) => {
    const { refused } = bench;
    if (refused === undefined) return;
    const refusals = new KeptRefusals();
    const session = await bench.fenced(1, { refusals });
    const taken = await session.write({
      records: [...records(1).records, refused(2), ...records(3).records],
    });
    const written = await settleAndCommit(session, refusals, commitOf(1, 1));
    assert.equal(written ?? taken, 2);
    assert.deepEqual(await arrived(bench), [1, 3]);
    const given = refusals.refused.map(({ record }) => record);
    assert.deepEqual(given, [refused(2)]);
  },

  "a record that cannot be taken fails the write or the commit, where the run does not go on": async (
    bench,
  ) => {
    const { refused } = bench;
    if (refused === undefined) return;
    const session = await bench.fenced(1);
    await assert.rejects(async () => {
      await session.write({ records: [...records(1).records, refused(2)] });
      await session.commit(commitOf(1, 1));
    });
  },
};
