import assert from "node:assert/strict";
import { formatStreamKey, type StreamKey } from "../../src/model/stream-key.ts";
import { compareTexts } from "../../src/model/text-order.ts";
import type { AuditRecord } from "../../src/state/contract.ts";
import { type StateCases, stateCases } from "./harness.ts";
import { allPages, at, begin, byHand, key, refused, runTo, stateOf } from "./support.ts";

const oddNames = [
  "ünïcode",
  "slash/and\\back",
  "quotes ' \" `",
  "spaces  inside",
  "🦉",
  "日本語",
  "%_*?",
  "$1; DROP TABLE tidemark_streams; --",
  "../../etc/passwd",
  "con.nul:|<>",
  "e\u0301",
  "\u00e9",
  "UPPER",
  "upper",
  "x".repeat(200),
];

const badNames = ["", " a", "a ", "a\nb", "a\u0000b", "a\u007fb", "x".repeat(201), "\ud83e", "a\udd89"];

export const listingCases: StateCases = stateCases("listings", {
  "streams are listed by connector and stream, page by page": async ({ store }) => {
    const keys: StreamKey[] = [];
    for (const connector of ["b", "a", "ab", "🦉", "\uffee", "B"]) {
      for (const stream of ["2", "10", "1"]) keys.push({ connector, stream });
    }
    for (const each of keys) await begin(store, {}, each);
    const expected = [...keys].sort(
      (a, b) => compareTexts(a.connector, b.connector) || compareTexts(a.stream, b.stream),
    );
    for (const limit of [1, 4, 6, 18, 1000]) {
      const found = await allPages(limit, (page) => store.list(page));
      assert.deepEqual(
        found.map((state) => formatStreamKey(state.key)),
        expected.map(formatStreamKey),
      );
    }
    const first = (await store.list({ limit: 1 })).items[0];
    assert.deepEqual(first, await stateOf(store, { connector: "B", stream: "1" }));
  },

  "streams of one connector": async ({ store }) => {
    for (const stream of ["1", "2", "3"]) {
      await begin(store, {}, { connector: "a", stream });
      await begin(store, {}, { connector: "a b", stream });
    }
    for (const limit of [1, 2, 100]) {
      const found = await allPages(limit, (page) => store.list({ ...page, connector: "a" }));
      assert.deepEqual(
        found.map((state) => formatStreamKey(state.key)),
        ["a/1", "a/2", "a/3"],
      );
    }
    assert.deepEqual(await store.list({ connector: "nobody" }), { items: [], next: null });
  },

  "a hundred streams are listed unless asked otherwise, and backfills are none": async ({ store }) => {
    for (let n = 0; n < 101; n++) await begin(store, {}, { connector: "c", stream: String(1000 + n) });
    await begin(store, { kind: "backfill" }, { connector: "c", stream: "1000" });
    const first = await store.list();
    assert.equal(first.items.length, 100);
    const rest = await store.list({ after: first.next ?? "" });
    assert.deepEqual(
      rest.items.map((state) => state.key.stream),
      ["1100"],
    );
    assert.equal(rest.next, null);
  },

  "a stream's runs are listed newest first, page by page": async ({ store }) => {
    const other = { ...key, stream: "invoices" };
    const ids: string[] = [];
    for (let n = 1; n <= 51; n++) {
      ids.unshift((await begin(store, { runId: `run-${n}` })).runId);
      if (n % 5 === 0) await begin(store, {}, other);
    }
    for (const limit of [1, 7, 51, 1000]) {
      const found = await allPages(limit, (page) => store.runs(key, page));
      assert.deepEqual(
        found.map(({ runId }) => runId),
        ids,
      );
    }
    assert.equal((await store.runs(key)).items.length, 50);
    assert.equal((await store.runs(other)).items.length, 10);
  },

  "the audit log is listed by stream and number, page by page": async ({ store }) => {
    const keys = ["b", "a", "🦉"].map((connector) => ({ connector, stream: "s" }));
    for (let n = 1; n <= 12; n++) {
      for (const each of keys) await runTo(store, String(n), "numeric_id", each);
    }
    const numbers = Array.from({ length: 12 }, (_, n) => n + 1);
    const all = ["a", "b", "🦉"].flatMap((connector) => numbers.map((number) => `${connector} ${number}`));
    for (const limit of [1, 5, 12, 36, 1000]) {
      const found = await allPages(limit, (page) => store.audit(page));
      assert.deepEqual(
        found.map((row) => `${row.key.connector} ${row.number}`),
        all,
      );
      const one = await allPages(limit, (page) =>
        store.audit({ ...page, key: { connector: "b", stream: "s" } }),
      );
      assert.deepEqual(
        one.map(({ number }) => number),
        numbers,
      );
      assert.ok(one.every((row) => row.key.connector === "b"));
    }
  },

  "the newest rows of the audit log come first where that is asked, page by page": async ({ store }) => {
    const keys = ["b", "a", "🦉"].map((connector) => ({ connector, stream: "s" }));
    for (let n = 1; n <= 4; n++) {
      for (const each of keys) await runTo(store, String(n), "numeric_id", each);
    }
    const oldest = (await store.audit({ limit: 1000 })).items;
    const name = (row: AuditRecord): string => `${row.atUtc} ${row.key.connector} ${row.number}`;
    const expected = [...oldest].sort((a, b) => compareTexts(name(b), name(a))).map(name);
    for (const limit of [1, 5, 12, 100]) {
      const found = await allPages(limit, (page) => store.audit({ ...page, order: "newest" }));
      assert.deepEqual(found.map(name), expected);
      const one = await allPages(limit, (page) =>
        store.audit({ ...page, order: "newest", key: { connector: "b", stream: "s" } }),
      );
      assert.deepEqual(
        one.map(({ key: { connector }, number }) => `${connector} ${number}`),
        ["b 4", "b 3", "b 2", "b 1"],
      );
    }
    const { next } = await store.audit({ limit: 1 });
    await refused("ARGUMENT_INVALID", store.audit({ order: "newest", after: next ?? "" }));
  },

  "a page is 1 to 1000 long, and begins after the end of another": async ({ store }) => {
    await begin(store);
    for (const limit of [0, -1, 1.5, 1001, Number.NaN]) {
      await refused("ARGUMENT_INVALID", store.list({ limit }));
      await refused("ARGUMENT_INVALID", store.runs(key, { limit }));
      await refused("ARGUMENT_INVALID", store.audit({ limit }));
    }
    for (const after of ["", "banana", "e30", "1.5", "-1"]) {
      await refused("ARGUMENT_INVALID", store.list({ after }));
      await refused("ARGUMENT_INVALID", store.runs(key, { after }));
      await refused("ARGUMENT_INVALID", store.audit({ after }));
    }
  },

  "streams may have odd names, each its own": async ({ store }) => {
    for (const [index, name] of oddNames.entries()) {
      await runTo(store, String(index), "numeric_id", { connector: name, stream: "s" });
      await runTo(store, String(index), "numeric_id", { connector: "c", stream: name });
    }
    for (const [index, name] of oddNames.entries()) {
      for (const each of [
        { connector: name, stream: "s" },
        { connector: "c", stream: name },
      ]) {
        const state = await stateOf(store, each);
        assert.deepEqual(state.key, each);
        assert.equal(state.cursor?.value, String(index));
        assert.equal((await store.runs(each)).items.length, 1);
        assert.equal((await store.audit({ key: each })).items.length, 1);
        assert.equal((await store.reset(each, { to: null, ...byHand })).epoch, 2);
      }
    }
    const found = await allPages(7, (page) => store.list(page));
    assert.equal(found.length, oddNames.length * 2);
    assert.equal((await store.verifyAudit()).rows, oddNames.length * 4);
  },

  "partitions and backfills are no streams of their own": async ({ store }) => {
    const coverage = [{ lower: null, upper: "2026-01-01T00:00:01Z" }];
    const partitions = ["a", "b"].map((partition) => ({
      partition,
      position: at("2026-01-01T00:00:01Z", { coverage }),
    }));
    for (const kind of ["live", "backfill"] as const) {
      for (const each of [key, { ...key, stream: "default" }]) {
        for (let n = 0; n < 2; n++) {
          await store.complete(await begin(store, { kind }, each), { partitions: partitions.slice(n) });
        }
      }
    }
    const found = await allPages(1, (page) => store.list(page));
    assert.deepEqual(
      found.map((state) => state.key.stream),
      ["default", "suppliers"],
    );
    assert.equal((await store.verifyAudit()).streams, 2);
  },

  "a slash in a name does not make two streams one": async ({ store }) => {
    await runTo(store, "1", "numeric_id", { connector: "a/b", stream: "c" });
    await runTo(store, "2", "numeric_id", { connector: "a", stream: "b/c" });
    assert.equal((await stateOf(store, { connector: "a/b", stream: "c" })).cursor?.value, "1");
    assert.equal((await stateOf(store, { connector: "a", stream: "b/c" })).cursor?.value, "2");
  },

  "bad names are refused and leave nothing": async ({ store }) => {
    for (const name of badNames) {
      for (const each of [
        { connector: name, stream: "s" },
        { connector: "c", stream: name },
      ]) {
        await refused("ARGUMENT_INVALID", begin(store, {}, each));
        await refused("ARGUMENT_INVALID", store.reset(each, { to: null, ...byHand }));
      }
    }
    assert.deepEqual((await store.list()).items, []);
  },
});
