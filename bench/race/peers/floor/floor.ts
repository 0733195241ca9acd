import { appendFileSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import pg from "pg";

/**
 * The loop that people write by hand, as the floor: `floor.ts sqlite|postgres|jsonl ORIGIN [POSTGRES_URL]`.
 * Fetch, `JSON.parse`, one prepared upsert and one transaction a page; it asks for what was updated at or
 * after the newest row it holds. It knows no ties, no leases, no repeated pages and no columns to come, and
 * a file would keep half a page after a crash.
 */
interface Row {
  readonly id: number;
  readonly updated_at: string;
  readonly name: string;
  readonly email: string;
  readonly status: string;
  readonly amount: number;
  readonly country: string;
  readonly note: string;
  readonly verified: boolean;
}

interface Sink {
  newest(): Promise<string | null>;
  write(rows: readonly Row[]): Promise<void> | void;
  close(): Promise<void> | void;
}

const [kind = "", origin = "", postgresUrl = ""] = process.argv.slice(2);
const columns = ["id", "updated_at", "name", "email", "status", "amount", "country", "note", "verified"];
const updates = columns.slice(1).map((column) => `${column} = excluded.${column}`);

function sqliteSink(): Sink {
  const database = new DatabaseSync("records.db");
  database.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;");
  database.exec(
    `CREATE TABLE IF NOT EXISTS records (id INTEGER PRIMARY KEY, updated_at TEXT, name TEXT, email TEXT, status TEXT,
     amount REAL, country TEXT, note TEXT, verified INTEGER)`,
  );
  const upsert = database.prepare(
    `INSERT INTO records VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET ${updates}`,
  );
  return {
    newest: async () => text(database.prepare("SELECT max(updated_at) AS newest FROM records").get()?.newest),
    write(rows) {
      database.exec("BEGIN");
      for (const row of rows) {
        const { id, updated_at, name, email, status, amount, country, note } = row;
        upsert.run(id, updated_at, name, email, status, amount, country, note, row.verified ? 1 : 0);
      }
      database.exec("COMMIT");
    },
    close: () => database.close(),
  };
}

async function postgresSink(): Promise<Sink> {
  const client = new pg.Client({ connectionString: postgresUrl });
  await client.connect();
  await client.query(
    `CREATE TABLE IF NOT EXISTS records (id bigint PRIMARY KEY, updated_at timestamptz, name text, email text,
     status text, amount double precision, country text, note text, verified boolean)`,
  );
  const upsert = {
    name: "upsert",
    text: `INSERT INTO records SELECT * FROM unnest($1::bigint[], $2::timestamptz[], $3::text[], $4::text[], $5::text[],
      $6::float8[], $7::text[], $8::text[], $9::boolean[]) ON CONFLICT (id) DO UPDATE SET ${updates}`,
  };
  return {
    async newest() {
      const { rows } = await client.query(
        `SELECT to_char(max(updated_at) AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS newest FROM records`,
      );
      return text(rows[0]?.newest);
    },
    // One statement is one transaction.
    async write(rows) {
      await client.query({
        ...upsert,
        values: [
          rows.map((row) => row.id),
          rows.map((row) => row.updated_at),
          rows.map((row) => row.name),
          rows.map((row) => row.email),
          rows.map((row) => row.status),
          rows.map((row) => row.amount),
          rows.map((row) => row.country),
          rows.map((row) => row.note),
          rows.map((row) => row.verified),
        ],
      });
    },
    close: () => client.end(),
  };
}

function fileSink(): Sink {
  const cursor = "newest.txt";
  return {
    newest: async () => (existsSync(cursor) ? readFileSync(cursor, "utf8") : null),
    write(rows) {
      appendFileSync("records.jsonl", `${rows.map((row) => JSON.stringify(row)).join("\n")}\n`, {
        flush: true,
      });
      writeFileSync(cursor, rows.at(-1)?.updated_at ?? "", { flush: true });
    },
    close: () => {},
  };
}

function text(value: unknown): string | null {
  return typeof value === "string" ? value : null;
}

const sink = kind === "postgres" ? await postgresSink() : kind === "sqlite" ? sqliteSink() : fileSink();
const since = await sink.newest();
let address = since === null ? `${origin}/records` : `${origin}/records?updated_after=${since}`;
for (;;) {
  const response = await fetch(address);
  const page: { data: Row[]; next: string | null } = JSON.parse(await response.text());
  if (page.data.length > 0) await sink.write(page.data);
  if (page.next === null) break;
  address = `${origin}/records?token=${page.next}`;
}
await sink.close();
