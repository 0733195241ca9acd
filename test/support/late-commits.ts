import { join } from "node:path";
import pg from "pg";
import { onTestFinished } from "vitest";
import { openSql } from "../../src/databases/open.ts";
import { definePipeline, openState, type RunResult, type SyncOptions, sync } from "../../src/index.ts";
import { testFolder } from "./command.ts";
import { createTestDatabase } from "./postgres.ts";

/** A PostgreSQL database that is read from, and a way to be several of its sessions at once. */
export interface Source {
  readonly url: string;
  readonly client: pg.Client;
  session(as?: { user: string; password: string }): Promise<pg.Client>;
}

export async function createSource(...statements: readonly string[]): Promise<Source> {
  const database = await createTestDatabase();
  onTestFinished(() => database.drop());
  const session: Source["session"] = async (as) => {
    const url = new URL(database.url);
    if (as !== undefined) Object.assign(url, { username: as.user, password: as.password });
    const client = new pg.Client({ connectionString: url.href });
    // A session that is cut off as the database is dropped has nothing more to say.
    client.on("error", () => {});
    await client.connect();
    onTestFinished(() => client.end());
    return client;
  };
  const client = await session();
  for (const statement of statements) await client.query(statement);
  return { url: database.url, client, session };
}

export const outputs = ["PostgreSQL", "SQLite"] as const;
export type OutputKind = (typeof outputs)[number];

export interface Stream {
  run(options?: Omit<SyncOptions, "state">): Promise<RunResult>;
  /** The ids that the output holds, lowest first; what it holds twice comes twice. */
  ids(): Promise<number[]>;
  /** The same with each row's value. */
  rows(): Promise<string[]>;
}

/** A stream from the source into an output of its own, with its state kept from run to run. */
export async function createStream(
  source: Source,
  output: OutputKind,
  input: object,
  more: { readonly appends?: boolean; readonly url?: string } = {},
): Promise<Stream> {
  const state = await openState("memory:");
  onTestFinished(() => state.close());
  const name = `copy_${Math.random().toString(36).slice(2)}`;
  const target = output === "SQLite" ? `sqlite:${join(testFolder(), "copy.db")}` : await emptyDatabase();
  const pipeline = definePipeline({
    name,
    input: { type: "database", connectionString: more.url ?? source.url, key: "id", ...input },
    output: {
      type: "database",
      connectionString: target,
      table: name,
      ...(more.appends ? { mode: "append" } : { key: "id" }),
    },
  });
  const read = async (): Promise<{ id: number; value: unknown }[]> => {
    await using connection = await openSql(target, { role: "output" });
    if ((await connection.columns(name)) === null) return [];
    const rows = await connection.query(`SELECT id, value FROM ${name}`);
    return rows.map(({ id, value }) => ({ id: Number(id), value })).sort((a, b) => a.id - b.id);
  };
  return {
    run: (options) => sync(pipeline, { ...options, state }),
    ids: async () => (await read()).map(({ id }) => id),
    rows: async () => (await read()).map(({ id, value }) => `${id} ${value}`),
  };
}

async function emptyDatabase(): Promise<string> {
  const database = await createTestDatabase();
  onTestFinished(() => database.drop());
  return database.url;
}
