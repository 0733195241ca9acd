import pg from "pg";
import { openPostgresState } from "../../src/state/storage/postgres/postgres.ts";
import type { OwnTransactions, StateStoreSuite } from "../../testing/state-suite.ts";
import { createTestDatabase } from "./postgres.ts";

export const postgresBackend: StateStoreSuite = {
  name: "postgres",
  async open() {
    const database = await createTestDatabase();
    const store = await openPostgresState(database.url);
    const admin = new pg.Client({ connectionString: database.url });
    await admin.connect();
    return {
      store,
      reopen: () => openPostgresState(database.url),
      async expireLease({ runId }) {
        await admin.query(
          "UPDATE tidemark_streams SET lease_expires_at_utc = clock_timestamp() - interval '1 ms' WHERE run_id = $1",
          [runId],
        );
      },
      transactions: postgresTransactions(database.url, admin),
      async close() {
        await admin.end();
        await store.close();
        await database.drop();
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
