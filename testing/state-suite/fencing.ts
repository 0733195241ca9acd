import assert from "node:assert/strict";
import type { RunRef, StateStore } from "../../src/state/contract.ts";
import { type StateCases, stateCases } from "./harness.ts";
import { at, begin, byHand, key, refused, runsOf, runTo, stateOf, unchanged } from "./support.ts";

export const fencingCases: StateCases = stateCases("fencing", {
  "P4: nothing of a run that another took over is taken": async ({ store }) => {
    const old = await begin(store);
    await store.checkpoint(old, { sequence: 1, position: at("2026-01-01T00:00:01Z"), recordsProcessed: 1 });
    const next = await begin(store);
    await nothingOf(old, store);
    const error = await refused("RUN_SUPERSEDED", store.heartbeat(old));
    assert.equal(error.recoverable, false);
    assert.deepEqual(error.details, { run_id: old.runId, epoch: 1, current_epoch: 2 });
    await store.checkpoint(next, { sequence: 1, position: at("2026-01-01T00:00:02Z"), recordsProcessed: 1 });
    await nothingOf(old, store);
    await store.complete(next, { newCursor: "2026-01-01T00:00:03Z" });
    await nothingOf(old, store);
  },

  "P4: nothing of a run that has failed or completed is taken once another began": async ({ store }) => {
    const failed = await begin(store);
    await store.fail(failed, { error: "x" });
    const completed = await begin(store);
    await nothingOf(failed, store);
    await store.complete(completed, { newCursor: "2026-01-01T00:00:01Z" });
    await begin(store);
    await nothingOf(failed, store);
    await nothingOf(completed, store);
  },

  "P4: a reset, a rewind and an import each shut the running run out": async ({ store }) => {
    const earlier = await runTo(store, "2026-01-01T00:00:01Z");
    const exported = await store.export(key);
    const acts = [
      () => store.reset(key, { to: "2026-01-01T00:00:05Z", ...byHand }),
      () => store.rewind(key, { toRun: earlier.runId, ...byHand }),
      () => store.import(exported, byHand),
    ];
    for (const act of acts) {
      const run = await begin(store);
      const state = await act();
      assert.equal(state.epoch, run.epoch + 1);
      assert.equal(state.status, "idle");
      assert.equal(state.lease, null);
      assert.equal((await runsOf(store))[0]?.outcome, "superseded");
      await nothingOf(run, store);
    }
  },

  "P4: the epoch alone is not enough, nor the run id": async ({ store }) => {
    const run = await begin(store);
    await nothingOf({ ...run, runId: "forged" }, store);
    await nothingOf({ ...run, epoch: run.epoch + 1 }, store);
    await nothingOf({ ...run, epoch: run.epoch - 1 }, store);
    await store.complete(run, { newCursor: "2026-01-01T00:00:01Z" });
    await nothingOf({ ...run, runId: "forged" }, store);
  },

  "P4: of many runs that all believe to be the one, only the newest gets through": async ({ store }) => {
    const runs = [];
    for (let n = 0; n < 8; n++) runs.push(await begin(store));
    const outcomes = await Promise.allSettled(
      runs.map((run) => store.complete(run, { newCursor: `2026-01-01T00:00:0${run.epoch}Z` })),
    );
    assert.deepEqual(
      outcomes.map(({ status }) => status),
      [...Array.from({ length: 7 }, () => "rejected"), "fulfilled"],
    );
    assert.equal((await stateOf(store)).cursor?.value, "2026-01-01T00:00:08Z");
  },
});

/** Every call that a run can make is refused, and leaves everything as it is. */
async function nothingOf(run: RunRef, store: StateStore): Promise<void> {
  const position = at("2030-01-01T00:00:00Z");
  await unchanged(store, key, async () => {
    await refused("RUN_SUPERSEDED", store.heartbeat(run));
    for (const sequence of [1, 2]) {
      await refused("RUN_SUPERSEDED", store.checkpoint(run, { sequence, position, recordsProcessed: 9 }));
    }
    await refused("RUN_SUPERSEDED", store.complete(run, { newCursor: "2030-01-01T00:00:00Z" }));
    await refused("RUN_SUPERSEDED", store.complete(run, { position }));
    await refused("RUN_SUPERSEDED", store.complete(run, {}));
    await refused("RUN_SUPERSEDED", store.fail(run, { error: "too late" }));
  });
}
