import assert from "node:assert/strict";
import { type StateCases, stateCases } from "./harness.ts";
import { withOtherProcess } from "./other-process.ts";
import { at, auditOf, begin, key, refused, runTo, stateOf, unchanged, withoutHash } from "./support.ts";

const byAda = { actor: "ada", reason: "the source is down" };
const none = { stop: null };

export const stopCases: StateCases = stateCases("stops", {
  "P12: a run learns from its next heartbeat and checkpoint who asked it to stop, and the log says so":
    async ({ store }) => {
      await runTo(store, "2026-01-01T00:00:01Z");
      const run = await begin(store);
      assert.deepEqual(await store.heartbeat(run), none);
      const made = { sequence: 1, position: at("2026-01-01T00:00:02Z"), recordsProcessed: 1 };
      assert.deepEqual(await store.checkpoint(run, made), none);
      const stopped = await store.stop(key, byAda);
      assert.deepEqual(stopped, { runId: run.runId, owner: null });
      assert.deepEqual(await store.heartbeat(run), { stop: byAda });
      const second = { ...made, sequence: 2, position: at("2026-01-01T00:00:03Z") };
      assert.deepEqual(await store.checkpoint(run, second), { stop: byAda });
      assert.deepEqual((await stateOf(store)).stopRequested, byAda);
      const rows = (await auditOf(store)).map(withoutHash);
      const watermark = "2026-01-01T00:00:02Z";
      assert.deepEqual(rows[2], {
        number: 3,
        partition: null,
        actor: "ada",
        action: "stop",
        oldCursor: watermark,
        newCursor: watermark,
        reason: "the source is down",
        runId: run.runId,
      });
      assert.equal(rows[3]?.newCursor, "2026-01-01T00:00:03Z");
      assert.deepEqual(await store.verifyAudit(), { streams: 1, rows: 4 });
    },

  "P12: a checkpoint that comes right after a request by another process is chained to it": async (
    harness,
  ) => {
    const { store } = harness;
    await using other = await harness.reopen();
    const run = await begin(store);
    for (let sequence = 1; sequence <= 3; sequence++) {
      const position = at(`2026-01-01T00:00:0${sequence}Z`);
      const { stop } = await store.checkpoint(run, { sequence, position, recordsProcessed: sequence });
      assert.deepEqual(stop, sequence === 1 ? null : byAda);
      if (sequence === 1) await other.stop(key, byAda);
    }
    await store.complete(run, { newCursor: "2026-01-01T00:00:04Z" });
    assert.deepEqual(await store.verifyAudit(), { streams: 1, rows: 5 });
  },

  "the end of a run may come before it learns that it was to stop": async ({ store }) => {
    const run = await begin(store);
    await store.stop(key, byAda);
    const done = await store.complete(run, { newCursor: "2026-01-01T00:00:01Z" });
    assert.equal(done.stopRequested, null);
    assert.deepEqual(await store.verifyAudit(), { streams: 1, rows: 2 });
  },

  "asking twice adds nothing, and the first request stays": async ({ store }) => {
    const run = await begin(store);
    await store.stop(key, byAda);
    const again = await store.stop(key, { actor: "bob" });
    assert.equal(again.runId, run.runId);
    assert.deepEqual(await store.heartbeat(run), { stop: byAda });
    assert.equal((await auditOf(store)).length, 1);
  },

  "a request needs no reason": async ({ store }) => {
    const run = await begin(store);
    await store.stop(key, { actor: "ada" });
    assert.deepEqual(await store.heartbeat(run), { stop: { actor: "ada", reason: null } });
    await refused("ARGUMENT_INVALID", store.stop(key, { actor: " " }));
    await refused("ARGUMENT_INVALID", store.stop(key, { actor: "ada", reason: "" }));
  },

  "the run after one that was stopped is not stopped": async ({ store }) => {
    const run = await begin(store);
    await store.stop(key, byAda);
    const failed = await store.fail(run, { error: "RUN_STOPPED: x" });
    assert.equal(failed.stopRequested, null);
    const next = await begin(store);
    assert.deepEqual(await store.heartbeat(next), none);
    await store.stop(key, { actor: "bob" });
    assert.deepEqual(await store.heartbeat(next), { stop: { actor: "bob", reason: null } });
    const taking = await begin(store);
    assert.deepEqual(await store.heartbeat(taking), none);
    await refused("RUN_SUPERSEDED", store.heartbeat(next));
  },

  "P11: a backfill is stopped by its id, and the live run goes on": async ({ store }) => {
    await runTo(store, "2026-01-01T00:00:01Z");
    const live = await begin(store);
    const backfill = await begin(store, { kind: "backfill", runId: "back" });
    const stopped = await store.stop(key, { ...byAda, backfill: "back" });
    assert.equal(stopped.runId, "back");
    assert.deepEqual(await store.heartbeat(backfill), { stop: byAda });
    const made = { sequence: 1, position: at(null), recordsProcessed: 1 };
    assert.deepEqual(await store.checkpoint(backfill, made), { stop: byAda });
    assert.deepEqual(await store.heartbeat(live), none);
    await store.stop(key, { actor: "bob" });
    assert.deepEqual(await store.heartbeat(live), { stop: { actor: "bob", reason: null } });
    assert.deepEqual(await store.heartbeat(backfill), { stop: byAda });
    await store.fail(backfill, { error: "RUN_STOPPED: x" });
    const next = await begin(store, { kind: "backfill", backfill: "back" });
    assert.deepEqual(await store.heartbeat(next), none);
    await store.stop(key, { actor: "eve", backfill: "back" });
    assert.deepEqual(await store.heartbeat(next), { stop: { actor: "eve", reason: null } });
    await store.complete(live, { newCursor: "2026-01-01T00:00:02Z" });
    const runIds = (await auditOf(store)).map(({ action, runId }) => (action === "stop" ? runId : action));
    assert.deepEqual(runIds, ["advance", "back", live.runId, next.runId, "advance"]);
    assert.deepEqual(await store.verifyAudit(), { streams: 1, rows: 5 });
  },

  "a backfill of a stream that was never run live can be stopped": async ({ store }) => {
    const backfill = await begin(store, { kind: "backfill", runId: "back" });
    const { hint } = await refused("RUN_FINISHED", store.stop(key, byAda));
    assert.match(hint, /--backfill back/);
    await store.stop(key, { ...byAda, backfill: "back" });
    assert.deepEqual(await store.heartbeat(backfill), { stop: byAda });
    assert.deepEqual(await store.verifyAudit(), { streams: 1, rows: 1 });
    const live = await begin(store, { ifRunning: "refuse" });
    assert.equal(live.lowerBound, null);
    assert.deepEqual(await store.heartbeat(live), none);
  },

  "where nothing is at work, there is nothing to stop": async (harness) => {
    const { store } = harness;
    await refused("STREAM_NOT_FOUND", store.stop(key, byAda));
    await refused("RUN_NOT_FOUND", store.stop(key, { ...byAda, backfill: "back" }));
    await runTo(store, "2026-01-01T00:00:01Z");
    await unchanged(store, key, async () => {
      const error = await refused("RUN_FINISHED", store.stop(key, byAda));
      assert.equal(error.message, "no run of sap_eu/suppliers is at work");
    });
    const backfill = await begin(store, { kind: "backfill", runId: "back" });
    await store.complete(backfill, {});
    await refused("RUN_FINISHED", store.stop(key, { ...byAda, backfill: "back" }));
    const late = await begin(store);
    await harness.expireLease(late);
    await refused("RUN_FINISHED", store.stop(key, byAda));
    assert.deepEqual(await store.heartbeat(late), none);
  },

  "a run whose process was killed is not at work": async ({ store }) => {
    await withOtherProcess(async (other) => {
      const run = await begin(store, { owner: other.owner });
      assert.deepEqual(await store.stop(key, byAda), { runId: run.runId, owner: other.owner });
      const next = await begin(store, { owner: other.owner });
      await other.kill();
      await refused("RUN_FINISHED", store.stop(key, byAda));
      assert.deepEqual(await store.heartbeat(next), none);
    });
  },

  "P12: a request to stop leaves what the log has of the partitions": async ({ store }) => {
    const run = await begin(store);
    const partitions = [{ partition: "a", position: at("2026-01-01T00:00:01Z") }];
    await store.checkpoint(run, { sequence: 1, position: at(null), recordsProcessed: 1, partitions });
    await store.stop(key, byAda);
    const moved = [{ partition: "a", position: at("2026-01-01T00:00:02Z") }];
    const made = { sequence: 2, position: at(null), recordsProcessed: 2, partitions: moved };
    assert.deepEqual(await store.checkpoint(run, made), { stop: byAda });
    assert.deepEqual(await store.verifyAudit(), { streams: 1, rows: 3 });
    assert.equal((await store.partition(key, "a"))?.position.watermark, "2026-01-01T00:00:02Z");
  },
});
