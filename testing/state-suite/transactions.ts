import assert from "node:assert/strict";
import { type OwnTransactions, type StateCases, type StateStoreHarness, stateCases } from "./harness.ts";
import { at, auditOf, begin, key, refused, runsOf, runTo, stateOf, unchanged } from "./support.ts";

/** The cases that need a database of the caller's own beside the state. */
export const transactionCases: StateCases = stateCases("the caller's own transaction", {
  "completes with the caller's rows when it commits": async (harness) => {
    const own = transactionsOf(harness);
    const { store } = harness;
    const run = await begin(store);
    const transaction = await own.begin();
    await transaction.insert("a row");
    const done = await store.complete(
      run,
      { newCursor: "2026-01-01T00:00:01Z", metadata: { n: 1 } },
      { transaction: transaction.handle },
    );
    assert.equal(done.status, "completed");
    assert.equal((await stateOf(store)).status, "running");
    assert.deepEqual(await own.rows(), []);
    await transaction.commit();
    assert.deepEqual(await own.rows(), ["a row"]);
    assert.deepEqual(await stateOf(store), done);
    assert.equal((await runsOf(store))[0]?.outcome, "completed");
    assert.deepEqual(await store.verifyAudit(), { streams: 1, rows: 1 });
  },

  "leaves nothing when it rolls back, and the run can still end": async (harness) => {
    const own = transactionsOf(harness);
    const { store } = harness;
    await runTo(store, "2026-01-01T00:00:01Z");
    const run = await begin(store);
    await unchanged(store, key, async () => {
      const transaction = await own.begin();
      await transaction.insert("a row");
      await store.complete(run, { newCursor: "2026-01-01T00:00:05Z" }, { transaction: transaction.handle });
      await transaction.rollback();
    });
    assert.deepEqual(await own.rows(), []);
    const again = await own.begin();
    await again.insert("a row");
    await store.complete(run, { newCursor: "2026-01-01T00:00:04Z" }, { transaction: again.handle });
    await again.commit();
    assert.equal((await stateOf(store)).cursor?.value, "2026-01-01T00:00:04Z");
    assert.equal((await auditOf(store)).length, 2);
  },

  "partitions, and what a backfill covered, come and go with the caller's rows": async (harness) => {
    const own = transactionsOf(harness);
    const { store } = harness;
    const live = await begin(store);
    const backfill = await begin(store, { kind: "backfill" });
    const coverage = [{ lower: null, upper: "2026-01-01T00:00:01Z" }];
    const partitions = [{ partition: "a", position: at("2026-01-01T00:00:01Z", { coverage }) }];
    const moved = { sequence: 1, position: at(null), recordsProcessed: 1, partitions };
    for (const end of ["rollback", "commit"] as const) {
      const transaction = await own.begin();
      const context = { transaction: transaction.handle };
      await transaction.insert(end);
      await store.checkpoint(live, moved, context);
      await store.checkpoint(live, moved, context);
      await store.complete(backfill, { position: at(null, { coverage }), partitions }, context);
      await transaction[end]();
      const isThere = end === "commit";
      assert.deepEqual((await store.partitions(key)).items.length, isThere ? 1 : 0);
      assert.deepEqual(await store.coverage(key), isThere ? coverage : []);
      assert.equal((await auditOf(store)).length, isThere ? 1 : 0);
    }
    assert.deepEqual(await own.rows(), ["commit"]);
    await store.checkpoint(live, { ...moved, sequence: 2 });
    await store.complete(live, {});
    assert.deepEqual(await store.coverage(key, { partition: "a" }), coverage);
  },

  "checkpoints with the caller's rows": async (harness) => {
    const own = transactionsOf(harness);
    const { store } = harness;
    const run = await begin(store);
    const tieSet = [{ identity: "a", cursor: "2026-01-01T00:00:01Z", count: 1 }];
    const checkpoint = {
      sequence: 1,
      position: at("2026-01-01T00:00:01Z", { tieSet }),
      recordsProcessed: 1,
    };
    const lost = await own.begin();
    await lost.insert("lost");
    await store.checkpoint(run, checkpoint, { transaction: lost.handle });
    await lost.rollback();
    assert.equal((await stateOf(store)).sequence, 0);
    const kept = await own.begin();
    await kept.insert("kept");
    await store.checkpoint(run, checkpoint, { transaction: kept.handle });
    await kept.commit();
    assert.deepEqual((await stateOf(store)).position, checkpoint.position);
    assert.deepEqual(await own.rows(), ["kept"]);
    await store.checkpoint(run, { ...checkpoint, sequence: 2, position: at("2026-01-01T00:00:02Z") });
    await store.complete(run, {});
  },

  "may hold several of a run's calls": async (harness) => {
    const own = transactionsOf(harness);
    const { store } = harness;
    const run = await begin(store);
    const transaction = await own.begin();
    const within = { transaction: transaction.handle };
    for (const sequence of [1, 2]) {
      const position = at(`2026-01-01T00:00:0${sequence}Z`);
      await store.checkpoint(run, { sequence, position, recordsProcessed: sequence }, within);
    }
    await store.complete(run, { newCursor: "2026-01-01T00:00:03Z" }, within);
    await transaction.commit();
    assert.equal((await stateOf(store)).cursor?.value, "2026-01-01T00:00:03Z");
    assert.deepEqual(await store.verifyAudit(), { streams: 1, rows: 3 });
  },

  "survives a refusal, so that the caller decides what becomes of its rows": async (harness) => {
    const own = transactionsOf(harness);
    const { store } = harness;
    await runTo(store, "2026-01-01T00:00:05Z");
    const old = await begin(store);
    const run = await begin(store);
    const transaction = await own.begin();
    const within = { transaction: transaction.handle };
    await transaction.insert("a row");
    await refused("RUN_SUPERSEDED", store.complete(old, { newCursor: "2026-01-01T00:00:06Z" }, within));
    await refused("CURSOR_REGRESSION", store.complete(run, { newCursor: "2026-01-01T00:00:04Z" }, within));
    await refused("CURSOR_TYPE_MISMATCH", store.complete(run, { newCursor: "banana" }, within));
    const checkpoint = { sequence: 3, position: at("2026-01-01T00:00:06Z"), recordsProcessed: 0 };
    await refused("CHECKPOINT_OUT_OF_ORDER", store.checkpoint(run, checkpoint, within));
    await transaction.commit();
    assert.deepEqual(await own.rows(), ["a row"]);
    assert.equal((await stateOf(store)).cursor?.value, "2026-01-01T00:00:05Z");
    assert.equal((await stateOf(store)).status, "running");
  },

  "P4: a run that was taken over is refused in it too": async (harness) => {
    const own = transactionsOf(harness);
    const { store } = harness;
    const old = await begin(store);
    const next = await begin(store);
    const transaction = await own.begin();
    const within = { transaction: transaction.handle };
    await refused("RUN_SUPERSEDED", store.complete(old, { newCursor: "2026-01-01T00:00:06Z" }, within));
    await transaction.rollback();
    await store.complete(next, { newCursor: "2026-01-01T00:00:01Z" });
  },
});

/** The cases of every store, with such transactions or without. */
export const foreignTransactionCases: StateCases = stateCases("a transaction that is none of the state's", {
  "is refused": async ({ store }) => {
    const run = await begin(store);
    await unchanged(store, key, async () => {
      for (const transaction of [{}, new Map(), { query: "nothing" }]) {
        await refused("ARGUMENT_INVALID", store.complete(run, {}, { transaction }));
        const checkpoint = { sequence: 1, position: at(null), recordsProcessed: 0 };
        await refused("ARGUMENT_INVALID", store.checkpoint(run, checkpoint, { transaction }));
      }
    });
  },
});

function transactionsOf(harness: StateStoreHarness): OwnTransactions {
  assert.ok(
    harness.transactions !== undefined,
    "the harness gives no transactions; skip this group and give the reason",
  );
  return harness.transactions;
}
