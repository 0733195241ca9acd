import assert from "node:assert/strict";
import { exactNumber } from "../../src/model/exact-number.ts";
import { emptyPosition } from "../../src/model/position.ts";
import { type StateCases, stateCases } from "./harness.ts";
import {
  at,
  auditOf,
  begin,
  byHand,
  inOrder,
  isoMilliseconds,
  key,
  refused,
  runsOf,
  runTo,
  stateOf,
  unchanged,
} from "./support.ts";

/** Names that objects have of themselves, and characters that databases are particular about, as fields of metadata. */
const namesOfObjects: Record<string, unknown> = JSON.parse(
  String.raw`{"__proto__":{"a":1},"constructor":{"__proto__":null},"a\u0000b":"a\u0000b","half \ud800":"\udc00"}`,
);

export const lifecycleCases: StateCases = stateCases("lifecycle", {
  "a stream that never began has no state, no history and no export": async ({ store }) => {
    assert.equal(await store.get(key), null);
    assert.deepEqual(await store.list(), { items: [], next: null });
    assert.deepEqual(await store.audit(), { items: [], next: null });
    assert.deepEqual(await store.audit({ key }), { items: [], next: null });
    assert.deepEqual(await store.verifyAudit(), { streams: 0, rows: 0 });
    const error = await refused("STREAM_NOT_FOUND", store.runs(key));
    assert.equal(error.stream, "sap_eu/suppliers");
    await refused("STREAM_NOT_FOUND", store.export(key));
    const run = { key, kind: "live" as const, runId: "r", epoch: 1 };
    await refused("STREAM_NOT_FOUND", store.heartbeat(run));
    await refused(
      "STREAM_NOT_FOUND",
      store.checkpoint(run, { sequence: 1, position: emptyPosition, recordsProcessed: 0 }),
    );
    await refused("STREAM_NOT_FOUND", store.complete(run, {}));
    await refused("STREAM_NOT_FOUND", store.fail(run, { error: "x" }));
    assert.equal(await store.get(key), null);
  },

  "the first begin grants epoch 1 and no lower bound": async ({ store }) => {
    const run = await begin(store);
    assert.match(run.runId, /./);
    assert.match(run.startedAtUtc, isoMilliseconds);
    assert.deepEqual(run, {
      key,
      kind: "live",
      runId: run.runId,
      epoch: 1,
      cursorType: "timestamp_utc",
      lowerBound: null,
      lowerBoundText: null,
      position: emptyPosition,
      positionTag: { epoch: 0, sequence: 0 },
      leaseSeconds: 60,
      startedAtUtc: run.startedAtUtc,
      supersededRunId: null,
    });
  },

  "begin, checkpoint, complete: the state says at each step where the stream stands": async ({ store }) => {
    const run = await begin(store, { leaseSeconds: 90 });
    const begun = await stateOf(store);
    assert.match(begun.lease?.expiresAtUtc ?? "", isoMilliseconds);
    const whole = {
      key,
      cursorType: "timestamp_utc",
      cursor: null,
      cursorText: null,
      position: emptyPosition,
      positionTag: { epoch: 0, sequence: 0 },
      status: "running",
      epoch: 1,
      sequence: 0,
      runId: run.runId,
      startedAtUtc: run.startedAtUtc,
      lease: { seconds: 90, expiresAtUtc: begun.lease?.expiresAtUtc, owner: null },
      stopRequested: null,
      lastError: null,
      recordsProcessed: 0,
      metadata: null,
      updatedAtUtc: begun.updatedAtUtc,
    };
    assert.deepEqual(begun, whole);

    const midway = at("2026-01-01T00:00:05Z");
    await store.checkpoint(run, { sequence: 1, position: midway, recordsProcessed: 40 });
    const moved = await stateOf(store);
    const cursor = { type: "timestamp_utc", value: "2026-01-01T00:00:05Z" };
    assert.deepEqual(moved, {
      ...whole,
      cursor,
      cursorText: cursor.value,
      position: midway,
      positionTag: { epoch: 1, sequence: 1 },
      sequence: 1,
      recordsProcessed: 40,
      lease: moved.lease,
      updatedAtUtc: moved.updatedAtUtc,
    });

    const done = await store.complete(run, {
      newCursor: "2026-01-01T00:00:09Z",
      recordsProcessed: 70,
      metadata: { lower_used: null },
    });
    assert.equal(done.status, "completed");
    assert.deepEqual(done.cursor, { type: "timestamp_utc", value: "2026-01-01T00:00:09Z" });
    assert.deepEqual(done.positionTag, { epoch: 1, sequence: 2 });
    assert.equal(done.recordsProcessed, 70);
    assert.deepEqual(done.metadata, { lower_used: null });
    assert.equal(done.lease, null);
    assert.equal(done.runId, run.runId);
    assert.deepEqual(await stateOf(store), done);
  },

  "every begin adds one to the epoch and hands out the committed watermark": async ({ store }) => {
    await runTo(store, "2026-01-01T00:00:01Z");
    const second = await begin(store);
    assert.equal(second.epoch, 2);
    assert.deepEqual(second.lowerBound, { type: "timestamp_utc", value: "2026-01-01T00:00:01Z" });
    assert.deepEqual(second.position, at("2026-01-01T00:00:01Z"));
    assert.deepEqual(second.positionTag, { epoch: 1, sequence: 1 });
    await store.complete(second, { newCursor: "2026-01-01T00:00:02Z" });
    const third = await begin(store);
    assert.equal(third.epoch, 3);
    assert.equal(third.lowerBound?.value, "2026-01-01T00:00:02Z");
  },

  "completing without a cursor leaves the watermark where it is": async ({ store }) => {
    await runTo(store, "2026-01-01T00:00:01Z");
    const run = await begin(store);
    const done = await store.complete(run, { recordsProcessed: 0 });
    assert.equal(done.cursor?.value, "2026-01-01T00:00:01Z");
    assert.deepEqual(done.positionTag, { epoch: 1, sequence: 1 });
    assert.equal((await auditOf(store)).length, 1);
  },

  "a run of a stream that keeps no cursors completes": async ({ store }) => {
    const run = await begin(store, { cursorType: null });
    assert.equal(run.lowerBound, null);
    const done = await store.complete(run, { recordsProcessed: 3 });
    assert.equal(done.cursorType, null);
    assert.equal(done.cursor, null);
    assert.equal(done.recordsProcessed, 3);
  },

  "P8: a failed run keeps its last checkpoint, and the next begins from there": async ({ store }) => {
    await runTo(store, "2026-01-01T00:00:01Z");
    const run = await begin(store);
    const position = at("2026-01-01T00:00:04Z", {
      tieSet: [{ identity: "a", cursor: "2026-01-01T00:00:04Z", count: 1 }],
    });
    await store.checkpoint(run, { sequence: 1, position, recordsProcessed: 30 });
    const failed = await store.fail(run, { error: "the source went away", metadata: { page: 4 } });
    assert.equal(failed.status, "failed");
    assert.equal(failed.lastError, "the source went away");
    assert.equal(failed.lease, null);
    assert.deepEqual(failed.metadata, { page: 4 });
    assert.equal(failed.recordsProcessed, 30);
    assert.deepEqual(failed.position, position);
    const next = await begin(store);
    assert.equal(next.lowerBound?.value, "2026-01-01T00:00:04Z");
    assert.deepEqual(next.position, position);
    assert.deepEqual(next.positionTag, { epoch: 2, sequence: 1 });
  },

  "P8: a run that failed before its first checkpoint leaves the watermark": async ({ store }) => {
    await runTo(store, "2026-01-01T00:00:01Z");
    await store.fail(await begin(store), { error: "no" });
    assert.equal((await begin(store)).lowerBound?.value, "2026-01-01T00:00:01Z");
  },

  "what a run says of itself is the next run's no longer": async ({ store }) => {
    const first = await begin(store);
    await store.fail(first, { error: "no", recordsProcessed: 5, metadata: { try: 1 } });
    await begin(store);
    const state = await stateOf(store);
    assert.equal(state.lastError, null);
    assert.equal(state.recordsProcessed, 0);
    assert.equal(state.metadata, null);
    assert.equal((await runsOf(store))[1]?.error, "no");
  },

  "the history has one row a run, with its bounds, counts and outcome": async ({ store }) => {
    const first = await begin(store, { actor: "key_1" });
    await store.checkpoint(first, {
      sequence: 1,
      position: at("2026-01-01T00:00:01Z"),
      recordsProcessed: 10,
    });
    await store.checkpoint(first, {
      sequence: 2,
      position: at("2026-01-01T00:00:02Z"),
      recordsProcessed: 20,
    });
    await store.complete(first, {
      newCursor: "2026-01-01T00:00:03Z",
      recordsProcessed: 25,
      metadata: { a: 1 },
    });
    const second = await begin(store);
    await store.fail(second, { error: "broken", recordsProcessed: 7 });
    const third = await begin(store);
    const [running, failed, completed, ...more] = await runsOf(store);
    assert.deepEqual(more, []);
    const common = {
      key,
      kind: "live",
      metadata: null,
      actor: null,
      error: null,
      checkpoints: 0,
      recordsProcessed: 0,
    };
    assert.match(completed?.endedAtUtc ?? "", isoMilliseconds);
    assert.deepEqual(completed, {
      ...common,
      runId: first.runId,
      epoch: 1,
      outcome: "completed",
      startedAtUtc: first.startedAtUtc,
      endedAtUtc: completed?.endedAtUtc,
      lowerBound: null,
      newCursor: "2026-01-01T00:00:03Z",
      recordsProcessed: 25,
      checkpoints: 2,
      metadata: { a: 1 },
      actor: "key_1",
    });
    assert.deepEqual(failed, {
      ...common,
      runId: second.runId,
      epoch: 2,
      outcome: "failed",
      startedAtUtc: second.startedAtUtc,
      endedAtUtc: failed?.endedAtUtc,
      lowerBound: "2026-01-01T00:00:03Z",
      newCursor: "2026-01-01T00:00:03Z",
      recordsProcessed: 7,
      error: "broken",
    });
    assert.deepEqual(running, {
      ...common,
      runId: third.runId,
      epoch: 3,
      outcome: "running",
      startedAtUtc: third.startedAtUtc,
      endedAtUtc: null,
      lowerBound: "2026-01-01T00:00:03Z",
      newCursor: null,
    });
  },

  "times are by one clock and in order": async ({ store }) => {
    const run = await begin(store, { leaseSeconds: 30 });
    const begun = await stateOf(store);
    const started = Date.parse(run.startedAtUtc);
    assert.equal(Date.parse(begun.lease?.expiresAtUtc ?? ""), started + 30_000);
    assert.equal(begun.updatedAtUtc, run.startedAtUtc);
    await store.checkpoint(run, { sequence: 1, position: at("2026-01-01T00:00:01Z"), recordsProcessed: 1 });
    const moved = await stateOf(store);
    assert.ok(Date.parse(moved.updatedAtUtc) >= started);
    assert.equal(Date.parse(moved.lease?.expiresAtUtc ?? ""), Date.parse(moved.updatedAtUtc) + 30_000);
    const done = await store.complete(run, {});
    assert.ok(Date.parse(done.updatedAtUtc) >= Date.parse(moved.updatedAtUtc));
    assert.equal((await runsOf(store))[0]?.endedAtUtc, done.updatedAtUtc);
  },

  "metadata comes back as it went, with every digit": async ({ store }) => {
    const metadata = {
      text: "ünïcode 🦉 'quotes' \"more\" \\ and\nlines",
      list: [1, null, true, { deep: [] }],
      id: exactNumber("12345678901234567890"),
      "": "empty name",
      ...namesOfObjects,
      price: exactNumber("0.10000000000000000001"),
    };
    const run = await begin(store);
    const done = await store.complete(run, { newCursor: "2026-01-01T00:00:01Z", metadata });
    assert.deepEqual(done.metadata, metadata);
    assert.deepEqual((await stateOf(store)).metadata, metadata);
    assert.deepEqual((await runsOf(store))[0]?.metadata, metadata);
    const exported = await store.export(key);
    assert.deepEqual(exported.metadata, metadata);
    assert.deepEqual((await store.import({ ...exported, stream: "copy" }, byHand)).metadata, metadata);
    const failed = await begin(store);
    assert.deepEqual((await store.fail(failed, { error: "x", metadata })).metadata, metadata);
  },

  "an error is kept whatever characters it has": async ({ store }) => {
    const error = `it's "bad" 🦉 \\ $1 ${"long ".repeat(1000)}`;
    await store.fail(await begin(store), { error });
    assert.equal((await stateOf(store)).lastError, error);
    assert.equal((await runsOf(store))[0]?.error, error);
    for (const [thrown, kept] of [
      ["a\0b", "a\u{fffd}b"],
      ["half \ud800 of a pair", "half \u{fffd} of a pair"],
      ["x".repeat(100_000), `${"x".repeat(9_999)}…`],
    ] as const) {
      await store.fail(await begin(store), { error: thrown });
      assert.equal((await stateOf(store)).lastError, kept);
      assert.equal((await runsOf(store))[0]?.error, kept);
    }
  },

  "the epoch granted is above the floor that an output remembers": async ({ store }) => {
    assert.equal((await begin(store, { epochFloor: 41 })).epoch, 42);
    assert.equal((await begin(store, { epochFloor: 7 })).epoch, 43);
    assert.equal((await begin(store, { epochFloor: 43 })).epoch, 44);
    assert.equal((await begin(store)).epoch, 45);
  },

  "run ids are the caller's where given, and otherwise never the same": async ({ store }) => {
    assert.equal((await begin(store, { runId: "nightly.2026-01-01:1_a" })).runId, "nightly.2026-01-01:1_a");
    const made = [await begin(store), await begin(store)].map(({ runId }) => runId);
    assert.equal(new Set(made).size, 2);
  },

  "what no store takes is refused, and leaves nothing": async ({ store }) => {
    const bad = [
      { leaseSeconds: 0 },
      { leaseSeconds: 1.5 },
      { leaseSeconds: 86_401 },
      { leaseSeconds: Number.NaN },
      { runId: "" },
      { runId: "with space" },
      { runId: "x".repeat(101) },
      { epochFloor: -1 },
      { epochFloor: 0.5 },
    ];
    for (const options of bad) await refused("ARGUMENT_INVALID", begin(store, options));
    // As a caller without types might misspell them.
    const misspelt: [string, string][] = [
      ["cursorType", "timestamp"],
      ["ifRunning", "refuze"],
      ["kind", "live "],
    ];
    for (const [name, value] of misspelt) {
      await refused("ARGUMENT_INVALID", begin(store, Object.fromEntries([[name, value]])));
    }
    assert.equal(await store.get(key), null);

    const run = await begin(store);
    const position = at("2026-01-01T00:00:01Z");
    await unchanged(store, key, async () => {
      for (const sequence of [0, -1, 0.5, Number.NaN]) {
        await refused("ARGUMENT_INVALID", store.checkpoint(run, { sequence, position, recordsProcessed: 0 }));
      }
      for (const recordsProcessed of [-1, 1.5, Number.NaN]) {
        await refused("ARGUMENT_INVALID", store.checkpoint(run, { sequence: 1, position, recordsProcessed }));
        await refused("ARGUMENT_INVALID", store.complete(run, { recordsProcessed }));
        await refused("ARGUMENT_INVALID", store.fail(run, { error: "x", recordsProcessed }));
      }
      await refused(
        "ARGUMENT_INVALID",
        store.checkpoint(run, { sequence: 1, position, recordsProcessed: 0, correction: " " }),
      );
      await refused("ARGUMENT_INVALID", store.complete(run, { newCursor: "2026-01-01T00:00:01Z", position }));
      const circular: Record<string, unknown> = {};
      circular.self = circular;
      await refused("ARGUMENT_INVALID", store.complete(run, { metadata: circular }));
      await refused("ARGUMENT_INVALID", store.fail(run, { error: "x", metadata: circular }));
    });
    await store.complete(run, { position });
    assert.deepEqual(inOrder((await stateOf(store)).position), position);
  },
});
