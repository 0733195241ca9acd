import assert from "node:assert/strict";
import { encodePosition } from "../../src/model/position.ts";
import { type StateCases, stateCases } from "./harness.ts";
import {
  at,
  auditOf,
  begin,
  byHand,
  inOrder,
  key,
  refused,
  runsOf,
  runTo,
  stateOf,
  unchanged,
} from "./support.ts";

export const operatorCases: StateCases = stateCases("operators' acts", {
  "a reset sets the watermark, back or ahead, and drops what belonged to the old one": async ({ store }) => {
    const run = await begin(store);
    const tieSet = [{ identity: "a", cursor: "2026-01-01T00:00:05Z", count: 1 }];
    const coverage = [{ lower: null, upper: "2026-01-01T00:00:05Z" }];
    await store.complete(run, { position: at("2026-01-01T00:00:05Z", { tieSet, coverage }) });
    const back = await store.reset(key, { to: "2026-01-01T00:00:01.50Z", ...byHand });
    assert.equal(back.status, "idle");
    assert.equal(back.epoch, 2);
    assert.deepEqual(back.position, at("2026-01-01T00:00:01.5Z"));
    assert.deepEqual(await stateOf(store), back);
    const ahead = await store.reset(key, { to: "2027-01-01T00:00:00Z", ...byHand });
    assert.equal(ahead.epoch, 3);
    const next = await begin(store, { ifRunning: "refuse" });
    assert.equal(next.epoch, 4);
    assert.equal(next.lowerBound?.value, "2027-01-01T00:00:00Z");
  },

  "a reset to where the stream stands keeps what belongs to it": async ({ store }) => {
    const watermark = "2026-01-01T00:00:05Z";
    const full = at(watermark, {
      tieSet: [{ identity: "a", cursor: watermark, count: 1 }],
      coverage: [{ lower: null, upper: watermark }],
      secondaryCursors: { id: "9" },
    });
    await store.complete(await begin(store), { position: full });
    const same = await store.reset(key, { to: "2026-01-01T00:00:05.000Z", ...byHand });
    assert.deepEqual(same.position, full);
    assert.deepEqual(same.positionTag, { epoch: 2, sequence: 0 });
    assert.deepEqual(await stateOf(store), same);
    const last = (await auditOf(store)).at(-1);
    assert.deepEqual([last?.action, last?.oldCursor, last?.newCursor], ["reset", watermark, watermark]);
    const other = await store.reset(key, { to: "2026-01-01T00:00:06Z", ...byHand });
    assert.deepEqual(other.position, at("2026-01-01T00:00:06Z"));
    assert.deepEqual((await store.reset(key, { to: watermark, ...byHand })).position, at(watermark));
  },

  "a reset to nothing starts the stream over": async ({ store }) => {
    await runTo(store, "2026-01-01T00:00:05Z");
    const state = await store.reset(key, { to: null, ...byHand });
    assert.equal(state.cursor, null);
    assert.equal(state.cursorType, "timestamp_utc");
    assert.equal((await begin(store)).lowerBound, null);
  },

  "a reset makes a stream that was never begun only where it says the type of its cursors": async ({
    store,
  }) => {
    for (const to of ["2026-01-01T00:00:05Z", null]) {
      await refused("STREAM_NOT_FOUND", store.reset(key, { to, ...byHand }));
      await refused("STREAM_NOT_FOUND", store.reset(key, { to, partition: "a", ...byHand }));
    }
    await refused("STREAM_NOT_FOUND", store.rewind(key, { toRun: "r", ...byHand }));
    assert.equal(await store.get(key), null);
    assert.deepEqual(await store.audit(), { items: [], next: null });
    const state = await store.reset(key, { to: "5", cursorType: "numeric_id", ...byHand });
    assert.equal(state.epoch, 1);
    assert.deepEqual(state.cursor, { type: "numeric_id", value: "5" });
    assert.equal((await begin(store, { cursorType: "numeric_id" })).lowerBound?.value, "5");
    const empty = { ...key, stream: "new" };
    const made = await store.reset(empty, { to: null, cursorType: "text", ...byHand });
    assert.deepEqual(made, await stateOf(store, empty));
    await store.complete(await begin(store, { cursorType: null }, { ...key, stream: "untyped" }), {});
    const untyped = store.reset({ ...key, stream: "untyped" }, { to: "5", ...byHand });
    await refused("ARGUMENT_INVALID", untyped);
  },

  "a reset may change the stream's cursor type": async ({ store }) => {
    await runTo(store, "2026-01-01T00:00:05Z");
    await refused("CURSOR_INVALID", store.reset(key, { to: "17", ...byHand }));
    const state = await store.reset(key, { to: "17", cursorType: "numeric_id", ...byHand });
    assert.deepEqual(state.cursor, { type: "numeric_id", value: "17" });
    await refused("CURSOR_TYPE_MISMATCH", begin(store));
    await begin(store, { cursorType: "numeric_id" });
  },

  "an act needs a reason and an actor, and a usable value": async ({ store }) => {
    const { runId } = await runTo(store, "2026-01-01T00:00:05Z");
    const exported = await store.export(key);
    await unchanged(store, key, async () => {
      for (const by of [
        { ...byHand, reason: "" },
        { ...byHand, reason: " \n" },
        { ...byHand, actor: "" },
      ]) {
        await refused("ARGUMENT_INVALID", store.reset(key, { to: null, ...by }));
        await refused("ARGUMENT_INVALID", store.rewind(key, { toRun: runId, ...by }));
        await refused("ARGUMENT_INVALID", store.import(exported, by));
      }
      await refused("CURSOR_INVALID", store.reset(key, { to: "banana", ...byHand }));
    });
  },

  "a rewind puts the stream back where it stood after a run, whichever way that ended": async ({ store }) => {
    const first = await begin(store);
    const coverage = [{ lower: null, upper: "2026-01-01T00:00:01Z" }];
    const tieSet = [{ identity: "a", cursor: "2026-01-01T00:00:01Z", count: 1 }];
    const secondaryCursors = { id: "9" };
    await store.complete(first, {
      position: at("2026-01-01T00:00:01Z", { coverage, tieSet, secondaryCursors }),
    });
    const failed = await begin(store);
    await store.checkpoint(failed, {
      sequence: 1,
      position: at("2026-01-01T00:00:02Z"),
      recordsProcessed: 1,
    });
    await store.fail(failed, { error: "x" });
    const superseded = await begin(store);
    await store.checkpoint(superseded, {
      sequence: 1,
      position: at("2026-01-01T00:00:03Z"),
      recordsProcessed: 1,
    });
    await runTo(store, "2026-01-01T00:00:04Z");

    const toSuperseded = await store.rewind(key, { toRun: superseded.runId, ...byHand });
    assert.equal(toSuperseded.cursor?.value, "2026-01-01T00:00:03Z");
    assert.equal(toSuperseded.epoch, 5);
    const toFailed = await store.rewind(key, { toRun: failed.runId, ...byHand });
    assert.equal(toFailed.cursor?.value, "2026-01-01T00:00:02Z");
    const toFirst = await store.rewind(key, { toRun: first.runId, ...byHand });
    // With its tie set, so that an append does not get the records at the watermark again.
    assert.deepEqual(toFirst.position, at("2026-01-01T00:00:01Z", { coverage, tieSet, secondaryCursors }));
    assert.equal(toFirst.epoch, 7);
    assert.equal(toFirst.status, "idle");
    assert.equal((await begin(store)).lowerBound?.value, "2026-01-01T00:00:01Z");
  },

  "a rewind to a run that found nothing has the tie set of the run before it": async ({ store }) => {
    const tieSet = [
      { identity: "a", cursor: "2026-01-01T00:00:01Z", count: 1 },
      { identity: "b", cursor: "2026-01-01T00:00:01Z", count: 2 },
    ];
    const first = await begin(store);
    await store.complete(first, { position: at("2026-01-01T00:00:01Z", { tieSet }) });
    const idle = await begin(store);
    await store.complete(idle, {});
    for (let round = 0; round < 2; round++) {
      const still = await store.rewind(key, { toRun: idle.runId, ...byHand });
      assert.deepEqual(inOrder(still.position), at("2026-01-01T00:00:01Z", { tieSet }));
      await runTo(store, "2026-01-01T00:00:02Z");
    }
  },

  "a rewind finds only live runs that have ended, of this stream": async ({ store }) => {
    const { runId } = await runTo(store, "2026-01-01T00:00:01Z");
    const other = { ...key, stream: "invoices" };
    await refused("STREAM_NOT_FOUND", store.rewind(other, { toRun: runId, ...byHand }));
    await runTo(store, "2026-01-01T00:00:01Z", "timestamp_utc", other);
    const backfill = await begin(store, { kind: "backfill" });
    await store.complete(backfill, { newCursor: "2020-01-01T00:00:00Z" });
    const running = await begin(store);
    await unchanged(store, key, async () => {
      await refused("RUN_NOT_FOUND", store.rewind(key, { toRun: "nobody", ...byHand }));
      await refused("RUN_NOT_FOUND", store.rewind(key, { toRun: running.runId, ...byHand }));
      await refused("RUN_NOT_FOUND", store.rewind(key, { toRun: backfill.runId, ...byHand }));
    });
    await refused("RUN_NOT_FOUND", store.rewind(other, { toRun: runId, ...byHand }));
  },

  "a rewind across a change of the cursor type is refused": async ({ store }) => {
    const { runId } = await runTo(store, "2026-01-01T00:00:01Z");
    await store.reset(key, { to: "17", cursorType: "numeric_id", ...byHand });
    await unchanged(store, key, () =>
      refused("CURSOR_TYPE_MISMATCH", store.rewind(key, { toRun: runId, ...byHand })),
    );
  },

  "an export puts the stream where it stood, here and under another name": async ({ store }) => {
    const run = await begin(store);
    const position = at("2026-01-01T00:00:05Z", {
      tieSet: [{ identity: "a", cursor: "2026-01-01T00:00:05Z", count: 2 }],
      coverage: [{ lower: null, upper: "2026-01-01T00:00:05Z" }],
      secondaryCursors: { id: "12345678901234567890" },
    });
    await store.complete(run, { position, metadata: { by: "hand" } });
    const exported = await store.export(key);
    assert.deepEqual(JSON.parse(JSON.stringify(exported)), exported);
    await runTo(store, "2026-01-01T00:00:09Z");

    const state = await store.import(exported, byHand);
    assert.deepEqual(inOrder(state.position), inOrder(position));
    assert.deepEqual(state.metadata, { by: "hand" });
    assert.equal(state.epoch, 3);
    assert.deepEqual(await store.export(key), exported);

    const elsewhere = await store.import({ ...exported, stream: "copy" }, byHand);
    assert.equal(elsewhere.epoch, 1);
    assert.deepEqual(inOrder(elsewhere.position), inOrder(position));
    const next = await begin(store, {}, { ...key, stream: "copy" });
    assert.equal(next.lowerBound?.value, "2026-01-01T00:00:05Z");
  },

  "an export that cannot be used is refused": async ({ store }) => {
    await runTo(store, "2026-01-01T00:00:05Z");
    const good = await store.export(key);
    const newer = JSON.stringify({ ...JSON.parse(good.position), format: 999 });
    await unchanged(store, key, async () => {
      await refused("STATE_TOO_NEW", store.import({ ...good, position: newer }, byHand));
      for (const position of ["", "{", "[]", "{}", '{"format":1}', '{"format":"1"}']) {
        await refused("STATE_UNREADABLE", store.import({ ...good, position }, byHand));
      }
      await refused("CURSOR_TYPE_MISMATCH", store.import({ ...good, cursorType: "numeric_id" }, byHand));
      await refused("CURSOR_TYPE_MISMATCH", store.import({ ...good, cursorType: null }, byHand));
      const position = encodePosition(at("2026-01-01T00:00:05.0Z"));
      await refused("CURSOR_TYPE_MISMATCH", store.import({ ...good, position }, byHand));
      await refused("ARGUMENT_INVALID", store.import({ ...good, connector: "" }, byHand));
    });
  },

  "an act on a stream that is running ends its run as superseded": async ({ store }) => {
    const run = await begin(store);
    await store.checkpoint(run, { sequence: 1, position: at("2026-01-01T00:00:01Z"), recordsProcessed: 5 });
    await store.reset(key, { to: null, ...byHand });
    const [row] = await runsOf(store);
    assert.equal(row?.outcome, "superseded");
    assert.equal(row?.recordsProcessed, 5);
    assert.equal(row?.newCursor, "2026-01-01T00:00:01Z");
    assert.equal((await auditOf(store)).at(-1)?.oldCursor, "2026-01-01T00:00:01Z");
  },
});
