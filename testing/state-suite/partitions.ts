import assert from "node:assert/strict";
import type { Position } from "../../src/model/position.ts";
import type { PartitionMove, Run, RunRef, StateStore } from "../../src/state/contract.ts";
import { type StateCases, stateCases } from "./harness.ts";
import { expectPartition, move, second } from "./partition-support.ts";
import {
  allPages,
  at,
  auditOf,
  begin,
  byHand,
  key,
  refused,
  runTo,
  stateOf,
  withoutHash,
} from "./support.ts";

export const partitionCases: StateCases = stateCases("partitions", {
  "a checkpoint stores the partitions that it names, whole, and with its own tag": async ({ store }) => {
    const run = await begin(store);
    const full = at(second(5), {
      secondaryCursors: { id: "12345678901234567890" },
      window: { lower: null, upper: second(9), order: "unordered", highest: second(7), resume: null },
      tieSet: [
        { identity: "a", cursor: second(5), count: 1 },
        { identity: "ü 🦉\n", cursor: second(5), count: 2 },
      ],
      coverage: [
        { lower: null, upper: second(2) },
        { lower: second(4), upper: second(5) },
      ],
    });
    await move(store, run, 1, [
      { partition: "full", position: full },
      { partition: "bare", position: at(null) },
    ]);
    await expectPartition(store, "full", full, { epoch: 1, sequence: 1 });
    await expectPartition(store, "bare", at(null), { epoch: 1, sequence: 1 });
    assert.equal(await store.partition(key, "other"), null);
    assert.deepEqual((await stateOf(store)).position, at(null));
  },

  "partitions that are not named stay as they are": async ({ store }) => {
    const run = await begin(store);
    const tieSet = [{ identity: "a", cursor: second(1), count: 1 }];
    const coverage = [{ lower: null, upper: second(1) }];
    await move(store, run, 1, [
      { partition: "a", position: at(second(1), { tieSet, coverage }) },
      { partition: "b", position: at(second(1), { tieSet, coverage }) },
    ]);
    const b = await store.partition(key, "b");
    await move(store, run, 2, [{ partition: "a", position: at(second(2)) }]);
    await expectPartition(store, "a", at(second(2)), { epoch: 1, sequence: 2 });
    assert.deepEqual(await store.partition(key, "b"), b);
    await store.checkpoint(run, { sequence: 3, position: at(second(3)), recordsProcessed: 3 });
    await expectPartition(store, "a", at(second(2)), { epoch: 1, sequence: 2 });
    assert.equal((await stateOf(store)).cursor?.value, second(3));
  },

  "a completion stores partitions too, as a write of its own": async ({ store }) => {
    const run = await begin(store);
    await move(store, run, 1, [{ partition: "a", position: at(second(1)) }]);
    const done = { partitions: [{ partition: "a", position: at(second(2)) }] };
    await store.complete(run, done);
    await store.complete(run, done);
    await expectPartition(store, "a", at(second(2)), { epoch: 1, sequence: 2 });
    assert.deepEqual((await stateOf(store)).positionTag, { epoch: 1, sequence: 2 });
    assert.equal((await stateOf(store)).cursor, null);
    assert.equal((await store.runs(key)).items[0]?.checkpoints, 1);
    const next = await begin(store);
    await store.complete(next, {
      position: at(null),
      partitions: [{ partition: "b", position: at(second(9)) }],
    });
    await expectPartition(store, "a", at(second(2)), { epoch: 1, sequence: 2 });
    await expectPartition(store, "b", at(second(9)), { epoch: 2, sequence: 1 });
  },

  "a checkpoint that is repeated changes nothing": async ({ store }) => {
    const run = await begin(store);
    await move(store, run, 1, [{ partition: "a", position: at(second(1)) }]);
    const before = await everything(store);
    await move(store, run, 1, [{ partition: "a", position: at(second(5)) }]);
    assert.deepEqual(await everything(store), before);
    await refused(
      "CHECKPOINT_OUT_OF_ORDER",
      move(store, run, 3, [{ partition: "a", position: at(second(5)) }]),
    );
    assert.deepEqual(await everything(store), before);
  },

  "P4: nothing of a run that another took over reaches a partition": async ({ store }) => {
    const old = await begin(store);
    await move(store, old, 1, [{ partition: "a", position: at(second(1)) }]);
    const next = await begin(store);
    await nothingOf(old, store);
    await move(store, next, 1, [{ partition: "a", position: at(second(2)) }]);
    await nothingOf(old, store);
    await store.complete(next, {});
    await nothingOf(old, store);
    await nothingOf({ ...next, runId: "forged" }, store);
    const shut = await begin(store);
    await store.reset(key, { to: second(3), partition: "a", ...byHand });
    await nothingOf(shut, store);
  },

  "P3: a partition's watermark does not go back, and what came with it is not stored either": async ({
    store,
  }) => {
    const run = await begin(store);
    await move(store, run, 1, [{ partition: "a", position: at(second(5)) }]);
    const back: PartitionMove[] = [
      { partition: "b", position: at(second(9)) },
      { partition: "a", position: at(second(4)) },
    ];
    const before = await everything(store);
    const error = await refused("CURSOR_REGRESSION", move(store, run, 2, back, { position: at(second(7)) }));
    assert.deepEqual(error.details, { watermark: second(5), new_cursor: second(4), partition: "a" });
    await refused("CURSOR_REGRESSION", move(store, run, 2, [{ partition: "a", position: at(null) }]));
    await refused("CURSOR_REGRESSION", store.complete(run, { partitions: back }));
    assert.deepEqual(await everything(store), before);
    assert.equal(await store.partition(key, "b"), null);
    await move(store, run, 2, [{ partition: "a", position: at(second(5)) }]);
  },

  "a partition's watermark is one of the stream's type": async ({ store }) => {
    const run = await begin(store);
    for (const wrong of ["17", "2026-01-01T00:00:05.0Z", "banana"]) {
      const moves = [{ partition: "a", position: at(wrong) }];
      await refused("CURSOR_TYPE_MISMATCH", move(store, run, 1, moves));
      await refused("CURSOR_TYPE_MISMATCH", store.complete(run, { partitions: moves }));
    }
    assert.equal(await store.partition(key, "a"), null);
    await move(store, run, 1, [{ partition: "a", position: at(second(1)) }]);
    await store.complete(run, {});
    await refused("CURSOR_TYPE_MISMATCH", begin(store, { cursorType: "numeric_id" }));
    await store.reset(key, { to: null, ...byHand });
    assert.equal((await begin(store, { cursorType: "numeric_id" })).cursorType, "numeric_id");
  },

  "P9: a correction takes a partition back to where it stood when the run began, and no further": async ({
    store,
  }) => {
    const first = await begin(store);
    const began = [
      { partition: "a", position: at(second(3)) },
      { partition: "b", position: at(second(1)) },
    ];
    await store.complete(first, { partitions: began });
    const run = await begin(store, { actor: "nightly" });
    for (const [sequence, n] of [5, 6, 8].entries()) {
      await move(store, run, sequence + 1, [{ partition: "a", position: at(second(n)) }]);
    }
    const correction = "not ascending after all";
    const to = (n: number) => [{ partition: "a", position: at(second(n)) }];
    await refused("CURSOR_REGRESSION", move(store, run, 4, to(3)));
    await refused("CURSOR_REGRESSION", move(store, run, 4, to(2), { correction }));
    const goingOn = [
      { partition: "b", position: at(second(2)) },
      { partition: "c", position: at(second(1)) },
    ];
    await move(store, run, 4, [...to(3), ...goingOn], { correction });
    await expectPartition(store, "a", at(second(3)), { epoch: 2, sequence: 4 });
    const rows = (await auditOf(store)).slice(5).map(withoutHash);
    const by = { actor: "nightly", runId: run.runId };
    assert.deepEqual(rows, [
      {
        number: 6,
        partition: "a",
        action: "correction",
        oldCursor: second(8),
        newCursor: second(3),
        reason: correction,
        ...by,
      },
      {
        number: 7,
        partition: "b",
        action: "advance",
        oldCursor: second(1),
        newCursor: second(2),
        reason: null,
        ...by,
      },
      {
        number: 8,
        partition: "c",
        action: "advance",
        oldCursor: null,
        newCursor: second(1),
        reason: null,
        ...by,
      },
    ]);
    // What the next run begins with is no longer this run's to take back.
    const next = await begin(store);
    await refused("CURSOR_REGRESSION", move(store, next, 1, to(2), { correction }));
    await move(store, next, 1, to(4));
    await move(store, next, 2, to(3), { correction });
  },

  "P12: each advance of a partition is in the audit log, in one chain with the stream's own": async ({
    store,
  }) => {
    const run = await begin(store, { actor: "key_1" });
    await move(store, run, 1, [
      { partition: "a", position: at(second(1)) },
      { partition: "unmoved", position: at(null) },
      { partition: "ü 🦉", position: at(second(2)) },
    ]);
    await store.complete(run, {
      newCursor: second(9),
      partitions: [{ partition: "a", position: at(second(3)) }],
    });
    await store.reset(key, { to: second(2), partition: "a", ...byHand });
    const rows = await auditOf(store);
    assert.deepEqual(
      rows.map(({ partition, action, oldCursor, newCursor }) => [partition, action, oldCursor, newCursor]),
      [
        ["a", "advance", null, second(1)],
        ["ü 🦉", "advance", null, second(2)],
        [null, "advance", null, second(9)],
        ["a", "advance", second(1), second(3)],
        ["a", "reset", second(3), second(2)],
      ],
    );
    assert.deepEqual(
      rows.map(({ actor, runId }) => [actor, runId]),
      [...Array.from({ length: 4 }, () => ["key_1", run.runId]), ["ada", null]],
    );
    assert.deepEqual(await store.verifyAudit(), { streams: 1, rows: 5 });
  },

  "partitions are listed by name, page by page, and a stream without any has none": async ({ store }) => {
    await refused("STREAM_NOT_FOUND", store.partitions(key));
    const run = await begin(store);
    assert.deepEqual(await store.partitions(key), { items: [], next: null });
    const names = [
      "b",
      "a",
      "ab",
      "B",
      "10",
      "2",
      "ü",
      "\uffee",
      "🦉",
      "a/b",
      "../x",
      "con",
      "x".repeat(200),
    ];
    await move(
      store,
      run,
      1,
      names.map((partition) => ({ partition, position: at(second(1)) })),
    );
    await runTo(store, second(1), "timestamp_utc", { ...key, stream: "other" });
    const expected = [
      "../x",
      "10",
      "2",
      "B",
      "a",
      "a/b",
      "ab",
      "b",
      "con",
      "x".repeat(200),
      "ü",
      "\uffee",
      "🦉",
    ];
    for (const limit of [1, 5, 13, 100]) {
      const found = await allPages(limit, (page) => store.partitions(key, page));
      assert.deepEqual(
        found.map(({ partition }) => partition),
        expected,
      );
    }
    assert.deepEqual(
      (await store.partitions(key, { limit: 1 })).items[0],
      await store.partition(key, "../x"),
    );
    for (const limit of [0, 1001]) await refused("ARGUMENT_INVALID", store.partitions(key, { limit }));
  },

  "a partition has a name that a stream could have, and is named once": async ({ store }) => {
    const run = await begin(store);
    const before = await everything(store);
    for (const partition of ["", " a", "a\nb", "x".repeat(201), "\ud83e"]) {
      const moves = [{ partition, position: at(second(1)) }];
      await refused("ARGUMENT_INVALID", move(store, run, 1, moves));
      await refused("ARGUMENT_INVALID", store.complete(run, { partitions: moves }));
      await refused("ARGUMENT_INVALID", store.reset(key, { to: null, partition, ...byHand }));
    }
    const twice = [
      { partition: "a", position: at(second(1)) },
      { partition: "a", position: at(second(2)) },
    ];
    await refused("ARGUMENT_INVALID", move(store, run, 1, twice));
    assert.deepEqual(await everything(store), before);
  },

  "a thousand and more may move at once, and each with the tie set and coverage": async ({ store }) => {
    const run = await begin(store, { cursorType: "numeric_id" });
    const position = (n: number): Position =>
      at(String(n), {
        tieSet: [{ identity: `record ${n}`, cursor: String(n), count: 1 }],
        coverage: [{ lower: null, upper: String(n) }],
      });
    const moves = (n: number): PartitionMove[] =>
      Array.from({ length: 1100 }, (_, index) => ({ partition: `p${index}`, position: position(n + index) }));
    await move(store, run, 1, moves(1));
    await move(store, run, 2, moves(5));
    const found = await allPages(1000, (page) => store.partitions(key, page));
    assert.equal(found.length, 1100);
    for (const { partition, position: stored, positionTag } of found) {
      assert.deepEqual(stored, position(5 + Number(partition.slice(1))));
      assert.deepEqual(positionTag, { epoch: 1, sequence: 2 });
    }
    assert.deepEqual(await store.verifyAudit(), { streams: 1, rows: 2200 });
  },

  "a stored partition is a copy of the one given": async ({ store }) => {
    const tieSet = [{ identity: "a", cursor: second(1), count: 1 }];
    const run = await begin(store);
    await move(store, run, 1, [{ partition: "a", position: at(second(1), { tieSet }) }]);
    tieSet.push({ identity: "b", cursor: second(1), count: 1 });
    assert.equal((await store.partition(key, "a"))?.position.tieSet.length, 1);
  },
});

async function everything(store: StateStore): Promise<unknown> {
  return {
    state: await store.get(key),
    partitions: (await store.partitions(key)).items,
    runs: (await store.runs(key)).items,
    audit: await auditOf(store),
  };
}

async function nothingOf(run: RunRef | Run, store: StateStore): Promise<void> {
  const before = await everything(store);
  const partitions = [
    { partition: "a", position: at("2030-01-01T00:00:00Z") },
    { partition: "new", position: at("2030-01-01T00:00:00Z") },
  ];
  for (const sequence of [1, 2]) {
    await refused("RUN_SUPERSEDED", move(store, run, sequence, partitions));
  }
  await refused("RUN_SUPERSEDED", store.complete(run, { partitions }));
  assert.deepEqual(await everything(store), before);
}
