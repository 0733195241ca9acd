import { StateDatabase } from "../../state/storage/postgres/database.ts";
import { migrate, type PostgresTables, storedVersion } from "../../state/storage/postgres/migrate.ts";
import { schemaPrefix } from "../../state/storage/postgres/schema.ts";
import type { Session } from "../../state/storage/postgres/session.ts";
import { statement } from "../../state/storage/postgres/statement.ts";
import { runInTurn } from "../../state/work.ts";
import type { KeyDatabase } from "./database.ts";
import type { KeyStorage } from "./store.ts";
import { StoredKeys } from "./stored.ts";
import { keyTables } from "./tables.ts";

const tables: PostgresTables = { ...keyTables("postgres"), lockNumber: 1_953_260_902 };

/**
 * Keys in the PostgreSQL database that holds the state. Without `create`, null where it has none.
 * Throws as `openPostgresState` does.
 */
export async function postgresKeys(
  url: string,
  { create }: { readonly create: boolean },
): Promise<KeyStorage | null> {
  const database = await StateDatabase.open(url);
  try {
    // A database in which none of the schemas in the search path exists is refused here.
    const keys = keysOn(database, schemaPrefix(database.schema));
    if (!create && (await storedVersion(database, tables)) === 0) {
      await database.close();
      return null;
    }
    await database.transact(true, (session) => migrate(session, tables));
    return new StoredKeys(keys);
  } catch (error) {
    await database.close();
    throw error;
  }
}

function keysOn(database: StateDatabase, prefix: string): KeyDatabase {
  // Changes follow one another, so that the log has no gap: each of them locks the one row of this table.
  const lock = statement("lock_keys", [], `SELECT FROM ${prefix}${tables.versionTable} FOR UPDATE`);
  const runOn =
    (session: Session): Session["run"] =>
    (sql, values) =>
      session.run(sql, values);
  return {
    place: database.place,
    schemaPrefix: prefix,
    run: (sql, values) => database.run(sql, values),
    snapshot: (work) =>
      database.transact(
        true,
        (session) => runInTurn(work(runOn(session))),
        "ISOLATION LEVEL REPEATABLE READ READ ONLY",
      ),
    change: (work) =>
      database.transact(false, async (session) => {
        await session.run(lock, {});
        return runInTurn(work(runOn(session)));
      }),
    close: () => database.close(),
  };
}
