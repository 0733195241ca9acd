import assert from "node:assert/strict";
import { isTidemarkError } from "../../src/errors.ts";
import type { StateStore } from "../../src/state/contract.ts";
import { type StateCases, stateCases } from "./harness.ts";
import { at, auditOf, begin, key, refused, runsOf, runTo, stateOf } from "./support.ts";

const many = 20;

export const concurrencyCases: StateCases = stateCases("at once", {
  "of many begins that refuse, one is granted": async ({ store }) => {
    for (let round = 1; round <= 3; round++) {
      const begun = await Promise.allSettled(
        Array.from({ length: many }, () => begin(store, { ifRunning: "refuse" })),
      );
      const granted = begun.flatMap((each) => (each.status === "fulfilled" ? [each.value] : []));
      assert.equal(granted.length, 1);
      assert.equal(granted[0]?.epoch, round);
      for (const each of begun) {
        assert.ok(each.status === "fulfilled" || isTidemarkError(each.reason, "RUN_ACTIVE"), String(each));
      }
      for (const run of granted) await store.complete(run, {});
    }
    assert.equal((await runsOf(store)).length, 3);
  },

  "of many begins that override, each has an epoch of its own and the last one stands": async ({ store }) => {
    const runs = await Promise.all(Array.from({ length: many }, () => begin(store)));
    const epochs = runs.map(({ epoch }) => epoch).sort((a, b) => a - b);
    assert.deepEqual(
      epochs,
      Array.from({ length: many }, (_, n) => n + 1),
    );
    const outcomes = (await runsOf(store)).map(({ outcome }) => outcome);
    assert.deepEqual(outcomes, ["running", ...Array.from({ length: many - 1 }, () => "superseded")]);
    assert.equal((await stateOf(store)).epoch, many);
  },

  "many repetitions of one begin grant one run": async ({ store }) => {
    const runs = await Promise.all(Array.from({ length: many }, () => begin(store, { runId: "r1" })));
    for (const run of runs) assert.deepEqual(run, runs[0]);
    assert.equal((await runsOf(store)).length, 1);
  },

  "many repetitions of one completion have one effect": async ({ store }) => {
    const run = await begin(store);
    const done = await Promise.all(
      Array.from({ length: many }, () => store.complete(run, { newCursor: "2026-01-01T00:00:01Z" })),
    );
    for (const state of done) assert.deepEqual(state, done[0]);
    assert.equal((await auditOf(store)).length, 1);
  },

  "many streams move on at once": async ({ store }) => {
    const streams = Array.from({ length: many }, (_, n) => ({ connector: "c", stream: `s${n}` }));
    await Promise.all(
      streams.map(async (of, n) => {
        for (let round = 1; round <= 3; round++) {
          const run = await begin(store, { cursorType: "numeric_id" }, of);
          await store.checkpoint(run, {
            sequence: 1,
            position: at(String(round * 100)),
            recordsProcessed: 1,
          });
          await store.complete(run, { newCursor: String(round * 100 + n) });
        }
      }),
    );
    for (const [n, of] of streams.entries()) {
      assert.equal((await stateOf(store, of)).cursor?.value, String(300 + n));
    }
    const expected = many * 6 - 3; // Stream s0 ends each round where its checkpoint was.
    assert.deepEqual(await store.verifyAudit(), { streams: many, rows: expected });
  },

  "two stores on one state see each other's writes at once": async (harness) => {
    const { store: one } = harness;
    await withAnother(harness, async (two) => {
      const run = await begin(one);
      assert.equal((await stateOf(two)).runId, run.runId);
      await refused("RUN_ACTIVE", begin(two, { ifRunning: "refuse" }));
      await two.checkpoint(run, { sequence: 1, position: at("2026-01-01T00:00:01Z"), recordsProcessed: 1 });
      assert.equal((await stateOf(one)).cursor?.value, "2026-01-01T00:00:01Z");
      const next = await begin(two);
      await refused("RUN_SUPERSEDED", one.complete(run, {}));
      await one.complete(next, { newCursor: "2026-01-01T00:00:02Z" });
      assert.equal((await stateOf(two)).status, "completed");
      assert.deepEqual(await runsOf(one), await runsOf(two));
      assert.deepEqual(await auditOf(one), await auditOf(two));
    });
  },

  "of many begins through two stores, one is granted": async (harness) => {
    await withAnother(harness, async (two) => {
      const begun = await Promise.allSettled(
        Array.from({ length: many }, (_, n) =>
          begin(n % 2 === 0 ? harness.store : two, { ifRunning: "refuse" }),
        ),
      );
      assert.equal(begun.filter(({ status }) => status === "fulfilled").length, 1);
    });
  },

  "all is kept when the store is closed and opened again": async (harness) => {
    const { store } = harness;
    await runTo(store, "2026-01-01T00:00:01Z");
    const tieSet = [{ identity: "a", cursor: "2026-01-01T00:00:02Z", count: 1 }];
    const run = await begin(store);
    await store.checkpoint(run, {
      sequence: 1,
      position: at("2026-01-01T00:00:02Z", { tieSet }),
      recordsProcessed: 4,
    });
    const before = [await stateOf(store), await runsOf(store), await auditOf(store)];
    await store.close();
    await withAnother(harness, async (reopened) => {
      assert.deepEqual([await stateOf(reopened), await runsOf(reopened), await auditOf(reopened)], before);
      await reopened.complete(run, { newCursor: "2026-01-01T00:00:03Z" });
      assert.deepEqual(await reopened.verifyAudit(), { streams: 1, rows: 3 });
    });
  },

  "a store may be closed twice, and answers no more": async ({ store }) => {
    await begin(store);
    await store.close();
    await store.close();
    await refused("STATE_UNAVAILABLE", store.get(key));
    await refused("STATE_UNAVAILABLE", begin(store));
  },
});

async function withAnother(
  harness: { reopen(): Promise<StateStore> },
  work: (store: StateStore) => Promise<void>,
): Promise<void> {
  const store = await harness.reopen();
  try {
    await work(store);
  } finally {
    await store.close();
  }
}
