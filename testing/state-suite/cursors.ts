import assert from "node:assert/strict";
import type { CursorType } from "../../src/model/cursor.ts";
import type { Run, StateStore } from "../../src/state/contract.ts";
import { type StateCase, type StateCases, stateCases } from "./harness.ts";
import {
  at,
  auditOf,
  begin,
  byHand,
  key,
  refused,
  runTo,
  stateOf,
  unchanged,
  withoutHash,
} from "./support.ts";

/** Values of each ordered type from low to high, where order by text or by number would go wrong. */
const ascending: Readonly<Record<Exclude<CursorType, "opaque_token">, readonly string[]>> = {
  timestamp_utc: [
    "1969-12-31T23:59:59.999999999Z",
    "1970-01-01T00:00:00Z",
    "2026-01-01T00:00:00Z",
    "2026-01-01T00:00:00.000000001Z",
    "2026-01-01T00:00:00.1Z",
    "2026-01-01T00:00:00.100000001Z",
    "2026-01-01T00:00:00.12Z",
    "2026-01-01T00:00:01Z",
  ],
  numeric_id: [
    "-10000000000000000000000000000000",
    "-10",
    "-9.5",
    "0",
    "0.5",
    "9",
    "10",
    "9007199254740992",
    "9007199254740993",
    "999999999999999999999999999998",
    "999999999999999999999999999999",
    "1000000000000000000000000000000",
  ],
  text: ["", "A", "B", "a", "aa", "b", "é", "\uffee", "🦉", "🦉a"],
  offset: ["0", "9", "10", "100000000000000000000"],
};

type OrderedType = keyof typeof ascending;

export const cursorCases: StateCases = stateCases("cursors", {
  "P3: a timestamp never goes back": neverGoesBack("timestamp_utc"),
  "P3: a number never goes back": neverGoesBack("numeric_id"),
  "P3: a text never goes back": neverGoesBack("text"),
  "P3: an offset never goes back": neverGoesBack("offset"),

  "P3: a checkpoint may stay and advance, and completing may not fall behind it": async ({ store }) => {
    const run = await begin(store);
    const to = (sequence: number, watermark: string) =>
      store.checkpoint(run, { sequence, position: at(watermark), recordsProcessed: sequence });
    await to(1, "2026-01-01T00:00:02Z");
    await refused("CURSOR_REGRESSION", to(2, "2026-01-01T00:00:01.999Z"));
    await to(2, "2026-01-01T00:00:02Z");
    await to(3, "2026-01-01T00:00:02.5Z");
    await refused("CURSOR_REGRESSION", store.complete(run, { newCursor: "2026-01-01T00:00:02.4Z" }));
    await store.complete(run, { newCursor: "2026-01-01T00:00:02.50Z" });
  },

  "any other token is an advance, and none is not": async ({ store }) => {
    const opaque = { cursorType: "opaque_token" as const };
    for (const token of ["zzz", "aaa", "aaa", "Zm9v==", ""]) {
      const run = await begin(store, opaque);
      assert.equal((await store.complete(run, { newCursor: token })).cursor?.value, token);
    }
    const run = await begin(store, opaque);
    await refused("CURSOR_REGRESSION", store.complete(run, { position: at(null) }));
    assert.deepEqual(
      (await auditOf(store)).map(({ newCursor }) => newCursor),
      ["zzz", "aaa", "Zm9v==", ""],
    );
  },

  "P7: a cursor is stored as its type writes it, with every digit": async ({ store }) => {
    const given: [CursorType, string, string][] = [
      ["timestamp_utc", "2026-01-01T01:00:00.123456780+01:00", "2026-01-01T00:00:00.12345678Z"],
      ["timestamp_utc", "2026-01-01 00:00:00Z", "2026-01-01T00:00:00Z"],
      ["numeric_id", "00012345678901234567890.500", "12345678901234567890.5"],
      ["offset", "007", "7"],
      ["text", " as it is ", " as it is "],
    ];
    for (const [index, [type, text, canonical]] of given.entries()) {
      const on = { connector: "p7", stream: String(index) };
      const run = await begin(store, { cursorType: type }, on);
      assert.equal((await store.complete(run, { newCursor: text })).cursor?.value, canonical);
      assert.equal((await begin(store, { cursorType: type }, on)).lowerBound?.value, canonical);
    }
  },

  "P7: a cursor is handed back in the text in which it was committed": async ({ store }) => {
    const given: [CursorType, string, string, string][] = [
      ["timestamp_utc", "2026-01-01T00:00:05.570Z", "2026-01-01T00:00:05.57Z", "2026-01-01T00:00:05.5700"],
      ["timestamp_utc", "2026-01-01 02:00:05+02:00", "2026-01-01T00:00:05Z", "2026-01-01T00:00:05.000Z"],
      ["numeric_id", "000123", "123", "123"],
      ["numeric_id", "1.50", "1.5", "1.500"],
      ["opaque_token", "007", "007", "007"],
    ];
    for (const [index, [type, text, canonical, respelled]] of given.entries()) {
      const on = { connector: "p7-text", stream: String(index) };
      const asked = { cursorType: type };
      const run = await begin(store, asked, on);
      assert.equal(run.lowerBoundText, null);
      assert.equal((await store.complete(run, { newCursor: text })).cursorText, text);
      const next = await begin(store, asked, on);
      assert.equal(next.lowerBoundText, text);
      assert.equal(next.lowerBound?.value, canonical);
      await store.fail(next, { error: "later" });
      assert.equal((await stateOf(store, on)).cursorText, text);
      const backfill = await begin(store, { ...asked, kind: "backfill" }, on);
      assert.equal(backfill.lowerBoundText, text);
      const again = await begin(store, asked, on);
      assert.equal(again.lowerBoundText, text);
      // The same value in another spelling is no move: the last text that was committed is handed back.
      assert.equal((await store.complete(again, { newCursor: respelled })).cursorText, respelled);
      assert.equal((await begin(store, asked, on)).lowerBoundText, respelled);
      const moves = await auditOf(store, on);
      assert.deepEqual(
        moves.map(({ newCursor }) => newCursor),
        [canonical],
      );
    }
  },

  "P7: a position says in which text its watermark was committed, and a text of another value counts for nothing":
    async ({ store }) => {
      const run = await begin(store);
      const watermark = "2026-01-01T00:00:05.5Z";
      const position = { ...at(watermark), watermarkText: "2026-01-01T00:00:05.500Z" };
      await store.checkpoint(run, { sequence: 1, position, recordsProcessed: 0 });
      assert.equal((await stateOf(store)).cursorText, "2026-01-01T00:00:05.500Z");
      const stale = { ...position, watermark: "2026-01-01T00:00:06Z" };
      await store.complete(run, { position: stale });
      assert.equal((await stateOf(store)).cursorText, "2026-01-01T00:00:06Z");
      assert.equal((await begin(store)).lowerBoundText, "2026-01-01T00:00:06Z");
    },

  "a value that is none of the stream's type is refused": async ({ store }) => {
    const wrong: [CursorType, string[]][] = [
      ["timestamp_utc", ["banana", "", "2026-13-01T00:00:00Z", "2026-02-30T00:00:00Z"]],
      ["numeric_id", ["banana", "", "12a", "0x10", "NaN"]],
      ["offset", ["-1", "1.5", "banana"]],
    ];
    for (const [type, texts] of wrong) {
      const on = { connector: "wrong", stream: type };
      const run = await begin(store, { cursorType: type }, on);
      await unchanged(store, on, async () => {
        for (const text of texts) {
          await refused("CURSOR_TYPE_MISMATCH", store.complete(run, { newCursor: text }));
          await refused("CURSOR_TYPE_MISMATCH", store.complete(run, { position: at(text) }));
          const checkpoint = { sequence: 1, position: at(text), recordsProcessed: 0 };
          await refused("CURSOR_TYPE_MISMATCH", store.checkpoint(run, checkpoint));
        }
      });
    }
  },

  "a position's watermark has to be as its type writes it": async ({ store }) => {
    const run = await begin(store);
    const position = at("2026-01-01T00:00:00.500Z");
    await unchanged(store, key, async () => {
      await refused(
        "CURSOR_TYPE_MISMATCH",
        store.checkpoint(run, { sequence: 1, position, recordsProcessed: 0 }),
      );
      await refused("CURSOR_TYPE_MISMATCH", store.complete(run, { position }));
    });
  },

  "a stream that keeps no cursors takes none": async ({ store }) => {
    const run = await begin(store, { cursorType: null });
    await unchanged(store, key, async () => {
      await refused("CURSOR_TYPE_MISMATCH", store.complete(run, { newCursor: "1" }));
      await refused("CURSOR_TYPE_MISMATCH", store.complete(run, { position: at("1") }));
    });
    await store.complete(run, {});
  },

  "a stream keeps its type once it has a watermark": async ({ store }) => {
    await begin(store, { cursorType: "numeric_id" });
    const first = await begin(store, { cursorType: "timestamp_utc" });
    assert.equal(first.cursorType, "timestamp_utc");
    await store.complete(first, { newCursor: "2026-01-01T00:00:01Z" });
    await unchanged(store, key, async () => {
      const error = await refused("CURSOR_TYPE_MISMATCH", begin(store, { cursorType: "numeric_id" }));
      assert.equal(error.stream, "sap_eu/suppliers");
      assert.match(error.message, /timestamp_utc/);
      assert.match(error.message, /numeric_id/);
    });
    const untyped = await begin(store, { cursorType: null });
    assert.equal(untyped.cursorType, "timestamp_utc");
    assert.equal(untyped.lowerBound?.value, "2026-01-01T00:00:01Z");
  },

  "one connector's streams can be of different types": async ({ store }) => {
    await runTo(store, "2026-01-01T00:00:01Z");
    const other = { connector: key.connector, stream: "invoices" };
    await runTo(store, "17", "numeric_id", other);
    assert.equal((await stateOf(store, other)).cursor?.type, "numeric_id");
    assert.equal((await stateOf(store)).cursor?.type, "timestamp_utc");
  },

  "P9: a correction lowers the watermark to where the run began, and is audited": async ({ store }) => {
    await runTo(store, "2026-01-01T00:00:01Z");
    const run = await begin(store, { actor: "nightly" });
    await store.checkpoint(run, { sequence: 1, position: at("2026-01-01T00:00:09Z"), recordsProcessed: 1 });
    const back = { sequence: 2, position: at("2026-01-01T00:00:01Z"), recordsProcessed: 2 };
    await refused("CURSOR_REGRESSION", store.checkpoint(run, back));
    const correction = "not ascending after all";
    await store.checkpoint(run, { ...back, correction });
    const state = await stateOf(store);
    assert.equal(state.cursor?.value, "2026-01-01T00:00:01Z");
    assert.deepEqual(state.positionTag, { epoch: 2, sequence: 2 });
    assert.deepEqual((await auditOf(store)).slice(2).map(withoutHash), [
      {
        number: 3,
        partition: null,
        actor: "nightly",
        action: "correction",
        oldCursor: "2026-01-01T00:00:09Z",
        newCursor: "2026-01-01T00:00:01Z",
        reason: correction,
        runId: run.runId,
      },
    ]);
    await store.complete(run, { newCursor: "2026-01-01T00:00:10Z" });
  },

  "P9: on a first run a correction may take the watermark away again": async ({ store }) => {
    const run = await begin(store);
    await store.checkpoint(run, { sequence: 1, position: at("2026-01-01T00:00:09Z"), recordsProcessed: 1 });
    await store.checkpoint(run, {
      sequence: 2,
      position: at(null),
      recordsProcessed: 1,
      correction: "unordered",
    });
    assert.equal((await stateOf(store)).cursor, null);
  },

  "P3: a correction cannot go below where the run began": async ({ store }) => {
    await runTo(store, "2026-01-01T00:00:05Z");
    const run = await begin(store);
    await unchanged(store, key, async () => {
      for (const watermark of ["2026-01-01T00:00:04Z", null]) {
        const lower = { sequence: 1, position: at(watermark), recordsProcessed: 0, correction: "unordered" };
        await refused("CURSOR_REGRESSION", store.checkpoint(run, lower));
      }
    });
  },

  "P3: after a reset the watermark goes on from there": async ({ store }) => {
    await runTo(store, "2026-01-01T00:00:05Z");
    await store.reset(key, { to: "2026-01-01T00:00:01Z", ...byHand });
    const run = await begin(store);
    await refused("CURSOR_REGRESSION", store.complete(run, { newCursor: "2026-01-01T00:00:00Z" }));
    await store.complete(run, { newCursor: "2026-01-01T00:00:02Z" });
  },
});

/** Moves a stream up through all the values, and finds every step back refused on the way. */
function neverGoesBack(type: OrderedType): StateCase["run"] {
  return async ({ store }) => {
    for (const [index, value] of ascending[type].entries()) {
      const old = ascending[type][index - 1] ?? null;
      const run = await begin(store, { cursorType: type });
      assert.equal(run.lowerBound?.value ?? null, old);
      const below = ascending[type].slice(0, Math.max(0, index - 1));
      if (old !== null) await unchanged(store, key, () => refusesAll(store, run, old, below));
      assert.equal((await store.complete(run, { newCursor: value })).cursor?.value, value);
      const again = await begin(store, { cursorType: type });
      assert.equal((await store.complete(again, { newCursor: value })).cursor?.value, value);
    }
  };
}

async function refusesAll(store: StateStore, run: Run, old: string, below: readonly string[]): Promise<void> {
  await refused("CURSOR_REGRESSION", store.complete(run, { position: at(null) }));
  for (const newCursor of below) {
    const error = await refused("CURSOR_REGRESSION", store.complete(run, { newCursor }));
    assert.deepEqual(error.details, { watermark: old, new_cursor: newCursor });
    const position = at(newCursor);
    await refused("CURSOR_REGRESSION", store.complete(run, { position }));
    await refused("CURSOR_REGRESSION", store.checkpoint(run, { sequence: 1, position, recordsProcessed: 0 }));
  }
}
