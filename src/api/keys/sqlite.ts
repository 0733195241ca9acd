import { whenFree } from "../../databases/sqlite/busy.ts";
import type { SqliteHandle } from "../../databases/sqlite/handle.ts";
import { migrate, storedVersion } from "../../databases/sqlite/migrate.ts";
import { Statements } from "../../databases/sqlite/statements.ts";
import type { SqlValue } from "../../state/derive/kinds.ts";
import type { Statement } from "../../state/storage/postgres/statement.ts";
import { openStateFile, stateFileError } from "../../state/storage/sqlite/file.ts";
import { runAtOnce, type Work } from "../../state/work.ts";
import type { KeyDatabase, RunKeyStatement } from "./database.ts";
import type { KeyStorage } from "./store.ts";
import { StoredKeys } from "./stored.ts";
import { keyTables } from "./tables.ts";

const tables = keyTables("sqlite");

/**
 * Keys in the SQLite file that holds the state. Without `create`, null where the file has none. Throws
 * as `openSqliteState` does.
 */
export async function sqliteKeys(
  path: string,
  { create }: { readonly create: boolean },
): Promise<KeyStorage | null> {
  const db = openStateFile(path);
  try {
    const version = () => storedVersion(db, tables, path);
    if (!create && version() === 0) {
      db.close();
      return null;
    }
    await whenFree(() => migrate(db, tables, version));
    return new StoredKeys(keysIn(db, path));
  } catch (error) {
    db.close();
    throw stateFileError(error, path);
  }
}

function keysIn(db: SqliteHandle, path: string): KeyDatabase {
  const statements = new Statements(db);
  const run = <P extends string>(sql: Statement<P>, values: Readonly<Record<P, SqlValue>>) =>
    statements.all(numbered(sql.text), ...sql.parameters.map((name) => values[name]));
  const patiently = async <T>(attempt: () => T): Promise<T> => {
    try {
      return await whenFree(attempt);
    } catch (error) {
      throw stateFileError(error, path);
    }
  };
  const within = <T>(begin: string, work: (run: RunKeyStatement) => Work<T>): Promise<T> =>
    patiently(() => transaction(db, begin, () => runAtOnce(work(run))));
  return {
    place: path,
    schemaPrefix: "",
    run: (sql, values) => patiently(() => run(sql, values)),
    snapshot: (work) => within("BEGIN", work),
    change: (work) => within("BEGIN IMMEDIATE", work),
    async close() {
      if (db.isOpen) db.close();
    },
  };
}

/** SQLite has `?1` for PostgreSQL's `$1`. */
function numbered(sql: string): string {
  return sql.replace(/\$(\d+)/g, "?$1");
}

function transaction<T>(db: SqliteHandle, begin: string, work: () => T): T {
  db.exec(begin);
  try {
    const result = work();
    db.exec("COMMIT");
    return result;
  } catch (error) {
    if (db.isTransaction) db.exec("ROLLBACK");
    throw error;
  }
}
