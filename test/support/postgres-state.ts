import pg from "pg";
import { openPostgresState } from "../../src/state/storage/postgres/postgres.ts";
import type { OwnTransactions, StateStoreSuite } from "../../testing/state-suite.ts";
import { createTestDatabase } from "./postgres.ts";

/** A database whose state is empty, and a connection of the test's own to it. */
export interface StateDatabase {
  readonly url: string;
  readonly admin: pg.Client;
  drop(): Promise<void>;
}

/** Those that another test has had: to delete rows takes a thirtieth of the time that new tables take. */
const emptied: StateDatabase[] = [];

/** A database for one test that opens state in it, and makes nothing else there but tables. */
export async function createStateDatabase(): Promise<StateDatabase> {
  const again = emptied.pop();
  if (again !== undefined) return again;
  const { url, drop } = await createTestDatabase();
  const admin = new pg.Client({ connectionString: url });
  await admin.connect();
  // The process may end with it: nothing waits for it then.
  admin.on("error", () => {});
  const database = {
    url,
    admin,
    async drop() {
      try {
        await emptyState(admin);
        emptied.push(database);
      } catch {
        await admin.end();
        await drop();
      }
    },
  };
  return database;
}

/** Ends every other connection, removes the test's own tables and all rows of the state's. */
async function emptyState(admin: pg.Client): Promise<void> {
  await admin.query(`
    SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()`);
  await admin.query(`
    DO $$
    DECLARE name text;
    BEGIN
      FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' LOOP
        IF name = 'tidemark_schema' THEN
          UPDATE tidemark_schema SET logs = 0;
        ELSIF name LIKE 'tidemark\\_%' THEN
          EXECUTE format('DELETE FROM %I', name);
        ELSE
          EXECUTE format('DROP TABLE %I', name);
        END IF;
      END LOOP;
    END $$;
    ALTER TABLE tidemark_runs ALTER number RESTART`);
}

export const postgresBackend: StateStoreSuite = {
  name: "postgres",
  async open() {
    const { url, admin, drop } = await createStateDatabase();
    const store = await openPostgresState(url);
    return {
      store,
      reopen: () => openPostgresState(url),
      async expireLease({ runId }) {
        await admin.query(
          "UPDATE tidemark_streams SET lease_expires_at_utc = clock_timestamp() - interval '1 ms' WHERE run_id = $1",
          [runId],
        );
      },
      transactions: postgresTransactions(url, admin),
      async close() {
        await store.close();
        await drop();
      },
    };
  },
};

/** Transactions on connections of their own, as a user's code would have them. */
function postgresTransactions(url: string, user: pg.Client): OwnTransactions {
  const table = "CREATE TABLE IF NOT EXISTS users_rows (text text NOT NULL)";
  return {
    async begin() {
      await user.query(table);
      const handle = new pg.Client({ connectionString: url });
      await handle.connect();
      await handle.query("BEGIN");
      const end = async (how: string) => {
        await handle.query(how);
        await handle.end();
      };
      return {
        handle,
        async insert(text) {
          await handle.query("INSERT INTO users_rows VALUES ($1)", [text]);
        },
        commit: () => end("COMMIT"),
        rollback: () => end("ROLLBACK"),
      };
    },
    async rows() {
      await user.query(table);
      const { rows } = await user.query<{ text: string }>(
        'SELECT text FROM users_rows ORDER BY text COLLATE "C"',
      );
      return rows.map(({ text }) => text);
    },
  };
}
