import assert from "node:assert/strict";
import type { CursorRange } from "../../src/model/position.ts";
import { type StateCases, stateCases } from "./harness.ts";
import { at, begin, byHand, key, refused, runTo, stateOf } from "./support.ts";

const backfill = { kind: "backfill" as const };
const day = (n: number): string => `2026-01-${String(n).padStart(2, "0")}T00:00:00Z`;
const days = (from: number | null, to: number): CursorRange => ({
  lower: from === null ? null : day(from),
  upper: day(to),
});
const over = (from: number, to: number) => ({
  lower: day(from),
  upper: day(to),
  order: "unordered" as const,
  highest: null,
  resume: null,
});

/** A backfill that covers these days whole, and is done. */
async function backfilled(
  store: Parameters<typeof begin>[0],
  coverage: readonly CursorRange[],
  partition?: string,
): Promise<void> {
  const run = await begin(store, backfill);
  const position = at(null, { coverage: [...coverage] });
  await store.complete(
    run,
    partition === undefined ? { position } : { position: at(null), partitions: [{ partition, position }] },
  );
}

export const coverageCases: StateCases = stateCases("coverage and resumed backfills", {
  "nothing is covered of what is not known": async ({ store }) => {
    assert.deepEqual(await store.coverage(key), []);
    assert.deepEqual(await store.backfills(key), []);
    await begin(store);
    assert.deepEqual(await store.coverage(key), []);
    assert.deepEqual(await store.coverage(key, { partition: "a" }), []);
  },

  "coverage is what live runs and finished backfills covered, merged and in order": async ({ store }) => {
    const live = await begin(store);
    await store.complete(live, { position: at(day(20), { coverage: [days(10, 12), days(15, 20)] }) });
    assert.deepEqual(await store.coverage(key), [days(10, 12), days(15, 20)]);
    await backfilled(store, [days(1, 3)]);
    await backfilled(store, [days(12, 14), days(3, 5)]);
    assert.deepEqual(await store.coverage(key), [days(1, 5), days(10, 14), days(15, 20)]);
    await backfilled(store, [days(null, 30)]);
    assert.deepEqual(await store.coverage(key), [days(null, 30)]);
  },

  "P11: a backfill leaves the live position's coverage alone, and a live run that of backfills": async ({
    store,
  }) => {
    const live = await begin(store);
    await store.checkpoint(live, {
      sequence: 1,
      position: at(day(20), { coverage: [days(10, 20)] }),
      recordsProcessed: 1,
    });
    const before = await stateOf(store);
    await backfilled(store, [days(1, 10)]);
    assert.deepEqual(await stateOf(store), before);
    await store.complete(live, { position: at(day(21), { coverage: [days(20, 21)] }) });
    assert.deepEqual((await stateOf(store)).position.coverage, [days(20, 21)]);
    assert.deepEqual(await store.coverage(key), [days(1, 10), days(20, 21)]);
    await store.complete(await begin(store), { newCursor: day(21), partitions: [] });
    await store.complete(await begin(store), { position: at(day(22)) });
    assert.deepEqual(await store.coverage(key), [days(1, 10)]);
  },

  "a backfill's coverage counts when it is done, and not before": async ({ store }) => {
    const run = await begin(store, backfill);
    const position = at(null, { window: over(1, 9), coverage: [days(1, 5)] });
    await store.checkpoint(run, { sequence: 1, position, recordsProcessed: 1 });
    assert.deepEqual(await store.coverage(key), []);
    await store.fail(run, { error: "x" });
    assert.deepEqual(await store.coverage(key), []);
    const next = await begin(store, { ...backfill, backfill: run.runId });
    await store.complete(next, {});
    assert.deepEqual(await store.coverage(key), [days(1, 5)]);
    assert.equal(await store.get(key), null);
  },

  "P11: partitions of a backfill are its own; their coverage counts as they move": async ({ store }) => {
    const live = await begin(store);
    await store.complete(live, {
      partitions: [{ partition: "a", position: at(day(20), { coverage: [days(10, 20)] }) }],
    });
    const before = await store.partition(key, "a");
    const run = await begin(store, backfill);
    const id = { backfill: run.runId };
    const checkpoint = (sequence: number, coverage: CursorRange[]) =>
      store.checkpoint(run, {
        sequence,
        position: at(null),
        recordsProcessed: sequence,
        partitions: [{ partition: "a", position: at(null, { window: over(1, 9), coverage }) }],
      });
    await checkpoint(1, [days(1, 3)]);
    assert.deepEqual(await store.coverage(key, { partition: "a" }), [days(1, 3), days(10, 20)]);
    await checkpoint(2, [days(1, 5)]);
    assert.deepEqual(await store.coverage(key, { partition: "a" }), [days(1, 5), days(10, 20)]);
    assert.deepEqual((await store.partition(key, "a", id))?.positionTag, { epoch: 1, sequence: 2 });
    await store.complete(run, {
      partitions: [
        { partition: "a", position: at(null, { coverage: [days(1, 9)] }) },
        { partition: "b", position: at(null, { coverage: [days(1, 9)] }) },
      ],
    });
    assert.deepEqual(await store.partition(key, "a"), before);
    assert.equal(await store.partition(key, "b"), null);
    assert.equal(await store.partition(key, "a", { backfill: "another" }), null);
    assert.deepEqual((await store.partition(key, "b", id))?.position.coverage, [days(1, 9)]);
    assert.deepEqual(await store.coverage(key, { partition: "a" }), [days(1, 9), days(10, 20)]);
    assert.deepEqual(await store.coverage(key, { partition: "b" }), [days(1, 9)]);
    assert.deepEqual(await store.coverage(key), []);
    assert.deepEqual(
      (await store.partitions(key)).items.map(({ partition }) => partition),
      ["a"],
    );
    assert.equal((await store.audit({ key })).items.length, 1);
  },

  "a backfill's partition may not go back, and a correction may take it anywhere": async ({ store }) => {
    const run = await begin(store, backfill);
    const to = (sequence: number, watermark: string, correction?: string) =>
      store.checkpoint(run, {
        sequence,
        position: at(null),
        recordsProcessed: 1,
        partitions: [{ partition: "a", position: at(watermark) }],
        ...(correction === undefined ? {} : { correction }),
      });
    await to(1, day(5));
    await refused("CURSOR_REGRESSION", to(2, day(4)));
    await to(2, day(3), "not ascending");
    assert.deepEqual((await store.audit({ key })).items, []);
  },

  "starting a stream over forgets what backfills covered; putting it somewhere does not": async ({
    store,
  }) => {
    await runTo(store, day(20));
    await backfilled(store, [days(1, 3)]);
    await backfilled(store, [days(1, 3)], "a");
    await store.reset(key, { to: day(10), ...byHand });
    assert.deepEqual(await store.coverage(key), [days(1, 3)]);
    assert.deepEqual(await store.coverage(key, { partition: "a" }), [days(1, 3)]);
    await store.reset(key, { to: null, partition: "a", ...byHand });
    assert.deepEqual(await store.coverage(key, { partition: "a" }), []);
    await backfilled(store, [days(1, 3)], "b");
    await store.reset(key, { to: null, ...byHand });
    assert.deepEqual(await store.coverage(key), []);
    assert.deepEqual(await store.coverage(key, { partition: "b" }), []);
    await backfilled(store, [days(4, 5)]);
    await backfilled(store, [days(4, 5)], "b");
    assert.deepEqual(await store.coverage(key), [days(4, 5)]);
    assert.deepEqual(await store.coverage(key, { partition: "b" }), [days(4, 5)]);
    await store.reset(key, { to: "17", cursorType: "numeric_id", ...byHand });
    assert.deepEqual(await store.coverage(key), []);
  },

  "backfills that complete at once lose nothing of each other": async ({ store }) => {
    await begin(store);
    const runs = [];
    for (let n = 1; n <= 8; n++) runs.push(await begin(store, backfill));
    await Promise.all(
      runs.map((run, index) =>
        store.complete(run, { position: at(null, { coverage: [days(index * 2 + 1, index * 2 + 2)] }) }),
      ),
    );
    assert.deepEqual(
      await store.coverage(key),
      runs.map((_, index) => days(index * 2 + 1, index * 2 + 2)),
    );
  },

  "a failed backfill goes on under a new run, from its last checkpoint": async ({ store }) => {
    await runTo(store, day(20));
    const first = await begin(store, backfill);
    assert.equal(first.backfill, first.runId);
    const position = at(null, { window: over(1, 9), coverage: [days(1, 5)] });
    await store.checkpoint(first, { sequence: 1, position, recordsProcessed: 7 });
    await store.fail(first, { error: "out of luck" });
    const next = await begin(store, { ...backfill, backfill: first.runId, runId: "again" });
    assert.equal(next.epoch, 2);
    assert.equal(next.backfill, first.runId);
    assert.equal(next.runId, "again");
    assert.deepEqual(next.position, position);
    assert.deepEqual(next.positionTag, { epoch: 1, sequence: 1 });
    assert.deepEqual(await begin(store, { ...backfill, backfill: first.runId, runId: "again" }), next);
    await refused("RUN_SUPERSEDED", store.heartbeat(first));
    await store.heartbeat(next);
    const { backfill: _, ...lost } = next;
    await refused("STREAM_NOT_FOUND", store.heartbeat(lost));
    await store.complete(next, { position: at(null, { coverage: [days(1, 9)] }) });
    assert.deepEqual(await store.coverage(key), [days(1, 9)]);
    const rows = (await store.runs(key)).items;
    assert.deepEqual(
      rows.slice(0, 2).map(({ runId, kind, outcome }) => [runId, kind, outcome]),
      [
        ["again", "backfill", "completed"],
        [first.runId, "backfill", "failed"],
      ],
    );
  },

  "P4: a backfill that is running is taken over, or refused, as a stream is": async ({
    store,
    expireLease,
  }) => {
    const first = await begin(store, { ...backfill, backfill: "b1" });
    const again = { ...backfill, backfill: "b1", ifRunning: "refuse" as const };
    await refused("RUN_ACTIVE", begin(store, again));
    await expireLease(first);
    const next = await begin(store, again);
    assert.equal(next.supersededRunId, first.runId);
    await refused(
      "RUN_SUPERSEDED",
      store.complete(first, { position: at(null, { coverage: [days(1, 9)] }) }),
    );
    assert.deepEqual(await store.coverage(key), []);
    await store.complete(next, {});
    await refused("RUN_SUPERSEDED", store.complete(first, {}));
  },

  "a completed backfill is not begun again": async ({ store }) => {
    const run = await begin(store, { ...backfill, backfill: "b1" });
    await store.complete(run, {});
    const error = await refused("RUN_FINISHED", begin(store, { ...backfill, backfill: "b1" }));
    assert.match(error.message, /backfill b1 .* completed/);
    assert.match(error.hint, /new backfill/);
    assert.equal((await store.runs(key)).items.length, 1);
    assert.equal((await store.backfills(key))[0]?.epoch, 1);
  },

  "only a backfill goes on with one, by an id that a run could have": async ({ store }) => {
    await refused("ARGUMENT_INVALID", begin(store, { backfill: "b1" }));
    await refused("ARGUMENT_INVALID", begin(store, { kind: "live", backfill: "b1" }));
    for (const id of ["", "a b", "a/b", "x".repeat(101)]) {
      await refused("ARGUMENT_INVALID", begin(store, { ...backfill, backfill: id }));
    }
    assert.equal(await store.get(key), null);
    assert.deepEqual(await store.backfills(key), []);
  },

  "backfills are listed with where they stand: those not done first": async ({ store }) => {
    const done = await begin(store, { ...backfill, backfill: "done" });
    await store.complete(done, { position: at(null, { coverage: [days(1, 9)] }), recordsProcessed: 3 });
    const failed = await begin(store, { ...backfill, backfill: "failed" });
    const position = at(null, { window: over(1, 9), coverage: [days(1, 5)] });
    await store.checkpoint(failed, { sequence: 1, position, recordsProcessed: 7 });
    await store.fail(failed, { error: "out of luck" });
    const running = await begin(store, { ...backfill, backfill: "running" });
    await begin(store, backfill, { ...key, stream: "other" });

    const listed = await store.backfills(key);
    assert.equal(listed.length, 3);
    assert.equal(listed.at(-1)?.backfill, "done");
    const one = (id: string) => listed.find((each) => each.backfill === id);
    const { startedAtUtc, updatedAtUtc, ...rest } = one("failed") ?? assert.fail("it is not listed");
    assert.deepEqual(rest, {
      backfill: "failed",
      status: "failed",
      cursorType: "timestamp_utc",
      range: { lower: day(1), upper: day(9) },
      coverage: [days(1, 5)],
      epoch: 1,
      runId: failed.runId,
      lease: null,
      lastError: "out of luck",
      recordsProcessed: 7,
    });
    assert.equal(startedAtUtc, failed.startedAtUtc);
    assert.ok(updatedAtUtc >= startedAtUtc);
    assert.equal(one("running")?.status, "running");
    assert.equal(one("running")?.range, null);
    assert.equal(one("running")?.lease?.seconds, running.leaseSeconds);
    assert.equal(one("done")?.status, "completed");
    assert.deepEqual((await store.backfills(key, { limit: 2 })).map(({ status }) => status).sort(), [
      "failed",
      "running",
    ]);
    await refused("ARGUMENT_INVALID", store.backfills(key, { limit: 0 }));
  },
});
