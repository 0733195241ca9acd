import pg from "pg";
import { expect, onTestFinished, test } from "vitest";
import { createTestDatabase } from "../../../../test/support/postgres.ts";
import { emptyPosition, positionFormat } from "../../../model/position.ts";
import { auditHash } from "../../audit.ts";
import type { StateStore } from "../../contract.ts";
import { openPostgresState } from "./postgres.ts";

const key = { connector: "sap_eu", stream: "suppliers" };

async function emptyState(): Promise<{ store: StateStore; client: pg.Client }> {
  const database = await createTestDatabase();
  onTestFinished(() => database.drop());
  const store = await openPostgresState(database.url);
  onTestFinished(() => store.close());
  const client = new pg.Client({ connectionString: database.url });
  await client.connect();
  onTestFinished(() => client.end());
  return { store, client };
}

const damages: Readonly<Record<string, string>> = {
  "a position that is no JSON": "position = left(position, 20)",
  "a position of no format": "position = '{}'",
  "a position of another shape": `position = replace(position, '"window":null', '"window":7')`,
  "a watermark that was edited to none": "cursor_value = 'tomorrow'",
  "a watermark that is no timestamp":
    "cursor_value = 'banana', position = replace(position, cursor_value, 'banana')",
  "a status that there is not": "status = 'paused'",
  "a cursor type that there is not": "cursor_type = 'date'",
};

for (const [what, damage] of Object.entries(damages)) {
  test(`P10: ${what} is STATE_UNREADABLE, and stays as it is`, async () => {
    const { store, client } = await emptyState();
    const run = await store.begin(key, { cursorType: "timestamp_utc" });
    await store.complete(run, { newCursor: "2026-01-01T00:00:01Z" });
    const held = await store.begin(key, { cursorType: "timestamp_utc" });
    await client.query(`UPDATE tidemark_streams SET ${damage}`);
    const stored = async () =>
      (await client.query("SELECT position, cursor_value, cursor_type, epoch FROM tidemark_streams")).rows;
    const before = await stored();
    const unreadable = { code: "STATE_UNREADABLE" };
    await expect(store.get(key)).rejects.toMatchObject(unreadable);
    await expect(store.list()).rejects.toMatchObject(unreadable);
    await expect(store.begin(key, { cursorType: "timestamp_utc" })).rejects.toMatchObject(unreadable);
    await expect(
      store.begin(key, { cursorType: "timestamp_utc", ifRunning: "refuse" }),
    ).rejects.toMatchObject(unreadable);
    const newCursor = "2028-01-01T00:00:00Z";
    if (what !== "a watermark that is no timestamp" && !what.startsWith("a position of another")) {
      await expect(store.complete(held, { newCursor })).rejects.toMatchObject(unreadable);
    }
    expect(await stored()).toEqual(before);
  });
}

test("P10: a damaged stream that is not running is not begun", async () => {
  const { store, client } = await emptyState();
  for (const [what, damage] of Object.entries(damages)) {
    const of = { connector: "c", stream: what };
    const run = await store.begin(of, { cursorType: "timestamp_utc" });
    await store.complete(run, { newCursor: "2026-01-01T00:00:01Z" });
    await client.query(`UPDATE tidemark_streams SET ${damage} WHERE stream = $1`, [what]);
    await expect(store.begin(of, { cursorType: "timestamp_utc" })).rejects.toMatchObject({
      code: "STATE_UNREADABLE",
    });
    const { rows } = await client.query(
      "SELECT count(*)::int AS n FROM tidemark_streams WHERE stream = $1 AND position LIKE '%2026%'",
      [what],
    );
    expect(rows[0]?.n, what).toBe(/no JSON|no format|no timestamp/.test(what) ? 0 : 1);
  }
});

test("P10: a position of a newer format is STATE_TOO_NEW, and stays as it is", async () => {
  const { store, client } = await emptyState();
  const run = await store.begin(key, { cursorType: "timestamp_utc" });
  await client.query(
    `UPDATE tidemark_streams SET position = replace(position, '"format":${positionFormat}', '"format":99')`,
  );
  const tooNew = { code: "STATE_TOO_NEW" };
  await expect(store.get(key)).rejects.toMatchObject(tooNew);
  await expect(store.begin(key, { cursorType: "timestamp_utc" })).rejects.toMatchObject(tooNew);
  await expect(store.complete(run, { newCursor: "2026-01-01T00:00:01Z" })).rejects.toMatchObject(tooNew);
  await expect(store.fail(run, { error: "x" })).rejects.toMatchObject(tooNew);
  await expect(
    store.checkpoint(run, { sequence: 1, position: emptyPosition, recordsProcessed: 0 }),
  ).rejects.toMatchObject(tooNew);
});

test("P10: tables that are gone are STATE_UNREADABLE, not an empty state", async () => {
  const { store, client } = await emptyState();
  await client.query("DROP TABLE tidemark_streams");
  await expect(store.get(key)).rejects.toMatchObject({ code: "STATE_UNREADABLE" });
  await expect(store.begin(key, { cursorType: null })).rejects.toMatchObject({ code: "STATE_UNREADABLE" });
});

test("P10: a watermark that was edited is refused by the next begin, also where the run before only failed", async () => {
  const { store, client } = await emptyState();
  await store.complete(await store.begin(key, { cursorType: "numeric_id" }), { newCursor: "5" });
  const run = await store.begin(key, { cursorType: "numeric_id" });
  await client.query(
    "UPDATE tidemark_streams SET cursor_value = '9', position = replace(position, '\"5\"', '\"9\"')",
  );
  await store.heartbeat(run);
  await store.fail(run, { error: "the source answered 502" });
  const next = store.begin(key, { cursorType: "numeric_id" });
  await expect(next).rejects.toMatchObject({ code: "STATE_EDITED" });
});

test("P12: the hash that SQL makes is the one of auditHash, for every kind of text and for none", async () => {
  const { store } = await emptyState();
  const texts = ["", "a", "ünï/çode 🦉", "'quoted' \"twice\" \\ $1 %s", "line\nbreak\ttab", "7:advance", "-"];
  const streams = [key, { connector: "ünï 🦉", stream: 'it\'s \\ "odd" $1' }];
  for (const each of streams) {
    for (const actor of [...texts, undefined]) {
      for (const newCursor of texts) {
        const run = await store.begin(each, {
          cursorType: "opaque_token",
          ...(actor === undefined ? {} : { actor }),
        });
        await store.complete(run, { newCursor });
      }
    }
    let previous = "";
    const { items } = await store.audit({ key: each, limit: 1000 });
    expect(items.length).toBe(texts.length * (texts.length + 1));
    for (const row of items) {
      expect(row.hash).toBe(auditHash(previous, row));
      previous = row.hash;
    }
  }
  expect(await store.verifyAudit()).toEqual({ streams: 2, rows: 112 });
});

test("P12: a row that is altered, removed, moved or added is found, and so is a stream that is gone", async () => {
  const { store, client } = await emptyState();
  const keys = ["a", "b", "c"].map((connector) => ({ connector, stream: "s" }));
  for (const each of keys) {
    for (let n = 1; n <= 4; n++) {
      await store.complete(await store.begin(each, { cursorType: "numeric_id" }), { newCursor: String(n) });
    }
  }
  const tampering: Readonly<Record<string, RegExp>> = {
    "UPDATE tidemark_audit SET actor = 'eve' WHERE connector = 'b' AND number = 2": /audit row 2 of b\/s/,
    "UPDATE tidemark_audit SET reason = '' WHERE connector = 'b' AND number = 3": /audit row 3 of b\/s/,
    "DELETE FROM tidemark_audit WHERE connector = 'b' AND number = 1": /audit row 1 of b\/s/,
    "DELETE FROM tidemark_audit WHERE connector = 'b' AND number = 4": /audit row 4 of b\/s/,
    "DELETE FROM tidemark_audit WHERE connector = 'b'": /audit row 1 of b\/s/,
    "UPDATE tidemark_audit SET number = 5 WHERE connector = 'b' AND number = 4": /audit row 4 of b\/s/,
    "INSERT INTO tidemark_audit (connector, stream, number, at_utc, actor, action, old_cursor, new_cursor, reason, run_id, hash, partition) SELECT connector, stream, 5, at_utc, actor, action, old_cursor, new_cursor, reason, run_id, hash, partition FROM tidemark_audit WHERE connector = 'b' AND number = 4":
      /audit row 5 of b\/s/,
    "DELETE FROM tidemark_streams WHERE connector = 'a'": /audit row 1 of a\/s/,
    "DELETE FROM tidemark_streams WHERE connector = 'c'": /audit row 1 of c\/s/,
  };
  for (const [tamper, told] of Object.entries(tampering)) {
    await client.query("CREATE TABLE kept_audit AS TABLE tidemark_audit");
    await client.query("CREATE TABLE kept_streams AS TABLE tidemark_streams");
    await client.query(tamper);
    await expect(store.verifyAudit(), tamper).rejects.toMatchObject({
      code: "AUDIT_BROKEN",
      message: expect.stringMatching(told),
    });
    await client.query("TRUNCATE tidemark_audit, tidemark_streams");
    await client.query("INSERT INTO tidemark_audit TABLE kept_audit");
    await client.query("INSERT INTO tidemark_streams TABLE kept_streams");
    await client.query("DROP TABLE kept_audit, kept_streams");
    expect(await store.verifyAudit()).toEqual({ streams: 3, rows: 12 });
  }
});

test("P12: a log longer than a page is verified while it grows", async () => {
  const { store, client } = await emptyState();
  const run = await store.begin(key, { cursorType: "numeric_id" });
  const to = (sequence: number) => ({
    sequence,
    position: { ...emptyPosition, watermark: String(sequence) },
    recordsProcessed: sequence,
  });
  for (let sequence = 1; sequence <= 1100; sequence++) await store.checkpoint(run, to(sequence));
  let growing = true;
  const growth = (async () => {
    for (let sequence = 1101; growing; sequence++) await store.checkpoint(run, to(sequence));
  })();
  for (let n = 0; n < 5; n++) {
    const { streams, rows } = await store.verifyAudit();
    expect(streams).toBe(1);
    expect(rows).toBeGreaterThanOrEqual(1100);
  }
  growing = false;
  await growth;
  await client.query("DELETE FROM tidemark_audit WHERE number = 1050");
  await expect(store.verifyAudit({ key })).rejects.toMatchObject({ code: "AUDIT_BROKEN" });
});

test("what PostgreSQL has no character for is refused, and in an error replaced", async () => {
  const { store } = await emptyState();
  const run = await store.begin(key, { cursorType: "numeric_id" });
  const before = await store.get(key);
  const window = { lower: null, upper: null, order: "unordered" as const, highest: null };
  for (const token of ["a\u0000b", "\ud83e", "\\\u0000"]) {
    const position = { ...emptyPosition, window: { ...window, resume: { kind: "token" as const, token } } };
    await expect(store.checkpoint(run, { sequence: 1, position, recordsProcessed: 0 })).rejects.toMatchObject(
      { code: "ARGUMENT_INVALID" },
    );
  }
  expect(await store.get(key)).toEqual(before);
  const harmless = { ...window, resume: { kind: "token" as const, token: "\\u0000 \\\\u0000 \u0001" } };
  const position = { ...emptyPosition, window: harmless };
  await store.checkpoint(run, { sequence: 1, position, recordsProcessed: 0 });
  expect((await store.get(key))?.position.window).toEqual(harmless);
  const failed = await store.fail(run, { error: "it sent \u0000", metadata: { raw: "\u0000" } });
  expect(failed.lastError).toBe("it sent \ufffd");
  expect((await store.get(key))?.metadata).toEqual({ raw: "\u0000" });
});
