import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { systemClock } from "../../src/clock.ts";
import { openSql } from "../../src/databases/open.ts";
import type { Column, SqlConnection } from "../../src/databases/port.ts";
import type { Commit, OutputSession, Refusal, Refusals } from "../../src/engine/ports.ts";
import type { CursorType } from "../../src/model/cursor.ts";
import { emptyPosition } from "../../src/model/position.ts";
import type { SourceRecord } from "../../src/model/record.ts";
import { createDatabaseOutput } from "../../src/outputs/table/database-output.ts";
import { type DatabaseOutputConfig, databaseOutputSchema } from "../../src/outputs/table/schema.ts";
import { mysqlRuns, ownMysqlDatabase } from "./mysql-tests.ts";
import { createTestDatabase } from "./postgres.ts";

type Options = Partial<Omit<DatabaseOutputConfig, "type">> & {
  warnings?: string[];
  stream?: string;
  leaseSeconds?: number;
  scope?: string;
  cursorPath?: readonly string[];
  cursorType?: CursorType;
  refusals?: Refusals;
};

export interface Place {
  readonly url: string;
  /** A connection beside the output, to look and to interfere. */
  readonly beside: SqlConnection;
  open(options?: Options): Promise<OutputSession>;
}

export async function placeAt(url: string): Promise<Place> {
  const beside = await openSql(url, { role: "output" });
  onTestFinished(() => beside.close());
  return {
    url,
    beside,
    async open(given: Options = {}) {
      const {
        warnings = [],
        stream = "events",
        leaseSeconds = 60,
        scope = "",
        cursorPath,
        cursorType,
        refusals,
        ...options
      } = given;
      const config = databaseOutputSchema.parse({
        type: "database",
        connectionString: url,
        table: "events",
        ...options,
      });
      const session = await createDatabaseOutput(config).open({
        key: { connector: "acme", stream },
        clock: systemClock,
        signal: new AbortController().signal,
        warn: (code, message) => warnings.push(`${code} ${message}`),
        scope,
        leaseSeconds,
        cursorPath: cursorPath ?? null,
        cursorType: cursorType ?? null,
        ...(refusals === undefined ? {} : { refusals }),
      });
      onTestFinished(() => session.close());
      return session;
    },
  };
}

export async function sqlitePlace(): Promise<Place> {
  const folder = mkdtempSync(join(tmpdir(), "tidemark-output-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return placeAt(`sqlite:${join(folder, "data.db")}`);
}

export async function postgresPlace(): Promise<Place> {
  const database = await createTestDatabase();
  onTestFinished(() => database.drop());
  return placeAt(database.url);
}

export async function mysqlPlace(): Promise<Place> {
  return placeAt(await ownMysqlDatabase());
}

export const places: readonly (readonly ["sqlite" | "postgres" | "mysql", () => Promise<Place>])[] = [
  ["sqlite", sqlitePlace],
  ["postgres", postgresPlace],
  ...(mysqlRuns ? [["mysql", mysqlPlace] as const] : []),
];

/** The epoch of the newest claim. */
export let epoch = 0;

export function nextEpoch(): number {
  return ++epoch;
}

export async function fenced(place: Place, options?: Options): Promise<OutputSession> {
  const session = await place.open(options);
  await session.fence(nextEpoch());
  return session;
}

/** The sequence of the newest commit. */
export let sequence = 0;

export function commitOf(more: Partial<Commit> = {}): Commit {
  return {
    epoch,
    sequence: ++sequence,
    position: { ...emptyPosition, watermark: String(sequence) },
    cursorType: "numeric_id",
    windowFinished: true,
    ...more,
  };
}

/** Refusals that go on, and what they came to. */
export class KeptRefusals implements Refusals {
  readonly goesOn = true;
  readonly refused: Refusal[] = [];
  /** How many of them were settled. */
  settled = 0;

  refuse(refusal: Refusal): void {
    this.refused.push(refusal);
  }

  settle(): void {
    this.settled = this.refused.length;
  }

  /** The records that were refused, in order. */
  get records(): readonly unknown[] {
    return this.refused.map(({ record }) => record);
  }
}

/** Writes records in one run of their own. */
export async function deliver(
  place: Place,
  records: readonly SourceRecord[],
  options?: Options,
  columns?: readonly Column[],
): Promise<void> {
  const session = await fenced(place, options);
  await session.write(columns === undefined ? { records } : { records, columns });
  await session.commit(commitOf());
  await session.close();
}

export async function rows(place: Place, sql = "SELECT * FROM events ORDER BY id"): Promise<unknown[]> {
  return (await place.beside.query(sql)).map((row) => ({ ...row }));
}

export async function kinds(place: Place): Promise<Record<string, string>> {
  const columns = (await place.beside.columns("events")) ?? [];
  return Object.fromEntries(columns.map(({ name, kind }) => [name, kind]));
}
