import assert from "node:assert/strict";
import type { CursorRange, Position, TieMember } from "../../src/model/position.ts";
import type { Run, StateStore } from "../../src/state/contract.ts";
import { type StateCases, stateCases } from "./harness.ts";
import { at, begin, inOrder, key, stateOf } from "./support.ts";

const mark = "2026-01-01T00:00:01.5Z";

export const positionCases: StateCases = stateCases("positions", {
  "a tie set comes back as it went": async ({ store }) => {
    const identities = [
      "a",
      "",
      "ünï/çode 🦉",
      "quote'\"s",
      "line\nbreak",
      "with space ",
      "x".repeat(5000),
      '["a",1]',
    ];
    const tieSet = identities.map((identity, n) => ({ identity, cursor: mark, count: n + 1 }));
    tieSet.push({ identity: "a", cursor: "2026-01-01T00:00:02Z", count: 3 });
    await keepsAndGivesBack(store, at(mark, { tieSet }));
  },

  "a tie set is replaced by the next position's": async ({ store }) => {
    const run = await begin(store);
    const states = [
      at(mark, { tieSet: keys(["a", "b", "c"]) }),
      at(mark, { tieSet: keys(["b", "c", "d"]) }),
      at(mark, { tieSet: [{ identity: "b", cursor: mark, count: 2 }] }),
      at("2026-01-01T00:00:02Z", { tieSet: keys(["b"], "2026-01-01T00:00:02Z") }),
      at("2026-01-01T00:00:02Z"),
    ];
    for (const [index, position] of states.entries()) {
      await store.checkpoint(run, { sequence: index + 1, position, recordsProcessed: index });
      await holds(store, position);
    }
  },

  "a tie set may grow to thousands": async ({ store }) => {
    const run = await begin(store);
    let tieSet: TieMember[] = [];
    for (let sequence = 1; sequence <= 5; sequence++) {
      const more = Array.from({ length: 1000 }, (_, n) => `record ${sequence * 1000 + n}`);
      tieSet = [...tieSet, ...keys(more)];
      await store.checkpoint(run, {
        sequence,
        position: at(mark, { tieSet }),
        recordsProcessed: sequence * 1000,
      });
    }
    await holds(store, at(mark, { tieSet }));
    await store.complete(run, { position: at(mark, { tieSet: keys(["only"]) }) });
    await holds(store, at(mark, { tieSet: keys(["only"]) }));
  },

  "a tally of runs comes back as it went, and leads the way back in a rewind": async ({ store }) => {
    const tally = { records: 7, lastStart: "2026-01-01T00:00:03.000Z", since: "2026-01-01T00:00:01.000Z" };
    const open = at(mark, { tally: { ...tally, open: "2026-01-01T00:00:04.000Z" } });
    await keepsAndGivesBack(store, open);
    const run = await begin(store);
    const done = at(mark, { tally: { ...tally, open: null } });
    await store.complete(run, { position: done });
    const next = await begin(store);
    assert.deepEqual(next.position, done);
    await store.complete(next, { position: at(mark) });
    await holds(store, at(mark));
    await store.rewind(key, { toRun: run.runId, reason: "test", actor: "test" });
    await holds(store, done);
  },

  "coverage comes back in its order": async ({ store }) => {
    const coverage: CursorRange[] = [
      { lower: null, upper: "9" },
      { lower: "10", upper: "50" },
      { lower: "100", upper: "1000" },
      { lower: "2000", upper: "12345678901234567890123456789012" },
    ];
    const run = await begin(store, { cursorType: "numeric_id" });
    await store.checkpoint(run, { sequence: 1, position: at("9", { coverage }), recordsProcessed: 1 });
    await holds(store, at("9", { coverage }));
    const merged = [{ lower: null, upper: "1000" }];
    await store.complete(run, { position: at("1000", { coverage: merged }) });
    await holds(store, at("1000", { coverage: merged }));
  },

  "an unfinished window comes back as it went, with and without where to go on": async ({ store }) => {
    const window = {
      lower: null,
      upper: "2026-02-01T00:00:00Z",
      order: "unordered" as const,
      highest: "2026-01-31T23:59:59.999999999Z",
      resume: { kind: "token" as const, token: `opaque 🦉 "${"t".repeat(3000)}"` },
    };
    const run = await begin(store);
    const positions = [
      at(mark, { window }),
      at(mark, { window: { ...window, resume: null, highest: null, order: "descending" as const } }),
      at(mark, {
        window: {
          ...window,
          lower: mark,
          upper: null,
          resume: { kind: "link" as const, token: "https://x/?p=2" },
        },
      }),
    ];
    for (const [index, position] of positions.entries()) {
      await store.checkpoint(run, { sequence: index + 1, position, recordsProcessed: 0 });
      await holds(store, position);
    }
    await store.fail(run, { error: "x" });
    await holds(store, positions.at(-1) ?? at(null));
    assert.deepEqual((await begin(store)).position, positions.at(-1));
  },

  "the further cursors come back as they went": async ({ store }) => {
    await keepsAndGivesBack(
      store,
      at(mark, { secondaryCursors: { id: "12345678901234567890", offset: "7" } }),
    );
    await keepsAndGivesBack(store, at(mark, { secondaryCursors: {} }));
  },

  "a checkpoint may carry a position without a watermark": async ({ store }) => {
    await keepsAndGivesBack(
      store,
      at(null, {
        window: {
          lower: null,
          upper: mark,
          order: "unordered",
          highest: "2026-01-01T00:00:00Z",
          resume: null,
        },
      }),
    );
  },

  "the tag tells which write a position came from": async ({ store }) => {
    const tag = async () => (await stateOf(store)).positionTag;
    const first = await begin(store);
    assert.deepEqual(await tag(), { epoch: 0, sequence: 0 });
    await store.checkpoint(first, { sequence: 1, position: at(null), recordsProcessed: 0 });
    assert.deepEqual(await tag(), { epoch: 1, sequence: 1 });
    await store.checkpoint(first, { sequence: 2, position: at(mark), recordsProcessed: 0 });
    await store.complete(first, { position: at(mark) });
    assert.deepEqual(await tag(), { epoch: 1, sequence: 3 });
    const second = await begin(store);
    assert.deepEqual(second.positionTag, { epoch: 1, sequence: 3 });
    await store.fail(second, { error: "x" });
    assert.deepEqual(await tag(), { epoch: 1, sequence: 3 });
    const third = await begin(store);
    await store.complete(third, {});
    assert.deepEqual(await tag(), { epoch: 1, sequence: 3 });
    await store.reset(key, { to: null, reason: "again", actor: "ada" });
    assert.deepEqual(await tag(), { epoch: 4, sequence: 0 });
  },

  "completing with the same cursor keeps the tie set, with another drops them": async ({ store }) => {
    const coverage = [{ lower: null, upper: mark }];
    const full = at(mark, { tieSet: keys(["a"]), coverage, secondaryCursors: { id: "5" } });
    const first = await begin(store);
    await store.complete(first, { position: full });
    const second = await begin(store);
    await store.complete(second, { newCursor: mark });
    await holds(store, full);
    const third = await begin(store);
    await store.complete(third, { newCursor: "2026-01-01T00:00:02Z" });
    await holds(store, at("2026-01-01T00:00:02Z", { coverage }));
  },

  "a stored position is a copy of the one given": async ({ store }) => {
    const tieSet = keys(["a"]);
    const run = await begin(store);
    await store.checkpoint(run, { sequence: 1, position: at(mark, { tieSet }), recordsProcessed: 1 });
    tieSet.push(...keys(["b"]));
    await holds(store, at(mark, { tieSet: keys(["a"]) }));
  },
});

function keys(identities: readonly string[], cursor: string = mark): TieMember[] {
  return identities.map((identity) => ({ identity, cursor, count: 1 }));
}

async function holds(store: StateStore, position: Position): Promise<void> {
  assert.deepEqual(inOrder((await stateOf(store)).position), inOrder(position));
}

/** By a checkpoint, by the next run's begin, and by completing. */
async function keepsAndGivesBack(store: StateStore, position: Position): Promise<void> {
  const run = await begin(store);
  await store.checkpoint(run, { sequence: 1, position, recordsProcessed: 1 });
  await holds(store, position);
  const next: Run = await begin(store);
  assert.deepEqual(inOrder(next.position), inOrder(position));
  await store.complete(next, { position });
  await holds(store, position);
}
