import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { systemClock } from "../../src/clock.ts";
import { openSql } from "../../src/databases/open.ts";
import type { SqlConnection } from "../../src/databases/port.ts";
import type { Input, Pipeline, ReadRequest } from "../../src/engine/ports.ts";
import { sync } from "../../src/engine/run/sync.ts";
import { createDatabaseInput } from "../../src/inputs/query/input.ts";
import { databaseInputSchema } from "../../src/inputs/query/schema.ts";
import type { SourceRecord } from "../../src/model/record.ts";
import { openMemoryState } from "../../src/state/storage/memory/memory.ts";
import { MemoryTable, memoryOutput } from "../../testing/memory-output.ts";
import { mysqlRuns, ownMysqlDatabase } from "./mysql-tests.ts";
import { createTestDatabase } from "./postgres.ts";

export interface Place {
  readonly url: string;
  readonly beside: SqlConnection;
  /** Runs a statement in which moments are written in ISO 8601, in UTC. */
  run(sql: string): Promise<unknown>;
}

/** What a column of moments is, in each database. */
export const momentTypes = { sqlite: "TEXT", postgres: "timestamptz", mysql: "TIMESTAMP(6) NULL" } as const;

async function placeAt(url: string): Promise<Place> {
  const beside = await openSql(url, { role: "output" });
  onTestFinished(() => beside.close());
  // MySQL reads no zone.
  const zone = beside.dialect.name === "mysql" ? /(?<='\d{4}-\d\d-\d\dT[\d:.]+)Z(?=')/g : /(?!)/g;
  return { url, beside, run: (sql) => beside.execute(sql.replaceAll(zone, "")) };
}

export async function sqlitePlace(): Promise<Place> {
  const folder = mkdtempSync(join(tmpdir(), "tidemark-input-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return placeAt(`sqlite:${join(folder, "data.db")}`);
}

/** A file with a rollback journal, as most applications have it: whoever reads keeps writers from committing. */
export async function rollbackPlace(): Promise<Place> {
  const place = await sqlitePlace();
  await place.beside.query("PRAGMA journal_mode = DELETE");
  await place.beside.query("PRAGMA busy_timeout = 100");
  return place;
}

export async function postgresPlace(): Promise<Place> {
  const database = await createTestDatabase();
  onTestFinished(() => database.drop());
  return placeAt(database.url);
}

export async function mysqlPlace(): Promise<Place> {
  return placeAt(await ownMysqlDatabase());
}

export const places: readonly (readonly [keyof typeof momentTypes, () => Promise<Place>])[] = [
  ["sqlite", sqlitePlace],
  ["sqlite", rollbackPlace],
  ["postgres", postgresPlace],
  ...(mysqlRuns ? [["mysql", mysqlPlace] as const] : []),
];

export function inputOf(place: Pick<Place, "url">, config: object): Input {
  return createDatabaseInput(
    databaseInputSchema.parse({ type: "database", connectionString: place.url, ...config }),
  );
}

interface Reading {
  readonly pages: SourceRecord[][];
  readonly warnings: string[];
}

/** Reads once, as the engine would from a watermark. */
export async function read(
  input: Input,
  lower: string | null = null,
  more: Partial<ReadRequest> = {},
): Promise<Reading> {
  const warnings: string[] = [];
  const session = await input.open({
    key: { connector: "acme", stream: "events" },
    clock: systemClock,
    signal: new AbortController().signal,
    warn: (code) => warnings.push(code),
  });
  try {
    const type = input.incremental.cursors[0]?.type ?? "offset";
    const window = { lower: lower === null ? null : { type, value: lower }, upper: null };
    const request: ReadRequest = {
      window,
      secondaryCursors: {},
      resume: null,
      since: null,
      signal: new AbortController().signal,
      ...more,
    };
    const pages: SourceRecord[][] = [];
    for await (const { records } of session.read(request)) pages.push([...records]);
    return { pages, warnings };
  } finally {
    await session.close();
  }
}

export async function ids(input: Input, lower?: string, more?: Partial<ReadRequest>): Promise<unknown[]> {
  return (await read(input, lower, more)).pages.flat().map(({ id }) => id);
}

/** A stream that is synced again and again into memory. */
export function stream(input: Input) {
  const table = new MemoryTable();
  const state = openMemoryState();
  const pipeline: Pipeline = {
    name: "events",
    key: { connector: "acme", stream: "events" },
    onConcurrentRun: "skip",
    leaseSeconds: 60,
    input,
    filters: [],
    output: memoryOutput(table, { appends: true }),
  };
  return {
    run: () => sync(pipeline, { state }),
    ids: () => table.rows.map(({ id }) => id),
  };
}

export const numbers = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, at) => from + at);

/** Rows 1 … count, each minute one. */
export async function minutes(place: Place, count: number, type: string): Promise<void> {
  await place.beside.execute(`CREATE TABLE events (id BIGINT, updated_at ${type})`);
  const values = numbers(1, count).map(
    (id) => `(${id}, '2024-01-01T00:${String(id).padStart(2, "0")}:00.5Z')`,
  );
  await place.run(`INSERT INTO events VALUES ${values.join(", ")}`);
}
