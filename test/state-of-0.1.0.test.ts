import { cpSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { fileURLToPath } from "node:url";
import pg from "pg";
import { describe, expect, onTestFinished, test } from "vitest";
import { openKeys } from "../src/api/keys/open.ts";
import { openSql } from "../src/databases/open.ts";
import type { StateStore } from "../src/state/contract.ts";
import { openState } from "../src/state/storage/open.ts";
import { runCommand, testFolder } from "./support/command.ts";
import {
  firstReleasePipelines,
  partitionNames,
  type StateKind,
  sourceRecords,
  startFirstReleaseSource,
  stateKinds,
} from "./support/first-release.ts";
import { createTestDatabase } from "./support/postgres.ts";

/**
 * State, outputs and API keys as the command of version 0.1.0 left them (commit db4d104). `support/first-release.ts` has
 * the pipelines that it ran, and their source. What it did to each stream of the connector `acme`:
 *
 * - `orders`: a run that completed with 5 records; another that was killed after 7, between two records of one time.
 * - `accounts`: three partitions, of which the source refused the second page of `us`.
 * - `history`: a run from 2025-03-01 on, and a backfill of January that failed after three of its seven slices.
 * - `resets`: a run, then a reset.
 * - `notices`: a run to an endpoint that refused the record 2, which went to the dead-letter file.
 * - `activities`: newest first; a run that completed, and one that was killed inside its window.
 *
 * Two keys were made, and one of them revoked.
 */
const left = fileURLToPath(new URL("support/state-of-0.1.0", import.meta.url));

interface Left {
  readonly folder: string;
  readonly state: string;
  readonly output: string;
  readonly open: () => Promise<StateStore>;
}

function inSqlite(sql: string, file: string): void {
  using db = new DatabaseSync(file);
  db.exec(readFileSync(sql, "utf8"));
}

async function inPostgres(sql: string): Promise<string> {
  const database = await createTestDatabase();
  onTestFinished(() => database.drop());
  const client = new pg.Client({ connectionString: database.url });
  await client.connect();
  try {
    await client.query(readFileSync(sql, "utf8"));
    // The server wrote its own time, which may be later than that of the machine that runs this test.
    await client.query("UPDATE tidemark_streams SET lease_expires_at_utc = now() WHERE status = 'running'");
  } finally {
    await client.end();
  }
  return database.url;
}

/** A folder with what was left, and the pipelines. */
async function leftIn(kind: StateKind): Promise<Left> {
  const folder = testFolder();
  const stored = join(left, kind);
  for (const [name, text] of Object.entries(firstReleasePipelines(kind))) {
    writeFileSync(join(folder, `${name}.yaml`), text);
  }
  cpSync(stored, folder, {
    recursive: true,
    filter: (path) => !path.endsWith(".sql"),
  });
  const output = `sqlite:${join(folder, "output.db")}`;
  if (kind === "postgres") {
    const url = await inPostgres(join(stored, "database.sql"));
    return { folder, state: url, output: url, open: () => openState(url) };
  }
  for (const name of ["state", "output", "state/keys", ...fileOffsets]) {
    const sql = join(stored, `${name}.sql`);
    if (existsSync(sql)) inSqlite(sql, join(folder, `${name}.db`));
  }
  const state = kind === "sqlite" ? `sqlite:${folder}/state.db` : `file:${folder}/state`;
  return { folder, state, output, open: () => openState(state) };
}

const appended = ["orders", "accounts", "history", "activities"] as const;
const fileOffsets = appended.map((name) => `${name}.jsonl.tidemark/ledger`);

async function command({ folder, state, output }: Left, source: string, ...args: string[]): Promise<void> {
  const params = ["--param", `SOURCE=${source}`, "--param", `OUTPUT=${output}`];
  const ended = await runCommand(folder, "--state", state, ...args, ...params);
  expect(ended.code, `${args.join(" ")}: ${ended.stdout}${ended.stderr}`).toBe(0);
}

/** The records in an output, as `id` or `partition/id`, sorted. */
async function delivered(of: Left, kind: StateKind, name: string): Promise<string[]> {
  const rows =
    kind === "files" && name !== "resets"
      ? readFileSync(join(of.folder, `${name}.jsonl`), "utf8")
          .trim()
          .split("\n")
          .map((line): Record<string, unknown> => JSON.parse(line))
      : await rowsOf(of.output, name);
  return rows.map(({ account, id }) => (account === undefined ? `${id}` : `${account}/${id}`)).sort();
}

async function rowsOf(url: string, table: string): Promise<readonly Record<string, unknown>[]> {
  await using connection = await openSql(url, { role: "output" });
  return await connection.query(`SELECT * FROM ${table}`);
}

/** All that the source has of a stream, once each. */
function allOf(name: string): string[] {
  const ids = (path: string, before = ""): string[] =>
    (sourceRecords[path] ?? []).map(({ id }) => `${before}${id}`);
  const all =
    name === "accounts"
      ? partitionNames.flatMap((partition) => ids(`accounts/${partition}`, `${partition}/`))
      : ids(name);
  return all.sort();
}

async function whereStreamsAre(store: StateStore): Promise<Record<string, unknown>> {
  const streams: Record<string, unknown> = {};
  for (const { key, status, cursor } of (await store.list()).items)
    streams[key.stream] = [status, cursor?.value ?? null];
  return streams;
}

describe.each(stateKinds)("what the command of 0.1.0 left in %s", (kind) => {
  test("P10, P12: is read as it was, with audit logs that verify", async () => {
    const of = await leftIn(kind);
    await using store = await of.open();
    expect(await whereStreamsAre(store)).toEqual({
      accounts: ["failed", null],
      activities: ["running", "2025-03-01T00:00:00Z"],
      history: ["completed", "2025-03-10T00:00:00Z"],
      notices: ["completed", "2025-03-01T00:00:00Z"],
      orders: ["running", "2025-03-03T00:00:00Z"],
      resets: ["idle", null],
    });
    const orders = await store.get({ connector: "acme", stream: "orders" });
    expect(orders?.position.tieSet).toHaveLength(1);
    expect(await store.backfills({ connector: "acme", stream: "history" })).toMatchObject([
      { status: "failed" },
    ]);
    expect(await store.verifyAudit()).toEqual({ streams: 6, rows: 18 });
    await using keys = await openKeys(of.state);
    expect(await keys.list()).toMatchObject([
      { name: "operations", scope: "admin", connectors: null },
      { name: "nightly 🦉", scope: "run", connectors: ["acme", "sap_*"], revokedAtUtc: null },
    ]);
    expect((await keys.audit()).map(({ action }) => action)).toEqual(["create", "create", "revoke"]);
    expect(await keys.verifyAudit()).toEqual({ rows: 3 });
  });

  test("P1, P2, P6, P8, P11: goes on without a repeat and without a loss", async () => {
    const of = await leftIn(kind);
    await using source = await startFirstReleaseSource();
    const [backfill] = await (async () => {
      await using store = await of.open();
      return await store.backfills({ connector: "acme", stream: "history" });
    })();
    await command(of, source.origin, "backfill", "history.yaml", "--resume", backfill?.backfill ?? "");
    await command(of, source.origin, "run", ".");
    for (const name of [...appended, "resets"]) {
      expect(await delivered(of, kind, name), name).toEqual(allOf(name));
    }
    expect(source.taken).toEqual([4, 5]);
    await command(of, source.origin, "deadletters", "replay", "notices.yaml", "--all");
    expect(source.taken).toEqual([4, 5, 2]);
    await using store = await of.open();
    expect(await store.verifyAudit()).toMatchObject({ streams: 6 });
  });
});
