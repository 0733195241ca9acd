import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createDatabaseAt, startMysql } from "../test/support/mysql.ts";
import { createDatabase, startPostgres } from "../test/support/postgres.ts";
import { typedDatabases } from "../test/types/databases.ts";
import { typesDocument } from "../test/types/document.ts";
import { measure, openPlace } from "../test/types/measure.ts";

/**
 * Measures what becomes of every type on its way from database to database, by servers of its own, and
 * writes `docs/types.md`. `test/types.test.ts` compares the two.
 */
const [postgres, mariadb] = await Promise.all([startPostgres(), startMysql()]);
const folder = mkdtempSync(join(tmpdir(), "tidemark-types-"));
try {
  const places = [
    await openPlace(typedDatabases.PostgreSQL, (await createDatabase(postgres.url)).url),
    await openPlace(typedDatabases.MariaDB, (await createDatabaseAt(mariadb.url)).url),
    await openPlace(typedDatabases.SQLite, `sqlite:${join(folder, "data.db")}`),
  ];
  const measured = [];
  for (const place of places) measured.push(await measure(place, places));
  for (const { beside } of places) await beside.close();
  writeFileSync(new URL("../docs/types.md", import.meta.url), typesDocument(measured));
} finally {
  await Promise.all([postgres.stop(), mariadb.stop()]);
  rmSync(folder, { recursive: true, force: true });
}
