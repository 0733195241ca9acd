import { spawnSync } from "node:child_process";
import { appendFileSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { DatabaseSync } from "node:sqlite";
import pg from "pg";
import type { Entry, Peer } from "../../peer.ts";
import { installed } from "../../peer.ts";
import type { Place } from "../../place.ts";
import { inPostgres, inSqlite } from "../../sinks.ts";

const given = process.env.CANNECTORS ?? "";
const program = given === "" ? installed("cannectors", "bin/cannectors") : resolve(given);

const columns = ["id", "updated_at", "name", "email", "status", "amount", "country", "note", "verified"];

/** It makes no tables. */
const postgresTable = `CREATE TABLE records (id bigint PRIMARY KEY, updated_at timestamptz, name text, email text,
  status text, amount double precision, country text, note text, verified boolean)`;
const sqliteTable = `CREATE TABLE records (id INTEGER PRIMARY KEY, updated_at TEXT, name TEXT, email TEXT,
  status TEXT, amount REAL, country TEXT, note TEXT, verified INTEGER)`;

/** What differs from one job to the other. */
interface Target {
  readonly driver: "sqlite" | "postgres";
  readonly sink: string;
  url(place: Place): string;
  createTable(place: Place): void | Promise<void>;
  readonly count: Entry["count"];
}

/**
 * As its documents and examples have a pipeline: pages by cursor, an upsert in SQL, all of a run in one
 * transaction (without, each record waits for the disk). One statement a record is all that it offers.
 *
 * The state is its `id`: a field of the last record, here the one by which the source is sorted. Its other
 * state, `timestamp`, is the time at which a run began, and all of the race's records lie before that.
 * It reads 1,000 pages at most, and a run that is cut there ends as a success.
 */
function pipeline({ origin }: Place, driver: Target["driver"]): string {
  return `name: records
input:
  type: httpPolling
  endpoint: ${origin}/records
  dataField: data
  pagination: { type: cursor, param: token, nextCursorField: next }
  statePersistence:
    id: { enabled: true, field: updated_at, queryParam: updated_after }
filters: []
output:
  type: database
  driver: ${driver}
  connectionStringRef: \${RECORDS_DATABASE}
  query: |
    insert into records (${columns.join(", ")})
    values (${columns.map((_, index) => `$${index + 1}`).join(", ")})
    on conflict (id) do update set
    ${columns
      .slice(1)
      .map((column) => `${column} = excluded.${column}`)
      .join(", ")}
  parameters: [${columns.map((column) => `record.${column}`).join(", ")}]
  transaction: true
`;
}

function entry({ driver, sink, url, createTable, count }: Target): Entry {
  return {
    sink,
    async prepare(place) {
      await createTable(place);
      writeFileSync(join(place.folder, "records.yaml"), pipeline(place, driver));
    },
    command: (place) => ({
      file: program,
      args: ["run", "--quiet", "records.yaml"],
      cwd: place.folder,
      env: { RECORDS_DATABASE: url(place) },
    }),
    count,
    checkpoints: async (place) => statesSeen(place),
  };
}

/** A run replaces the state of the one before, so what is seen after each is kept in a file beside it. */
function statesSeen({ folder }: Place): number {
  const state = join(folder, "cannectors-data/state/records.json");
  const seen = join(folder, "states-seen.txt");
  const lines = existsSync(seen) ? readFileSync(seen, "utf8").trimEnd().split("\n") : [];
  const latest = existsSync(state)
    ? /"updatedAt": *"(.+)"/.exec(readFileSync(state, "utf8"))?.[1]
    : undefined;
  if (latest === undefined || lines.includes(latest)) return lines.length;
  appendFileSync(seen, `${latest}\n`);
  return lines.length + 1;
}

/** With a write-ahead log, which stays with the file, as for the others: it is faster so. */
function createSqliteTable({ folder }: Place): void {
  const database = new DatabaseSync(join(folder, "records.db"));
  database.exec(`PRAGMA journal_mode = WAL; ${sqliteTable}`);
  database.close();
}

async function createPostgresTable({ postgresUrl }: Place): Promise<void> {
  const client = new pg.Client({ connectionString: postgresUrl });
  await client.connect();
  try {
    await client.query(postgresTable);
  } finally {
    await client.end();
  }
}

function missing(): string | null {
  if (existsSync(program)) return null;
  return given === ""
    ? "no program; set CANNECTORS to the path of one, or run: npm run bench -- race --setup --only cannectors"
    : `CANNECTORS names a file that is not there: ${program}`;
}

export const cannectors: Peer = {
  name: "cannectors",
  /** As the program calls itself, which is `dev` unless its build was told a version. */
  get version() {
    const { stdout } = spawnSync(program, ["version"], { encoding: "utf8", timeout: 10_000 });
    return `cannectors ${/^Version: (.+)$/m.exec(stdout ?? "")?.[1] ?? "of no known version"}`;
  },
  factor: 2,
  missing,
  entries: {
    sqlite: entry({
      driver: "sqlite",
      sink: "SQLite",
      url: () => "file:records.db",
      createTable: createSqliteTable,
      count: inSqlite(),
    }),
    postgres: entry({
      driver: "postgres",
      sink: "PostgreSQL",
      url: ({ postgresUrl }) => postgresUrl,
      createTable: createPostgresTable,
      count: inPostgres(),
    }),
    jsonl: "it has no output for files",
  },
};
