import assert from "node:assert/strict";
import { auditHash } from "../../src/state/audit.ts";
import { type StateCases, stateCases } from "./harness.ts";
import { at, auditOf, begin, byHand, key, runTo, stateOf, withoutHash } from "./support.ts";

export const auditCases: StateCases = stateCases("audit", {
  "P12: every advance, reset, rewind and import is told with actor, old, new, reason and run": async ({
    store,
  }) => {
    const first = await begin(store, { actor: "key_1" });
    await store.checkpoint(first, { sequence: 1, position: at("2026-01-01T00:00:01Z"), recordsProcessed: 1 });
    await store.complete(first, { newCursor: "2026-01-01T00:00:02Z" });
    const second = await begin(store);
    await store.complete(second, { position: at("2026-01-01T00:00:03Z") });
    const exported = await store.export(key);
    await store.reset(key, { to: "2026-01-01T00:00:01.5Z", reason: "rows were\nmissing", actor: "ada" });
    await store.rewind(key, { toRun: first.runId, reason: "not so far", actor: "bob" });
    await store.import(exported, { reason: "moved house", actor: "eve 🦉" });
    await store.reset(key, { to: null, reason: "again", actor: "ada" });

    const rows = await auditOf(store);
    assert.deepEqual(rows.map(withoutHash), [
      {
        number: 1,
        partition: null,
        actor: "key_1",
        action: "advance",
        oldCursor: null,
        newCursor: "2026-01-01T00:00:01Z",
        reason: null,
        runId: first.runId,
      },
      {
        number: 2,
        partition: null,
        actor: "key_1",
        action: "advance",
        oldCursor: "2026-01-01T00:00:01Z",
        newCursor: "2026-01-01T00:00:02Z",
        reason: null,
        runId: first.runId,
      },
      {
        number: 3,
        partition: null,
        actor: "local",
        action: "advance",
        oldCursor: "2026-01-01T00:00:02Z",
        newCursor: "2026-01-01T00:00:03Z",
        reason: null,
        runId: second.runId,
      },
      {
        number: 4,
        partition: null,
        actor: "ada",
        action: "reset",
        oldCursor: "2026-01-01T00:00:03Z",
        newCursor: "2026-01-01T00:00:01.5Z",
        reason: "rows were\nmissing",
        runId: null,
      },
      {
        number: 5,
        partition: null,
        actor: "bob",
        action: "rewind",
        oldCursor: "2026-01-01T00:00:01.5Z",
        newCursor: "2026-01-01T00:00:02Z",
        reason: "not so far",
        runId: first.runId,
      },
      {
        number: 6,
        partition: null,
        actor: "eve 🦉",
        action: "import",
        oldCursor: "2026-01-01T00:00:02Z",
        newCursor: "2026-01-01T00:00:03Z",
        reason: "moved house",
        runId: null,
      },
      {
        number: 7,
        partition: null,
        actor: "ada",
        action: "reset",
        oldCursor: "2026-01-01T00:00:03Z",
        newCursor: null,
        reason: "again",
        runId: null,
      },
    ]);
  },

  "what moves no watermark is not audited": async ({ store }) => {
    await runTo(store, "2026-01-01T00:00:01Z");
    const run = await begin(store);
    await store.heartbeat(run);
    await store.checkpoint(run, { sequence: 1, position: at("2026-01-01T00:00:01Z"), recordsProcessed: 1 });
    await store.fail(run, { error: "x" });
    await store.complete(await begin(store), { newCursor: "2026-01-01T00:00:01Z" });
    await store.complete(await begin(store), {});
    assert.equal((await auditOf(store)).length, 1);
  },

  "P12: each row's hash covers its fields and the row before it": async ({ store }) => {
    for (let n = 1; n <= 4; n++) await runTo(store, `2026-01-01T00:00:0${n}.${n}Z`);
    let previous = "";
    for (const row of await auditOf(store)) {
      assert.equal(row.hash, auditHash(previous, row));
      previous = row.hash;
    }
    assert.notEqual(previous, "");
  },

  "P12: the chain verifies, one stream's and all": async ({ store }) => {
    const odd = { connector: "ünï/çode 🦉", stream: 'it\'s "odd"' };
    await runTo(store, "2026-01-01T00:00:01Z");
    await runTo(store, "2026-01-01T00:00:02Z");
    await runTo(store, "🦉 'x'", "text", odd);
    await store.reset(odd, { to: "", reason: "ünï\n'quoted' \\ $1", actor: "🦉" });
    await begin(store, {}, { connector: "never", stream: "advanced" });
    assert.deepEqual(await store.verifyAudit(), { streams: 3, rows: 4 });
    assert.deepEqual(await store.verifyAudit({ key }), { streams: 1, rows: 2 });
    assert.deepEqual(await store.verifyAudit({ key: odd }), { streams: 1, rows: 2 });
  },

  "P12: a look whether the state can be written changes no stream and no row": async ({ store }) => {
    await store.probe();
    assert.deepEqual(await store.list(), { items: [], next: null });
    await runTo(store, "2026-01-01T00:00:01Z");
    const [state, rows] = [await stateOf(store), await auditOf(store)];
    await store.probe();
    assert.deepEqual([await stateOf(store), await auditOf(store)], [state, rows]);
    assert.deepEqual(await store.verifyAudit(), { streams: 1, rows: 1 });
  },

  "P12: a row's time is that of the change": async ({ store }) => {
    await runTo(store, "2026-01-01T00:00:01Z");
    await store.reset(key, { to: null, ...byHand });
    assert.equal((await auditOf(store)).at(-1)?.atUtc, (await stateOf(store)).updatedAtUtc);
  },
});
