import assert from "node:assert/strict";
import { type StateCases, stateCases } from "./harness.ts";
import { auditOf, begin, byHand, key, refused, runsOf, runTo, stateOf } from "./support.ts";

const value = (n: number): string => `2026-01-01T00:00:${String(n).padStart(2, "0")}Z`;

export const retentionCases: StateCases = stateCases("retention", {
  "the newest ended runs of each stream stay, and so does one that is running": async ({ store }) => {
    const other = { ...key, stream: "invoices" };
    const kept: string[] = [];
    for (let n = 1; n <= 6; n++) {
      const run = await runTo(store, value(n));
      if (n > 4) kept.unshift(run.runId);
    }
    for (let n = 1; n <= 3; n++) await runTo(store, value(n), "timestamp_utc", other);
    const running = await begin(store);
    assert.deepEqual(await store.prune({ keepRuns: 2 }), { runs: 5 });
    assert.deepEqual(
      (await runsOf(store)).map(({ runId }) => runId),
      [running.runId, ...kept],
    );
    assert.equal((await runsOf(store, other)).length, 2);
    assert.deepEqual(await store.prune({ keepRuns: 2 }), { runs: 0 });
    await store.complete(running, { newCursor: value(9) });
    assert.deepEqual(await store.prune({ keepRuns: 0 }), { runs: 5 });
    assert.deepEqual(await runsOf(store), []);
    assert.equal((await stateOf(store)).cursor?.value, value(9));
  },

  "a backfill that is still running stays, however many runs ended since": async ({ store }) => {
    const backfill = await begin(store, { kind: "backfill" });
    for (let n = 1; n <= 3; n++) await runTo(store, value(n));
    assert.deepEqual(await store.prune({ keepRuns: 0, maxAgeDays: 0 }), { runs: 3 });
    assert.deepEqual(
      (await runsOf(store)).map(({ runId, outcome }) => [runId, outcome]),
      [[backfill.runId, "running"]],
    );
    await store.complete(backfill, {});
    assert.equal((await runsOf(store))[0]?.outcome, "completed");
  },

  "P12: the audit log stays whole, and goes on": async ({ store }) => {
    for (let n = 1; n <= 5; n++) await runTo(store, value(n));
    const before = await auditOf(store);
    await store.prune({ keepRuns: 1 });
    assert.deepEqual(await auditOf(store), before);
    await runTo(store, value(6));
    await store.reset(key, { to: value(1), ...byHand });
    assert.deepEqual(await store.verifyAudit(), { streams: 1, rows: 7 });
  },

  "one stream may be tidied up by itself, its backfills' runs too": async ({ store }) => {
    const other = { ...key, stream: "invoices" };
    for (const each of [key, other]) {
      for (let n = 1; n <= 3; n++) await runTo(store, value(n), "timestamp_utc", each);
    }
    const backfill = await begin(store, { kind: "backfill" });
    await store.fail(backfill, { error: "x" });
    assert.deepEqual(await store.prune({ keepRuns: 1, key }), { runs: 3 });
    assert.deepEqual(
      (await runsOf(store)).map(({ kind }) => kind),
      ["backfill"],
    );
    assert.equal((await runsOf(store, other)).length, 3);
    const next = await begin(store, { kind: "backfill", backfill: backfill.runId });
    assert.equal(next.epoch, 2);
    assert.deepEqual(await store.prune({ keepRuns: 0, key: { ...key, stream: "nobody" } }), { runs: 0 });
  },

  "a run that is deleted cannot be rewound to; one that is kept can": async ({ store }) => {
    const [first, , third] = [
      await runTo(store, value(1)),
      await runTo(store, value(2)),
      await runTo(store, value(3)),
    ];
    await runTo(store, value(4));
    await store.prune({ keepRuns: 2 });
    await refused("RUN_NOT_FOUND", store.rewind(key, { toRun: first.runId, ...byHand }));
    assert.equal((await store.rewind(key, { toRun: third.runId, ...byHand })).cursor?.value, value(3));
  },

  "runs that ended lately are no older than a day": async ({ store }) => {
    for (let n = 1; n <= 3; n++) await runTo(store, value(n));
    assert.deepEqual(await store.prune({ maxAgeDays: 1 }), { runs: 0 });
    assert.deepEqual(await store.prune({ maxAgeDays: 1, keepRuns: 2 }), { runs: 1 });
  },

  "what to keep has to be said": async ({ store }) => {
    await runTo(store, value(1));
    await refused("ARGUMENT_INVALID", store.prune({}));
    await refused("ARGUMENT_INVALID", store.prune({ key }));
    for (const wrong of [-1, 1.5, Number.NaN]) {
      await refused("ARGUMENT_INVALID", store.prune({ keepRuns: wrong }));
    }
    for (const wrong of [-1, Number.NaN, Number.POSITIVE_INFINITY, 1e300, 36_500.5]) {
      await refused("ARGUMENT_INVALID", store.prune({ maxAgeDays: wrong }));
    }
    assert.deepEqual(await store.prune({ maxAgeDays: 36_500 }), { runs: 0 });
    assert.equal((await runsOf(store)).length, 1);
  },
});
