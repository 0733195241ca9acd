import { existsSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import pg from "pg";

/** How long PostgreSQL waits for a lock that a run left behind, before it stays as fast as it is. */
const patienceMs = 2000;

/**
 * Makes a database take its time over each write of records, once their table is there. PostgreSQL waits a
 * little at each statement, and now and then for longer than a lease; SQLite counts to some number at each
 * row, since what waits in it would wait for nothing.
 */
export async function slowDown(place: string, leaseSeconds: number): Promise<void> {
  if (place.startsWith("postgres")) {
    await inPostgres(place, [
      `CREATE OR REPLACE FUNCTION lab_slow() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
          PERFORM pg_sleep(CASE WHEN random() < 0.02 THEN ${leaseSeconds + 0.4} ELSE 0.02 END);
          RETURN NULL;
        END $$`,
      "CREATE OR REPLACE TRIGGER lab_slow BEFORE INSERT ON records FOR EACH STATEMENT EXECUTE FUNCTION lab_slow()",
    ]);
  } else {
    inSqlite(
      place,
      `CREATE TRIGGER IF NOT EXISTS lab_slow BEFORE INSERT ON records BEGIN
        SELECT count(*) FROM (
          WITH RECURSIVE counted(n) AS (
            SELECT 1 UNION ALL
            SELECT n + 1 FROM counted WHERE n < CASE WHEN NEW.id % 97 = 0 THEN 200000 ELSE 1000 END
          ) SELECT n FROM counted
        );
      END`,
    );
  }
}

/** Lets it go as fast as it can again. */
export async function speedUp(place: string): Promise<void> {
  if (place.startsWith("postgres")) await inPostgres(place, ["DROP TRIGGER IF EXISTS lab_slow ON records"]);
  else inSqlite(place, "DROP TRIGGER IF EXISTS lab_slow");
}

async function inPostgres(url: string, statements: readonly string[]): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const known = await client.query("SELECT to_regclass('records') IS NOT NULL AS known");
    if (known.rows[0]?.known !== true) return;
    await client.query(`SET lock_timeout = ${patienceMs}`);
    for (const statement of statements) await client.query(statement);
  } catch (error) {
    if (!isLocked(error)) throw error;
  } finally {
    await client.end();
  }
}

function inSqlite(file: string, statement: string): void {
  if (!existsSync(file)) return;
  const database = new DatabaseSync(file, { timeout: patienceMs });
  try {
    const known = database.prepare("SELECT 1 FROM sqlite_master WHERE name = 'records'").get();
    if (known !== undefined) database.exec(statement);
  } catch (error) {
    if (!isLocked(error)) throw error;
  } finally {
    database.close();
  }
}

/** Whether another holds what is wanted: PostgreSQL's `lock_timeout`, SQLite's `SQLITE_BUSY`. */
export function isLocked(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  if ("code" in error && error.code === "55P03") return true;
  return "errcode" in error && typeof error.errcode === "number" && (error.errcode & 0xff) === 5;
}
