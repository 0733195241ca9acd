import assert from "node:assert/strict";
import { type StateCases, stateCases } from "./harness.ts";
import { at, auditOf, begin, byHand, key, refused, runsOf, runTo, stateOf } from "./support.ts";

const backfill = { kind: "backfill" as const };

export const backfillCases: StateCases = stateCases("backfills", {
  "P11: a backfill leaves the live stream as it is, whatever it does": async ({ store }) => {
    await runTo(store, "2026-01-01T00:00:05Z");
    const live = await begin(store);
    const before = await stateOf(store);
    const run = await begin(store, backfill);
    assert.equal(run.kind, "backfill");
    assert.equal(run.epoch, 1);
    assert.equal(run.lowerBound?.value, "2026-01-01T00:00:05Z");
    assert.equal(run.position.watermark, null);
    assert.equal(run.supersededRunId, null);
    await store.checkpoint(run, { sequence: 1, position: at("2020-01-01T00:00:00Z"), recordsProcessed: 1 });
    await store.heartbeat(run);
    await store.checkpoint(run, { sequence: 2, position: at("2027-01-01T00:00:00Z"), recordsProcessed: 2 });
    await store.complete(run, { newCursor: "2028-01-01T00:00:00Z", recordsProcessed: 3 });
    await store.fail(await begin(store, backfill), { error: "x" });
    assert.deepEqual(await stateOf(store), before);
    assert.equal((await auditOf(store)).length, 1);
    await store.complete(live, { newCursor: "2026-01-01T00:00:06Z" });
  },

  "P11: a backfill of a stream that never began leaves it so": async ({ store }) => {
    const run = await begin(store, backfill);
    assert.equal(run.lowerBound, null);
    await store.complete(run, {});
    assert.equal(await store.get(key), null);
    assert.deepEqual((await store.list()).items, []);
    assert.equal((await runsOf(store)).length, 1);
    assert.equal((await begin(store)).epoch, 1);
  },

  "P10: a backfill that holds cursors keeps their type, also if the stream has another by now": async ({
    store,
  }) => {
    const resumable = { ...backfill, backfill: "b" };
    const run = await store.begin(key, { ...resumable, cursorType: "text" });
    await store.checkpoint(run, { sequence: 1, position: at("banana"), recordsProcessed: 1 });
    await store.fail(run, { error: "x" });
    await store.begin(key, { cursorType: "numeric_id" });
    await refused("CURSOR_TYPE_MISMATCH", store.begin(key, { ...resumable, cursorType: "numeric_id" }));
    await refused("CURSOR_TYPE_MISMATCH", store.begin(key, { ...resumable, cursorType: null }));
    const [kept] = await store.backfills(key);
    assert.equal(kept?.cursorType, "text");
    assert.equal((await store.begin(key, { ...resumable, cursorType: "text" })).position.watermark, "banana");
  },

  "backfills run beside a live run and beside one another": async ({ store }) => {
    const live = await begin(store);
    const one = await begin(store, { ...backfill, ifRunning: "refuse" });
    const two = await begin(store, { ...backfill, ifRunning: "refuse" });
    await refused("RUN_ACTIVE", begin(store, { ifRunning: "refuse" }));
    await store.checkpoint(one, { sequence: 1, position: at("2020-01-01T00:00:00Z"), recordsProcessed: 1 });
    await store.checkpoint(two, { sequence: 1, position: at("2021-01-01T00:00:00Z"), recordsProcessed: 1 });
    await store.checkpoint(live, { sequence: 1, position: at("2026-01-01T00:00:00Z"), recordsProcessed: 1 });
    for (const run of [two, live, one]) await store.complete(run, {});
    const rows = await runsOf(store);
    assert.deepEqual(
      rows.map(({ runId, kind, outcome, newCursor }) => ({ runId, kind, outcome, newCursor })),
      [
        { runId: two.runId, kind: "backfill", outcome: "completed", newCursor: "2021-01-01T00:00:00Z" },
        { runId: one.runId, kind: "backfill", outcome: "completed", newCursor: "2020-01-01T00:00:00Z" },
        { runId: live.runId, kind: "live", outcome: "completed", newCursor: "2026-01-01T00:00:00Z" },
      ],
    );
  },

  "a live run, a reset and a rewind leave a backfill going": async ({ store }) => {
    const earlier = await runTo(store, "2026-01-01T00:00:05Z");
    const run = await begin(store, backfill);
    await runTo(store, "2026-01-01T00:00:06Z");
    await store.rewind(key, { toRun: earlier.runId, ...byHand });
    await store.reset(key, { to: null, ...byHand });
    await store.checkpoint(run, { sequence: 1, position: at("2020-01-01T00:00:00Z"), recordsProcessed: 1 });
    await store.complete(run, {});
  },

  "a backfill's calls may be repeated, and not mixed with a live run's": async ({ store }) => {
    const run = await begin(store, { ...backfill, runId: "b1" });
    assert.deepEqual(await begin(store, { ...backfill, runId: "b1" }), run);
    await refused("STREAM_NOT_FOUND", store.heartbeat({ ...run, kind: "live" }));
    await store.complete(run, {});
    await store.complete(run, {});
    await refused("RUN_FINISHED", begin(store, { ...backfill, runId: "b1" }));
    assert.equal((await runsOf(store)).length, 1);
  },

  "a backfill is of the live stream's cursor type": async ({ store }) => {
    await runTo(store, "2026-01-01T00:00:05Z");
    await refused("CURSOR_TYPE_MISMATCH", begin(store, { ...backfill, cursorType: "numeric_id" }));
  },
});
