import assert from "node:assert/strict";
import { type StateCases, stateCases } from "./harness.ts";
import { at, auditOf, begin, byHand, key, refused, runsOf, runTo, stateOf, unchanged } from "./support.ts";

/** A call whose answer was lost is made again; it must have no further effect. */
export const repeatCases: StateCases = stateCases("repeated calls", {
  "begin with the running run's id grants the same run again": async ({ store }) => {
    const options = { runId: "r1", leaseSeconds: 30, actor: "ada" };
    const first = await begin(store, options);
    await unchanged(store, key, async () => {
      assert.deepEqual(await begin(store, options), first);
      assert.deepEqual(await begin(store, { ...options, ifRunning: "refuse" }), first);
    });
  },

  "begin with the id of a run that is over takes the stream from nobody": async ({ store }) => {
    const completed = await begin(store, { runId: "completed" });
    await store.complete(completed, { newCursor: "2026-01-01T00:00:01Z" });
    await unchanged(store, key, () => refused("RUN_FINISHED", begin(store, { runId: "completed" })));
    await store.fail(await begin(store, { runId: "failed" }), { error: "x" });
    await begin(store, { runId: "superseded" });
    await begin(store, { runId: "running" });
    await unchanged(store, key, async () => {
      await refused("RUN_FINISHED", begin(store, { runId: "completed" }));
      await refused("RUN_FINISHED", begin(store, { runId: "failed" }));
      await refused("RUN_SUPERSEDED", begin(store, { runId: "superseded" }));
    });
    await store.reset(key, { to: null, ...byHand });
    await unchanged(store, key, () => refused("RUN_SUPERSEDED", begin(store, { runId: "running" })));
  },

  "a run id is a stream's own": async ({ store }) => {
    await begin(store, { runId: "r1" });
    const other = await begin(store, { runId: "r1" }, { connector: "sap_eu", stream: "invoices" });
    assert.equal(other.epoch, 1);
  },

  "a checkpoint of the same sequence": async ({ store }) => {
    const run = await begin(store);
    const checkpoint = { sequence: 1, position: at("2026-01-01T00:00:01Z"), recordsProcessed: 10 };
    await store.checkpoint(run, checkpoint);
    await unchanged(store, key, () => store.checkpoint(run, checkpoint));
    await store.checkpoint(run, { ...checkpoint, sequence: 2 });
    await unchanged(store, key, () => store.checkpoint(run, { ...checkpoint, sequence: 2 }));
  },

  "a checkpoint that does not follow the last one is refused": async ({ store }) => {
    const run = await begin(store);
    const checkpoint = { sequence: 1, position: at("2026-01-01T00:00:01Z"), recordsProcessed: 10 };
    await refused("CHECKPOINT_OUT_OF_ORDER", store.checkpoint(run, { ...checkpoint, sequence: 2 }));
    for (const sequence of [1, 2, 3]) await store.checkpoint(run, { ...checkpoint, sequence });
    await unchanged(store, key, async () => {
      for (const sequence of [1, 2, 5, 100]) {
        const error = await refused(
          "CHECKPOINT_OUT_OF_ORDER",
          store.checkpoint(run, { ...checkpoint, sequence }),
        );
        assert.deepEqual(error.details, { sequence, last_sequence: 3 });
      }
    });
  },

  "complete, with and without checkpoints before": async ({ store }) => {
    const first = await begin(store);
    const completion = { newCursor: "2026-01-01T00:00:01Z", recordsProcessed: 3, metadata: { a: 1 } };
    const done = await store.complete(first, completion);
    await unchanged(store, key, async () => assert.deepEqual(await store.complete(first, completion), done));
    const second = await begin(store);
    await store.checkpoint(second, {
      sequence: 1,
      position: at("2026-01-01T00:00:02Z"),
      recordsProcessed: 1,
    });
    const position = at("2026-01-01T00:00:03Z");
    const doneAgain = await store.complete(second, { position });
    await unchanged(store, key, async () =>
      assert.deepEqual(await store.complete(second, { position }), doneAgain),
    );
    assert.equal((await runsOf(store)).length, 2);
    assert.equal((await auditOf(store)).length, 3);
  },

  "complete with another cursor is refused, with the same in another form it is not": async ({ store }) => {
    await runTo(store, "2026-01-01T00:00:01Z");
    const run = await begin(store);
    const done = await store.complete(run, { newCursor: "2026-01-01T00:00:05Z" });
    await unchanged(store, key, async () => {
      for (const newCursor of ["2026-01-01T00:00:04Z", "2026-01-01T00:00:09Z"]) {
        const error = await refused("RUN_FINISHED", store.complete(run, { newCursor }));
        assert.deepEqual(error.details, { committed_cursor: done.cursor?.value, new_cursor: newCursor });
        await refused("RUN_FINISHED", store.complete(run, { position: at(newCursor) }));
      }
      assert.deepEqual(await store.complete(run, { newCursor: "2026-01-01T01:00:05+01:00" }), done);
      assert.deepEqual(await store.complete(run, { position: at("2026-01-01T00:00:05Z") }), done);
      assert.deepEqual(await store.complete(run, {}), done);
    });
    const kept = await begin(store);
    await store.complete(kept, {});
    await unchanged(store, key, () =>
      refused("RUN_FINISHED", store.complete(kept, { newCursor: "2026-01-01T00:00:09Z" })),
    );
    const tokens = { ...key, stream: "tokens" };
    const token = await begin(store, { cursorType: "opaque_token" }, tokens);
    await store.complete(token, { newCursor: "b" });
    await unchanged(store, tokens, () => refused("RUN_FINISHED", store.complete(token, { newCursor: "a" })));
    const nothing = await begin(store, {}, { ...key, stream: "nothing" });
    await store.complete(nothing, {});
    await refused("RUN_FINISHED", store.complete(nothing, { newCursor: "2026-01-01T00:00:01Z" }));
    const backfill = await begin(store, { kind: "backfill" });
    await store.complete(backfill, { newCursor: "2020-01-01T00:00:00Z" });
    await unchanged(store, key, async () => {
      await store.complete(backfill, { newCursor: "2020-01-01T00:00:00Z" });
      await refused("RUN_FINISHED", store.complete(backfill, { newCursor: "2021-01-01T00:00:00Z" }));
    });
  },

  fail: async ({ store }) => {
    const run = await begin(store);
    const failed = await store.fail(run, { error: "first", recordsProcessed: 3 });
    await unchanged(store, key, async () => {
      assert.deepEqual(await store.fail(run, { error: "first", recordsProcessed: 3 }), failed);
    });
  },

  heartbeat: async ({ store }) => {
    const run = await begin(store);
    await store.heartbeat(run);
    await store.heartbeat(run);
    assert.equal((await stateOf(store)).status, "running");
    assert.equal((await runsOf(store)).length, 1);
  },

  "a run that has ended one way cannot end in another or go on": async ({ store }) => {
    const checkpoint = { sequence: 1, position: at("2026-01-01T00:00:09Z"), recordsProcessed: 1 };
    const completed = await begin(store);
    await store.complete(completed, { newCursor: "2026-01-01T00:00:01Z" });
    await unchanged(store, key, async () => {
      await refused("RUN_FINISHED", store.fail(completed, { error: "x" }));
      await refused("RUN_FINISHED", store.heartbeat(completed));
      await refused("RUN_FINISHED", store.checkpoint(completed, { ...checkpoint, sequence: 2 }));
    });
    const failed = await begin(store);
    await store.fail(failed, { error: "x" });
    await unchanged(store, key, async () => {
      await refused("RUN_FINISHED", store.complete(failed, { newCursor: "2026-01-01T00:00:09Z" }));
      await refused("RUN_FINISHED", store.heartbeat(failed));
      await refused("RUN_FINISHED", store.checkpoint(failed, checkpoint));
    });
  },
});
