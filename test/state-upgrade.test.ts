import { cpSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { fileURLToPath } from "node:url";
import pg from "pg";
import { expect, onTestFinished, test } from "vitest";
import { emptyPosition, positionFormat } from "../src/model/position.ts";
import type { RunRef, StateStore, StreamState } from "../src/state/contract.ts";
import { openFileState } from "../src/state/storage/files/file.ts";
import { openPostgresState } from "../src/state/storage/postgres/postgres.ts";
import { openSqliteState } from "../src/state/storage/sqlite/sqlite.ts";
import { createTestDatabase } from "./support/postgres.ts";

/** State as older versions wrote it, and what each told of it: the first, and the last with tables of step 3. */
const first = fileURLToPath(new URL("support/state-1", import.meta.url));
const second = fileURLToPath(new URL("support/state-2", import.meta.url));
const orders = { connector: "acme", stream: "orders" };
const events = { connector: "acme", stream: "events" };
const odd = { connector: "ünï/çode 🦉", stream: "default" };

function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "tidemark-upgrade-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Opens a state that an older version left behind, as often as it is asked. */
const backends: Readonly<Record<string, (stored: string) => Promise<() => Promise<StateStore>>>> = {
  async sqlite(stored) {
    const file = join(temporaryFolder(), "state.db");
    const db = new DatabaseSync(file);
    db.exec(readFileSync(join(stored, "sqlite.sql"), "utf8"));
    db.close();
    return () => openSqliteState(file);
  },
  async postgres(stored) {
    const database = await createTestDatabase();
    onTestFinished(() => database.drop());
    const client = new pg.Client({ connectionString: database.url });
    await client.connect();
    await client.query(readFileSync(join(stored, "postgres.sql"), "utf8"));
    await client.end();
    return () => openPostgresState(database.url);
  },
  async files(stored) {
    const folder = temporaryFolder();
    cpSync(join(stored, "files"), folder, { recursive: true });
    return () => openFileState(folder);
  },
};

for (const [name, leftBehind] of Object.entries(backends)) {
  test(`P10 P12: state of the first version comes through unharmed: ${name}`, async () => {
    const open = await leftBehind(first);
    // Exports are written in the newest format.
    const text = readFileSync(join(first, `${name}.json`), "utf8");
    const expected: unknown = JSON.parse(inNewestFormat(text));
    await using store = await open();
    expect(await told(store)).toEqual(expected);
    expect(await store.verifyAudit()).toEqual({ streams: 2, rows: 5 });
    await using again = await open();
    expect(await told(again)).toEqual(expected);
  });

  test(`state of the first version goes on with partitions and backfills: ${name}`, async () => {
    const open = await leftBehind(first);
    await using store = await open();
    expect((await store.backfills(orders)).map(({ backfill, status }) => [backfill, status])).toEqual([
      ["backfill-1", "failed"],
      ["backfill-2", "completed"],
    ]);
    const id = { kind: "backfill", backfill: "backfill-1" } as const;
    const backfill = await store.begin(orders, { cursorType: "numeric_id", ...id });
    expect(backfill.position.coverage).toEqual([{ lower: "100", upper: "150" }]);
    const coverage = [{ lower: "100", upper: "200" }];
    await store.complete(backfill, { position: { ...emptyPosition, coverage } });
    expect(await store.coverage(orders)).toEqual([{ lower: null, upper: "12345678901234567899" }]);
    const run = await store.begin(orders, { cursorType: "numeric_id" });
    const partitions = [{ partition: "a", position: { ...emptyPosition, watermark: "7" } }];
    await store.complete(run, { newCursor: "12345678901234567999", partitions });
    expect(await store.verifyAudit()).toEqual({ streams: 2, rows: 7 });
    const { items } = await store.audit({ key: orders, order: "newest", limit: 2 });
    expect(items.map(({ number, partition }) => [number, partition])).toEqual([
      [6, "a"],
      [5, null],
    ]);
    const late = await store.begin(odd, { cursorType: "text", runId: "odd-2" });
    expect(late.epoch).toBe(2);
    await using again = await open();
    expect((await again.partition(orders, "a"))?.position.watermark).toBe("7");
    expect((await again.runs(orders)).items).toHaveLength(7);
  });

  test(`P10 P12: partitions, backfills and a running run come through the renaming of tables: ${name}`, async () => {
    const open = await leftBehind(second);
    const expected: unknown = JSON.parse(readFileSync(join(second, `${name}.json`), "utf8"));
    await using store = await open();
    expect(await toldOfPartitions(store)).toEqual(expected);
    await store.checkpoint(await runningRun(store), {
      sequence: 2,
      position: { ...emptyPosition, watermark: "2026-01-02T00:00:00Z" },
      recordsProcessed: 2,
    });
    const asked = { actor: "ada", reason: "the upgrade" };
    await store.stop(events, asked);
    expect(await store.heartbeat(await runningRun(store))).toEqual({ stop: asked });
    const run = await store.begin(orders, { cursorType: "numeric_id" });
    const position = { ...emptyPosition, watermark: "8" };
    await store.complete(run, { partitions: [{ partition: "a", position }] });
    await using again = await open();
    expect((await again.partition(orders, "a"))?.position.watermark).toBe("8");
    expect((await again.get(events))?.position.tieSet).toEqual([]);
    expect(await again.verifyAudit()).toEqual({ streams: 2, rows: 8 });
  });
}

async function runningRun(store: StateStore): Promise<RunRef> {
  const state = await store.get(events);
  return { key: events, kind: "live", runId: state?.runId ?? "", epoch: state?.epoch ?? 0 };
}

async function toldOfPartitions(store: StateStore): Promise<unknown> {
  const stateOf = async (key: typeof orders) => {
    const state = await store.get(key);
    return state === null ? null : withoutStops(state);
  };
  const of = async (key: typeof orders) => ({
    state: await stateOf(key),
    partitions: (await store.partitions(key)).items,
    coverage: await store.coverage(key),
    ofA: await store.coverage(key, { partition: "a" }),
    backfills: await store.backfills(key),
    runs: (await store.runs(key)).items,
    audit: (await store.audit({ key })).items,
    exported: await store.export(key),
  });
  const all = { orders: await of(orders), events: await of(events), verified: await store.verifyAudit() };
  return JSON.parse(JSON.stringify(all));
}

/** Positions, also those inside exports, with the names that they have now. */
function inNewestFormat(text: string): string {
  return text
    .replaceAll('\\"format\\":1,', `\\"format\\":${positionFormat},`)
    .replaceAll(/companions(?=\\?":)/g, "secondaryCursors")
    .replaceAll(/boundary(?=\\?":)/g, "tieSet");
}

/** Older versions knew no requests to stop. */
function withoutStops(state: StreamState): Omit<StreamState, "stopRequested"> {
  const { stopRequested, ...rest } = state;
  expect(stopRequested).toBeNull();
  return rest;
}

/** The first version knew no text beside the canonical one. */
function asFirstTold(state: StreamState | null): unknown {
  if (state === null) return null;
  const { cursorText, ...rest } = withoutStops(state);
  expect(cursorText).toBe(state.cursor?.value ?? null);
  return rest;
}

async function told(store: StateStore): Promise<unknown> {
  const of = async (key: typeof orders) => ({
    state: asFirstTold(await store.get(key)),
    runs: (await store.runs(key)).items,
    audit: (await store.audit({ key })).items.map(({ partition, ...row }) => {
      expect(partition).toBeNull();
      return row;
    }),
    exported: await store.export(key),
  });
  const all = { orders: await of(orders), odd: await of(odd) };
  return JSON.parse(JSON.stringify(all));
}
