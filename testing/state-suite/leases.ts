import assert from "node:assert/strict";
import { type LeaseOwner, processOwner } from "../../src/state/owner.ts";
import { type StateCases, stateCases } from "./harness.ts";
import { withOtherProcess } from "./other-process.ts";
import { at, begin, key, refused, runsOf, runTo, stateOf, unchanged } from "./support.ts";

export const leaseCases: StateCases = stateCases("leases", {
  "refuse tells which run holds the stream, since when and until when": async ({ store }) => {
    const held = await begin(store, { leaseSeconds: 30 });
    const { lease } = await stateOf(store);
    await unchanged(store, key, async () => {
      const error = await refused("RUN_ACTIVE", begin(store, { ifRunning: "refuse" }));
      assert.equal(error.recoverable, true);
      assert.equal(error.stream, "sap_eu/suppliers");
      const { at_utc, ...details } = error.details ?? {};
      assert.deepEqual(details, {
        run_id: held.runId,
        started_at_utc: held.startedAtUtc,
        lease_expires_at_utc: lease?.expiresAtUtc,
      });
      assert.ok(String(at_utc) >= held.startedAtUtc && String(at_utc) < (lease?.expiresAtUtc ?? ""));
    });
    await store.complete(held, { newCursor: "2026-01-01T00:00:01Z" });
  },

  "refuse grants a stream that is new, that has completed and that has failed": async ({ store }) => {
    const first = await begin(store, { ifRunning: "refuse" });
    await store.complete(first, { newCursor: "2026-01-01T00:00:01Z" });
    const second = await begin(store, { ifRunning: "refuse" });
    assert.equal(second.epoch, 2);
    assert.equal(second.supersededRunId, null);
    await store.fail(second, { error: "x" });
    assert.equal((await begin(store, { ifRunning: "refuse" })).epoch, 3);
  },

  "override takes a held stream over, and the run that held it is superseded in the history": async ({
    store,
  }) => {
    const held = await begin(store);
    await store.checkpoint(held, { sequence: 1, position: at("2026-01-01T00:00:01Z"), recordsProcessed: 4 });
    const next = await begin(store, { ifRunning: "override" });
    assert.equal(next.supersededRunId, held.runId);
    assert.equal(next.epoch, 2);
    assert.equal(next.lowerBound?.value, "2026-01-01T00:00:01Z");
    const [running, superseded] = await runsOf(store);
    assert.equal(running?.outcome, "running");
    assert.equal(superseded?.outcome, "superseded");
    assert.equal(superseded?.recordsProcessed, 4);
    assert.equal(superseded?.checkpoints, 1);
    assert.equal(superseded?.newCursor, "2026-01-01T00:00:01Z");
    assert.notEqual(superseded?.endedAtUtc, null);
  },

  "a lease that ran out is free, also to one that refuses": async (harness) => {
    const { store } = harness;
    const held = await begin(store);
    await refused("RUN_ACTIVE", begin(store, { ifRunning: "refuse" }));
    await harness.expireLease(held);
    const next = await begin(store, { ifRunning: "refuse" });
    assert.equal(next.supersededRunId, held.runId);
    await refused("RUN_SUPERSEDED", store.heartbeat(held));
  },

  "a run whose lease ran out and that nobody took over goes on": async (harness) => {
    const { store } = harness;
    const run = await begin(store);
    await harness.expireLease(run);
    await store.checkpoint(run, { sequence: 1, position: at("2026-01-01T00:00:01Z"), recordsProcessed: 1 });
    await harness.expireLease(run);
    const done = await store.complete(run, { newCursor: "2026-01-01T00:00:02Z" });
    assert.equal(done.cursor?.value, "2026-01-01T00:00:02Z");
  },

  "a heartbeat renews the lease": async (harness) => {
    const { store } = harness;
    const run = await begin(store);
    await harness.expireLease(run);
    await store.heartbeat(run);
    await refused("RUN_ACTIVE", begin(store, { ifRunning: "refuse" }));
  },

  "a checkpoint renews the lease": async (harness) => {
    const { store } = harness;
    const run = await begin(store);
    await harness.expireLease(run);
    await store.checkpoint(run, { sequence: 1, position: at("2026-01-01T00:00:01Z"), recordsProcessed: 1 });
    await refused("RUN_ACTIVE", begin(store, { ifRunning: "refuse" }));
  },

  "the lease tells its owner, and ends with the run": async ({ store }) => {
    const owner = processOwner();
    const run = await begin(store, { owner, leaseSeconds: 45 });
    const { lease } = await stateOf(store);
    assert.equal(lease?.seconds, 45);
    assert.deepEqual(lease?.owner, owner);
    await store.fail(run, { error: "x" });
    assert.equal((await stateOf(store)).lease, null);
    await begin(store);
    assert.equal((await stateOf(store)).lease?.owner, null);
  },

  "the lease of a process that lives is held": async ({ store }) => {
    await withOtherProcess(async (other) => {
      await begin(store, { owner: other.owner });
      await refused("RUN_ACTIVE", begin(store, { ifRunning: "refuse", owner: processOwner() }));
    });
  },

  "the lease of a process that was killed is free at once": async ({ store }) => {
    await withOtherProcess(async (other) => {
      const held = await begin(store, { owner: other.owner });
      await other.kill();
      const next = await begin(store, { ifRunning: "refuse", owner: processOwner() });
      assert.equal(next.supersededRunId, held.runId);
    });
  },

  "the lease of another process under the same number is free at once": async ({ store }) => {
    await withOtherProcess(async (other) => {
      await begin(store, { owner: { ...other.owner, startedAt: "1" } });
      assert.equal((await begin(store, { ifRunning: "refuse" })).epoch, 2);
    });
  },

  "the lease of a process elsewhere is held until it runs out, whether that lives or not": async (
    harness,
  ) => {
    const { store } = harness;
    await withOtherProcess(async (other) => {
      await other.kill();
      const elsewhere: LeaseOwner = { ...other.owner, host: "another machine" };
      const held = await begin(store, { owner: elsewhere });
      await refused("RUN_ACTIVE", begin(store, { ifRunning: "refuse" }));
      await harness.expireLease(held);
      await begin(store, { ifRunning: "refuse" });
    });
  },

  "the lease of this very process is held": async ({ store }) => {
    await runTo(store, "2026-01-01T00:00:01Z");
    await begin(store, { owner: processOwner() });
    await refused("RUN_ACTIVE", begin(store, { ifRunning: "refuse", owner: processOwner() }));
  },
});
