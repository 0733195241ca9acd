import type { StateStore } from "../../contract.ts";
import { StreamStateStore } from "../../store.ts";
import { StateDatabase } from "./database.ts";
import { migrate } from "./migrate.ts";
import { PostgresProbe } from "./probe.ts";
import { queriesOn } from "./queries.ts";
import { stateTables, tablesIn } from "./schema.ts";
import { PostgresStorage } from "./storage.ts";
import { Writes } from "./write-sql.ts";

/**
 * State in a PostgreSQL database: for many workers, and for outputs in the same database. The tables
 * are made in the connection's current schema where they are missing. All times are the server's own.
 *
 * `complete` and `checkpoint` take a `pg` client on the same database, after `BEGIN`, as the caller's
 * own transaction.
 *
 * Throws `STATE_URL_INVALID`, `DRIVER_MISSING`, `STATE_UNAVAILABLE`, `STATE_TOO_NEW`.
 *
 * ```ts
 * await using state = await openPostgresState("postgres://sync@db.example.com/warehouse");
 * ```
 */
export async function openPostgresState(url: string): Promise<StateStore> {
  const database = await StateDatabase.open(url);
  try {
    const tables = tablesIn(database.schema);
    await database.transact(true, (session) => migrate(session, stateTables));
    return new StreamStateStore(
      new PostgresStorage(database, {
        queries: queriesOn(tables),
        writes: new Writes(tables),
        probe: new PostgresProbe(database, tables),
      }),
    );
  } catch (error) {
    await database.close();
    throw error;
  }
}
