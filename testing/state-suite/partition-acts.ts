import assert from "node:assert/strict";
import { type StateCases, stateCases } from "./harness.ts";
import { expectPartition, move, second } from "./partition-support.ts";
import { at, auditOf, begin, byHand, key, refused, stateOf, unchanged } from "./support.ts";

export const partitionActCases: StateCases = stateCases("operators' acts on partitions", {
  "a reset of one partition leaves the others and the stream's own position, and ends the run": async ({
    store,
  }) => {
    const run = await begin(store);
    const coverage = [{ lower: null, upper: second(5) }];
    await move(store, run, 1, [
      { partition: "a", position: at(second(5), { coverage }) },
      { partition: "b", position: at(second(5), { coverage }) },
    ]);
    const before = await stateOf(store);
    const state = await store.reset(key, { to: second(2), partition: "a", ...byHand });
    assert.equal(state.epoch, 2);
    assert.equal(state.status, "idle");
    assert.deepEqual(state.position, before.position);
    assert.deepEqual(state.positionTag, before.positionTag);
    assert.equal((await store.runs(key)).items[0]?.outcome, "superseded");
    await expectPartition(store, "a", at(second(2)), { epoch: 2, sequence: 0 });
    await expectPartition(store, "b", at(second(5), { coverage }), { epoch: 1, sequence: 1 });
    await store.reset(key, { to: null, partition: "b", ...byHand });
    await expectPartition(store, "b", at(null), { epoch: 3, sequence: 0 });
    await refused("CURSOR_INVALID", store.reset(key, { to: "banana", partition: "a", ...byHand }));
    const other = { to: "17", cursorType: "numeric_id", partition: "a", ...byHand } as const;
    await refused("CURSOR_TYPE_MISMATCH", store.reset(key, other));
    const next = await begin(store);
    await move(store, next, 1, [{ partition: "a", position: at(second(3)) }]);
  },

  "a reset of one partition to where it stands keeps what belongs to it": async ({ store }) => {
    const full = at(second(5), {
      tieSet: [{ identity: "x", cursor: second(5), count: 1 }],
      coverage: [{ lower: null, upper: second(5) }],
    });
    await move(store, await begin(store), 1, [{ partition: "a", position: full }]);
    await store.reset(key, { to: second(5), partition: "a", ...byHand });
    await expectPartition(store, "a", full, { epoch: 2, sequence: 0 });
    await store.reset(key, { to: second(6), partition: "a", ...byHand });
    await expectPartition(store, "a", at(second(6)), { epoch: 3, sequence: 0 });
    await store.reset(key, { to: null, partition: "a", ...byHand });
    await expectPartition(store, "a", at(null), { epoch: 4, sequence: 0 });
  },

  "a reset of one partition begins a stream that is new": async ({ store }) => {
    const reset = { to: second(2), partition: "a", cursorType: "timestamp_utc", ...byHand } as const;
    const { cursorType: _, ...untyped } = reset;
    await refused("STREAM_NOT_FOUND", store.reset(key, untyped));
    assert.equal(await store.get(key), null);
    await store.reset(key, reset);
    await expectPartition(store, "a", at(second(2)), { epoch: 1, sequence: 0 });
    assert.equal((await stateOf(store)).cursor, null);
    assert.equal((await begin(store)).epoch, 2);
  },

  "starting the whole stream over empties every partition, also those that it does not know": async ({
    store,
  }) => {
    const run = await begin(store);
    const full = at(second(5), {
      tieSet: [{ identity: "x", cursor: second(5), count: 1 }],
      coverage: [{ lower: null, upper: second(5) }],
    });
    await move(store, run, 1, [
      { partition: "a", position: full },
      { partition: "b", position: full },
    ]);
    await store.reset(key, { to: null, ...byHand });
    const over = { epoch: 2, sequence: 0 };
    for (const name of ["a", "b", "an output may remember it"])
      await expectPartition(store, name, at(null), over);
    const listed = (await store.partitions(key)).items;
    assert.deepEqual(
      listed.map(({ partition, position, positionTag }) => [partition, position, positionTag]),
      [
        ["a", at(null), over],
        ["b", at(null), over],
      ],
    );
    assert.deepEqual(await store.coverage(key, { partition: "a" }), []);
    const next = await begin(store);
    // Nothing of what it had before comes back with it.
    await move(store, next, 1, [{ partition: "a", position: at(second(1)) }]);
    await expectPartition(store, "a", at(second(1)), { epoch: 3, sequence: 1 });
    await expectPartition(store, "b", at(null), over);
    assert.equal((await auditOf(store)).at(-1)?.oldCursor, null);
  },

  "a stream with partitions is not set to one value, nor rewound": async ({ store }) => {
    const run = await begin(store);
    await store.complete(run, { partitions: [{ partition: "a", position: at(second(5)) }] });
    const whole = { to: second(1), ...byHand };
    await unchanged(store, key, async () => {
      const error = await refused("ARGUMENT_INVALID", store.reset(key, whole));
      assert.match(error.hint, /partition/);
      await refused("ARGUMENT_INVALID", store.rewind(key, { toRun: run.runId, ...byHand }));
    });
    await store.reset(key, { to: null, ...byHand });
    await refused("ARGUMENT_INVALID", store.rewind(key, { toRun: run.runId, ...byHand }));
    assert.equal((await store.reset(key, whole)).cursor?.value, second(1));
  },

  "an export carries partitions and what backfills covered, here and under another name": async ({
    store,
  }) => {
    const backfill = await begin(store, { kind: "backfill" });
    const covered = [{ lower: "2025-01-01T00:00:00Z", upper: "2025-02-01T00:00:00Z" }];
    await store.complete(backfill, {
      position: at(null, { coverage: covered }),
      partitions: [
        { partition: "a", position: at(null, { coverage: covered }) },
        { partition: "only in a backfill", position: at(null, { coverage: covered }) },
      ],
    });
    const full = at(second(5), { tieSet: [{ identity: "x", cursor: second(5), count: 1 }] });
    const run = await begin(store);
    await store.complete(run, {
      partitions: [
        { partition: "a", position: full },
        { partition: "b", position: at(second(6)) },
      ],
    });
    const exported = await store.export(key);
    assert.deepEqual(JSON.parse(JSON.stringify(exported)), exported);
    assert.equal(exported.partitions?.length, 3);
    const later = await begin(store);
    await store.complete(later, {
      partitions: [
        { partition: "a", position: at(second(9)) },
        { partition: "c", position: at(second(9)) },
      ],
    });

    for (const each of [key, { ...key, stream: "copy" }]) {
      const { epoch } = await store.import({ ...exported, ...each }, byHand);
      const tag = { epoch, sequence: 0 };
      await expectPartition(store, "a", full, tag, each);
      await expectPartition(store, "b", at(second(6)), tag, each);
      await expectPartition(store, "c", at(null), tag, each);
      assert.deepEqual(await store.coverage(each), covered);
      assert.deepEqual(await store.coverage(each, { partition: "a" }), covered);
      assert.deepEqual(await store.coverage(each, { partition: "only in a backfill" }), covered);
      const names = ["a", "b", "only in a backfill"];
      const again = await store.export(each);
      assert.deepEqual(
        again.partitions?.map(({ partition }) => partition),
        names,
      );
      const next = await begin(store, {}, each);
      await refused(
        "CURSOR_REGRESSION",
        store.complete(next, { partitions: [{ partition: "a", position: at(second(4)) }] }),
      );
    }
    const { partitions: _, backfilled: __, ...old } = exported;
    await store.import(old, byHand);
    assert.equal((await store.partition(key, "a"))?.position.watermark, null);
    assert.deepEqual(await store.coverage(key), []);
    assert.deepEqual(await store.coverage(key, { partition: "a" }), []);
    assert.deepEqual(await store.export(key), old);
    const rows = await store.audit({ key, order: "newest", limit: 1 });
    assert.equal(rows.items[0]?.action, "import");
    await store.verifyAudit();
  },

  "an export that names a partition twice, or badly, is refused": async ({ store }) => {
    const run = await begin(store);
    await store.complete(run, { partitions: [{ partition: "a", position: at(second(5)) }] });
    const good = await store.export(key);
    const [a] = good.partitions ?? [];
    assert.ok(a !== undefined);
    await unchanged(store, key, async () => {
      for (const wrong of [[a, a], [{ ...a, partition: "" }], [{ ...a, partition: "a\nb" }]]) {
        await refused("ARGUMENT_INVALID", store.import({ ...good, partitions: wrong }, byHand));
      }
      const text = { ...a, position: "{}" };
      await refused("STATE_UNREADABLE", store.import({ ...good, partitions: [text] }, byHand));
      const number = { ...a, position: a.position.replace(second(5), "17") };
      await refused("CURSOR_TYPE_MISMATCH", store.import({ ...good, partitions: [number] }, byHand));
    });
  },
});
