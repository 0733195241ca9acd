import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import pg from "pg";
import { describe, expect, it, onTestFinished } from "vitest";
import { createTestDatabase } from "../../../test/support/postgres.ts";
import { FakeClock } from "../../../testing/fake-clock.ts";
import { hashSecret, parseKey } from "./key-text.ts";
import { memoryKeys } from "./memory.ts";
import { openKeys, openKeysIfAny } from "./open.ts";
import { postgresKeys } from "./postgres.ts";
import { sqliteKeys } from "./sqlite.ts";
import { type KeyStorage, KeyStore } from "./store.ts";

/** A place for keys, another look at the same place, and SQL on it where it has any. */
interface Backend {
  readonly storage: KeyStorage;
  reopen?(): Promise<KeyStorage | null>;
  sql?(text: string): Promise<void>;
}

async function sqlite(): Promise<Backend> {
  const folder = await mkdtemp(join(tmpdir(), "tidemark-keys-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  const file = join(folder, "state.db");
  const reopen = async (): Promise<KeyStorage | null> => closing(await sqliteKeys(file, { create: false }));
  const storage = await sqliteKeys(file, { create: true });
  const sql = async (text: string): Promise<void> => {
    const db = new DatabaseSync(file, { timeout: 5000 });
    db.exec(text);
    db.close();
  };
  return { storage: present(closing(storage)), reopen, sql };
}

async function postgres(): Promise<Backend> {
  const { url, drop } = await createTestDatabase();
  onTestFinished(drop);
  const reopen = async (): Promise<KeyStorage | null> => closing(await postgresKeys(url, { create: false }));
  const storage = await postgresKeys(url, { create: true });
  const sql = async (text: string): Promise<void> => {
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    await client.query(text);
    await client.end();
  };
  return { storage: present(closing(storage)), reopen, sql };
}

function closing<Storage extends KeyStorage | null>(storage: Storage): Storage {
  onTestFinished(() => storage?.close());
  return storage;
}

function present(storage: KeyStorage | null): KeyStorage {
  if (storage === null) throw new Error("there is no storage");
  return storage;
}

const backends = [
  { name: "memory", open: async (): Promise<Backend> => ({ storage: memoryKeys() }) },
  { name: "sqlite", open: sqlite },
  { name: "postgres", open: postgres },
];

const stored = backends.filter(({ name }) => name !== "memory");

describe.each(backends)("keys in $name", ({ open }) => {
  it("a key is found by its id, with the hash of its secret and nothing else of it", async () => {
    const { storage } = await open();
    const keys = new KeyStore(storage, new FakeClock());
    const { id, key, scope } = await keys.create(
      {
        scope: "run",
        connectors: ["sap_*", "été"],
        name: "nightly 🦉",
        expiresAtUtc: "2031-01-01T00:00:00.000Z",
      },
      "ada",
    );
    const text = parseKey(key);
    const row = await keys.find(id);
    expect(scope).toBe("run");
    expect(text?.id).toBe(id);
    expect(row).toMatchObject({
      id,
      scope: "run",
      connectors: ["sap_*", "été"],
      name: "nightly 🦉",
      hash: hashSecret(text?.secret ?? ""),
      createdBy: "ada",
      expiresAtUtc: "2031-01-01T00:00:00.000Z",
      revokedAtUtc: null,
      lastUsedAtUtc: null,
    });
    expect(JSON.stringify([row, await keys.audit()])).not.toContain(text?.secret);
    expect(await keys.find("key_0000000000000000")).toBeNull();
    expect((await keys.list()).map((record) => "hash" in record)).toEqual([false]);
  });

  it("P12: makings and revocations are in a log that verifies, with who did them", async () => {
    const { storage } = await open();
    const keys = new KeyStore(storage);
    const first = await keys.create({ scope: "admin" }, "ada");
    const second = await keys.create({ scope: "read" }, first.id);
    await keys.revoke(second.id, first.id);
    await keys.revoke(second.id, "again");
    expect(await keys.audit()).toMatchObject([
      { number: 1, action: "create", keyId: first.id, actor: "ada" },
      { number: 2, action: "create", keyId: second.id, actor: first.id },
      { number: 3, action: "revoke", keyId: second.id, actor: first.id },
    ]);
    expect(await keys.verifyAudit()).toEqual({ rows: 3 });
    expect((await keys.find(second.id))?.revokedBy).toBe(first.id);
  });

  it("a key that is not there cannot be revoked", async () => {
    const keys = new KeyStore((await open()).storage);
    await expect(keys.revoke("key_0000000000000000", "ada")).rejects.toMatchObject({ code: "KEY_NOT_FOUND" });
  });

  it("only one first key is made, however many ask at once", async () => {
    const keys = new KeyStore((await open()).storage);
    const made = await Promise.all(
      Array.from({ length: 8 }, () => keys.createFirst({ scope: "admin" }, "test")),
    );
    expect(made.filter((issued) => issued !== null)).toHaveLength(1);
    expect(await keys.list()).toHaveLength(1);
    expect(await keys.verifyAudit()).toEqual({ rows: 1 });
  });

  it("keys that are made at once all stand in the log", async () => {
    const keys = new KeyStore((await open()).storage);
    await Promise.all(
      Array.from({ length: 20 }, (_, n) => keys.create({ scope: "read", name: `k${n}` }, "test")),
    );
    expect(await keys.verifyAudit()).toEqual({ rows: 20 });
  });

  it("the time of use is kept to the minute", async () => {
    const clock = new FakeClock();
    const keys = new KeyStore((await open()).storage, clock);
    const { id } = await keys.create({ scope: "read" }, "test");
    const used = async (): Promise<string | null | undefined> => (await keys.find(id))?.lastUsedAtUtc;
    await keys.touch(id);
    const first = await used();
    expect(first).toBe(new Date(clock.now()).toISOString());
    await clock.advance(59_000);
    await keys.touch(id);
    expect(await used()).toBe(first);
    await clock.advance(1000);
    await keys.touch(id);
    expect(await used()).toBe(new Date(clock.now()).toISOString());
  });

  it("a key that is expired or revoked is no usable one", async () => {
    const clock = new FakeClock();
    const keys = new KeyStore((await open()).storage, clock);
    expect(await keys.hasUsable()).toBe(false);
    const expiresAtUtc = new Date(clock.now() + 1000).toISOString();
    await keys.create({ scope: "read", expiresAtUtc }, "test");
    expect(await keys.hasUsable()).toBe(true);
    await clock.advance(1000);
    expect(await keys.hasUsable()).toBe(false);
    const { id } = await keys.create({ scope: "read" }, "test");
    expect(await keys.hasUsable()).toBe(true);
    await keys.revoke(id, "test");
    expect(await keys.hasUsable()).toBe(false);
  });
});

const tamperings = [
  ["a row's actor changed", "UPDATE tidemark_key_audit SET actor = 'eve' WHERE number = 2", 2],
  ["a row removed", "DELETE FROM tidemark_key_audit WHERE number = 2", 2],
  ["the last row removed", "DELETE FROM tidemark_key_audit WHERE number = 4", 4],
  ["all rows removed", "DELETE FROM tidemark_key_audit", 1],
  [
    "two rows in each other's place",
    "UPDATE tidemark_key_audit SET number = 9 WHERE number = 1; UPDATE tidemark_key_audit SET number = 1 WHERE number = 2; UPDATE tidemark_key_audit SET number = 2 WHERE number = 9",
    1,
  ],
  [
    "a row added",
    "INSERT INTO tidemark_key_audit SELECT 5, key_id, at_utc, actor, action, terms, hash FROM tidemark_key_audit WHERE number = 4",
    5,
  ],
] as const;

const widenings = [
  ["a key widened", "UPDATE tidemark_keys SET scope = 'admin' WHERE scope = 'read'"],
  ["a key unbound", "UPDATE tidemark_keys SET connectors = NULL WHERE connectors IS NOT NULL"],
  ["another secret put in", "UPDATE tidemark_keys SET hash = '00' WHERE scope = 'read'"],
  ["a revocation undone", "UPDATE tidemark_keys SET revoked_at_utc = NULL, revoked_by = NULL"],
  [
    "a key slipped in",
    "INSERT INTO tidemark_keys SELECT 'key_ffffffffffffffff', name, 'admin', NULL, hash, created_at_utc, created_by, NULL, NULL, NULL, NULL FROM tidemark_keys WHERE scope = 'read'",
  ],
] as const;

describe.each(stored)("stored keys in $name", ({ open }) => {
  async function withLog(): Promise<{ keys: KeyStore; sql: (text: string) => Promise<void> }> {
    const { storage, sql } = await open();
    const keys = new KeyStore(storage);
    await keys.create({ scope: "admin" }, "ada");
    await keys.create({ scope: "read", connectors: ["acme"] }, "ada");
    const { id } = await keys.create({ scope: "run" }, "ada");
    await keys.revoke(id, "ada");
    expect(await keys.verifyAudit()).toEqual({ rows: 4 });
    return { keys, sql: sql ?? (async () => {}) };
  }

  it.each(tamperings)("P12: %s is found, and named", async (_, sql, number) => {
    const log = await withLog();
    for (const text of sql.split("; ")) await log.sql(text);
    await expect(log.keys.verifyAudit()).rejects.toMatchObject({ code: "AUDIT_BROKEN", details: { number } });
  });

  it.each(widenings)("P12: %s behind the log's back is found", async (_, sql) => {
    const log = await withLog();
    await log.sql(sql);
    await expect(log.keys.verifyAudit()).rejects.toMatchObject({ code: "AUDIT_BROKEN" });
  });

  it("keys are there when the place is opened again", async () => {
    const { storage, reopen } = await open();
    const { id } = await new KeyStore(storage).create({ scope: "read" }, "test");
    const again = (await reopen?.()) ?? null;
    expect((await again?.find(id))?.scope).toBe("read");
  });

  it("P10: a row that is no key is an error, never no key", async () => {
    const { storage, sql } = await open();
    const { id } = await new KeyStore(storage).create({ scope: "read" }, "test");
    await sql?.("UPDATE tidemark_keys SET scope = 'everything'");
    await expect(storage.find(id)).rejects.toMatchObject({ code: "STATE_UNREADABLE" });
  });

  it("P10: tables without a version are an error, never a database without keys", async () => {
    const { reopen, sql } = await open();
    await sql?.("DROP TABLE tidemark_key_schema");
    await expect(reopen?.()).rejects.toMatchObject({ code: "STATE_UNREADABLE" });
  });

  it("tables of a later version are left alone", async () => {
    const { reopen, sql } = await open();
    await sql?.("UPDATE tidemark_key_schema SET version = 99");
    await expect(reopen?.()).rejects.toMatchObject({ code: "STATE_TOO_NEW" });
  });
});

it("state in files keeps its keys next to them, and a remote state keeps none", async () => {
  const folder = await mkdtemp(join(tmpdir(), "tidemark-keys-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  expect(await openKeysIfAny(`file:${folder}`)).toBeNull();
  {
    await using keys = await openKeys(`file:${folder}`);
    await keys.create({ scope: "read" }, "test");
  }
  await using again = await openKeysIfAny(`file:${folder}`);
  expect(await again?.list()).toHaveLength(1);
  await expect(openKeys("https://state.example.com")).rejects.toMatchObject({ code: "STATE_URL_INVALID" });
});
