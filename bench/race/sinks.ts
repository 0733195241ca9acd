import { execFileSync } from "node:child_process";
import { createReadStream, globSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { DatabaseSync } from "node:sqlite";
import pg from "pg";
import type { Place } from "./place.ts";

/** What is in a table or file, as it is counted there. */
export interface Contents {
  readonly rows: number;
  readonly ids: number;
  /** Those that hold the second generation's content. */
  readonly changed: number;
}

const counting = (table: string): string =>
  `SELECT count(*) AS n, count(DISTINCT id) AS ids, count(CASE WHEN status = 'changed' THEN 1 END) AS changed FROM ${table}`;

export function inSqlite(table = "records", file = "records.db") {
  return async ({ folder }: Place): Promise<Contents> => {
    const database = new DatabaseSync(join(folder, file), { readOnly: true });
    try {
      const row = database.prepare(counting(table)).get() ?? {};
      return contents([row.n, row.ids, row.changed]);
    } finally {
      database.close();
    }
  };
}

/** Node has no DuckDB of its own, so the peer's does the counting. */
export function inDuckdb(python: string, table: string, file = "records.duckdb") {
  return async ({ folder }: Place): Promise<Contents> => {
    const program = "import duckdb, sys; print(*duckdb.connect(sys.argv[1]).execute(sys.argv[2]).fetchone())";
    const printed = execFileSync(python, ["-c", program, join(folder, file), counting(table)]);
    return contents(printed.toString().trim().split(" "));
  };
}

export function inPostgres(table = "records") {
  return async ({ postgresUrl }: Place): Promise<Contents> => {
    const client = new pg.Client({ connectionString: postgresUrl });
    await client.connect();
    try {
      const { rows } = await client.query(counting(table));
      return contents([rows[0]?.n, rows[0]?.ids, rows[0]?.changed]);
    } finally {
      await client.end();
    }
  };
}

/** Counts the lines of every file that the pattern finds. */
export function inJsonLines(pattern = "records.jsonl") {
  return async ({ folder }: Place): Promise<Contents> => {
    let [rows, changed] = [0, 0];
    const ids = new Set<unknown>();
    for (const file of globSync(pattern, { cwd: folder })) {
      for await (const line of createInterface({ input: createReadStream(join(folder, file)) })) {
        const { id, status } = JSON.parse(line);
        rows += 1;
        ids.add(id);
        if (status === "changed") changed += 1;
      }
    }
    return { rows, ids: ids.size, changed };
  };
}

function contents([rows, ids, changed]: readonly unknown[]): Contents {
  return { rows: Number(rows), ids: Number(ids), changed: Number(changed) };
}
