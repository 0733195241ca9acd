import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import pg from "pg";
import { expect, onTestFinished, test } from "vitest";
import { openKeys } from "../src/api/keys/open.ts";
import { openPostgresState } from "../src/state/storage/postgres/postgres.ts";
import { openSqliteState } from "../src/state/storage/sqlite/sqlite.ts";
import { createTestDatabase } from "./support/postgres.ts";

/** A database made by the first version, brought up to date step by step, has the tables of a new one. */

function script(name: "state-1/sqlite" | "state-1/postgres" | "keys-1/sqlite" | "keys-1/postgres"): string {
  return readFileSync(new URL(`support/${name}.sql`, import.meta.url), "utf8");
}

test("SQLite: the steps from the first version lead to the tables that a new file gets", async () => {
  const folder = mkdtempSync(join(tmpdir(), "tidemark-schema-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const [old, fresh] = [join(folder, "old.db"), join(folder, "new.db")];
  const db = new DatabaseSync(old);
  db.exec(script("state-1/sqlite"));
  db.close();
  for (const file of [old, fresh]) await (await openSqliteState(file)).close();
  expect(sqliteTables(old)).toEqual(sqliteTables(fresh));
  expect(Object.keys(sqliteTables(fresh))).toContain("tidemark_tie_set");
});

test("SQLite: new tables of API keys are those of the first version", async () => {
  const folder = mkdtempSync(join(tmpdir(), "tidemark-schema-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const [old, fresh] = [join(folder, "old.db"), join(folder, "new.db")];
  await (await openSqliteState(old)).close();
  const db = new DatabaseSync(old);
  db.exec(script("keys-1/sqlite"));
  db.close();
  for (const file of [old, fresh]) await (await openKeys(`sqlite:${file}`)).close();
  const first = sqliteTables(old);
  expect(sqliteTables(fresh)).toEqual(first);
  expect(Object.keys(first)).toContain("tidemark_key_audit");
});

function sqliteTables(file: string): Record<string, unknown> {
  using db = new DatabaseSync(file, { readOnly: true });
  const names = db
    .prepare("SELECT name FROM sqlite_schema WHERE type = 'table' AND name LIKE 'tidemark%'")
    .all();
  return Object.fromEntries(
    names.map(({ name }) => {
      const columns = db
        .prepare(
          // An integer that is the primary key is the row's own number, and never null.
          `SELECT name, type, "notnull" OR (pk = 1 AND type = 'INTEGER') AS "notnull", pk
           FROM pragma_table_info(?) ORDER BY name`,
        )
        .all(String(name));
      const indexes = db
        .prepare(
          `SELECT l."unique", l.origin, l.partial, group_concat(i.name) AS columns
           FROM pragma_index_list(?) l, pragma_index_info(l.name) i GROUP BY l.name ORDER BY 4`,
        )
        .all(String(name));
      return [String(name), { columns, indexes }];
    }),
  );
}

test("PostgreSQL: the steps from the first version lead to the tables that a new database gets", async () => {
  const [old, fresh] = await oldAndNew("state-1/postgres", openPostgresState);
  expect(old).toEqual(fresh);
  expect(JSON.stringify(fresh)).toContain("tidemark_tie_set_by_stream");
});

test("PostgreSQL: new tables of API keys are those of the first version", async () => {
  const [old, fresh] = await oldAndNew("keys-1/postgres", openKeys);
  expect(old).toEqual(fresh);
  expect(JSON.stringify(fresh)).toContain("tidemark_key_audit");
});

/** The tables of a database that the first version made, once it is opened, and those of a new database. */
async function oldAndNew(
  first: "state-1/postgres" | "keys-1/postgres",
  open: (url: string) => Promise<{ close(): Promise<void> }>,
): Promise<unknown[]> {
  const databases = [await createTestDatabase(), await createTestDatabase()];
  for (const { drop } of databases) onTestFinished(drop);
  const found: unknown[] = [];
  for (const [number, { url }] of databases.entries()) {
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    try {
      if (number === 0) await client.query(script(first));
      await (await open(url)).close();
      found.push(await postgresTables(client));
    } finally {
      await client.end();
    }
  }
  return found;
}

async function postgresTables(client: pg.Client): Promise<unknown> {
  const columns = await client.query(
    `SELECT table_name, column_name, data_type, is_nullable, collation_name, is_identity
     FROM information_schema.columns WHERE table_name LIKE 'tidemark%' ORDER BY table_name, column_name`,
  );
  const indexes = await client.query(
    "SELECT indexname, indexdef FROM pg_indexes WHERE tablename LIKE 'tidemark%' ORDER BY indexname",
  );
  const options = await client.query(
    "SELECT relname, reloptions FROM pg_class WHERE relname LIKE 'tidemark%' AND relkind = 'r' ORDER BY relname",
  );
  return { columns: columns.rows, indexes: indexes.rows, options: options.rows };
}
