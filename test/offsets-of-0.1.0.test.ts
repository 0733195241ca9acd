import { cpSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, onTestFinished, test } from "vitest";
import { z } from "zod";
import { systemClock } from "../src/clock.ts";
import { openSql } from "../src/databases/open.ts";
import type { Output, OutputSession } from "../src/engine/ports.ts";
import { emptyPosition } from "../src/model/position.ts";
import { createFileOutput } from "../src/outputs/files/file.ts";
import { fileOutputSchema } from "../src/outputs/files/schema.ts";
import { createDatabaseOutput } from "../src/outputs/table/database-output.ts";
import { databaseOutputSchema } from "../src/outputs/table/schema.ts";
import { mysqlRuns, ownMysqlDatabase } from "./support/mysql-tests.ts";
import { createTestDatabase } from "./support/postgres.ts";

/**
 * Outputs as version 0.1.0 left them (commit db4d104), each in the middle of a window: files and a SQLite database, and the
 * statements that it sent to PostgreSQL and MariaDB. The live stream was fenced with epoch 4 and committed twice, two
 * partitions went with the first commit, and a backfill committed under epoch 1.
 */
const left = fileURLToPath(new URL("support/offsets-1", import.meta.url));

const statementsSchema = z.array(
  z.object({ sql: z.string(), params: z.array(z.union([z.string(), z.number()])) }),
);

interface Left {
  readonly output: Output;
  /** The ids of the rows that are there. */
  readonly ids: () => Promise<readonly number[]>;
}

function copied(name: string): string {
  const folder = mkdtempSync(join(tmpdir(), "tidemark-offsets-1-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  cpSync(left, folder, { recursive: true });
  return join(folder, name);
}

function fileLeft(format: "jsonl" | "csv"): Left {
  const path = copied(`orders.${format}`);
  return {
    output: createFileOutput(fileOutputSchema.parse({ type: "file", path, format })),
    ids: async () =>
      [...readFileSync(path, "utf8").matchAll(/^(?:\{"id":)?(\d+),/gm)].map(([, id]) => Number(id)),
  };
}

function databaseLeft(url: string): Left {
  const config = { type: "database", connectionString: url, table: "orders" };
  return {
    output: createDatabaseOutput(databaseOutputSchema.parse(config)),
    async ids() {
      await using connection = await openSql(url, { role: "output" });
      return (await connection.query("SELECT id FROM orders")).map(({ id }) => Number(id));
    },
  };
}

async function replayed(url: string, name: string): Promise<Left> {
  const statements = statementsSchema.parse(JSON.parse(readFileSync(join(left, `${name}.json`), "utf8")));
  await using connection = await openSql(url, { role: "output" });
  for (const { sql, params } of statements) await connection.execute(sql, params);
  await connection.execute("DELETE FROM orders");
  await connection.execute("INSERT INTO orders (id) VALUES (1), (2), (3), (0)");
  return databaseLeft(url);
}

const kinds: readonly (readonly [string, () => Promise<Left>])[] = [
  ["JSON lines", async () => fileLeft("jsonl")],
  ["CSV", async () => fileLeft("csv")],
  ["SQLite", async () => databaseLeft(`sqlite:${copied("orders.db")}`)],
  [
    "PostgreSQL",
    async () => {
      const database = await createTestDatabase();
      onTestFinished(() => database.drop());
      return replayed(database.url, "postgres");
    },
  ],
  ...(mysqlRuns ? [["MySQL", async () => replayed(await ownMysqlDatabase(), "mysql")] as const] : []),
];

async function open(output: Output, scope: string): Promise<OutputSession> {
  const session = await output.open({
    key: { connector: "acme", stream: "orders" },
    clock: systemClock,
    signal: new AbortController().signal,
    warn: () => {},
    scope,
    leaseSeconds: 60,
  });
  onTestFinished(() => session.close());
  return session;
}

describe.each(kinds)("what 0.1.0 wrote to %s", (_, leftOver) => {
  test("P1, P2, P4: the next run goes on from it, without a repeat", async () => {
    const { output, ids } = await leftOver();
    const session = await open(output, "");
    expect(await session.fencedEpoch()).toBe(4);
    const superseded = { code: "RUN_SUPERSEDED" };
    await expect((await open(output, "")).fence(4)).rejects.toMatchObject(superseded);
    const last = { ...emptyPosition, watermark: "2026-01-02T00:00:00Z" };
    expect(await session.fence(5)).toEqual({ epoch: 4, sequence: 2, position: last });
    const first = { ...emptyPosition, watermark: "2026-01-01T00:00:00Z" };
    expect(await session.partition?.("eu")).toEqual({ epoch: 4, sequence: 1, position: first });
    expect(await session.partition?.("p".repeat(250))).toEqual({ epoch: 4, sequence: 1, position: last });
    const delivered = ["1 a", "2 a", `long ${"x".repeat(300)}`, "3 a"];
    expect(await session.delivered?.([...delivered, "0 a", "4 a"])).toEqual(new Set(delivered));

    await session.write({ records: [{ id: 4, at: "2026-01-04T00:00:00Z" }], deliveries: ["4 a"] });
    const position = { ...emptyPosition, watermark: "2026-01-04T00:00:00Z" };
    await session.commit({
      epoch: 5,
      sequence: 1,
      position,
      cursorType: "timestamp_utc",
      windowFinished: true,
    });
    expect(await session.delivered?.(delivered)).toEqual(new Set());
    expect(await (await open(output, "")).fence(6)).toEqual({ epoch: 5, sequence: 1, position });
    expect([...(await ids())].sort()).toEqual([0, 1, 2, 3, 4]);
  });

  test("P11: a backfill goes on from its own offsets", async () => {
    const { output } = await leftOver();
    const backfill = await open(output, "backfill/0198");
    expect(await backfill.fencedEpoch()).toBe(1);
    const position = { ...emptyPosition, watermark: "2025-01-01T00:00:00Z" };
    expect(await backfill.fence(2)).toEqual({ epoch: 1, sequence: 1, position });
    expect(await backfill.delivered?.(["0 a", "1 a"])).toEqual(new Set(["0 a"]));
  });
});
