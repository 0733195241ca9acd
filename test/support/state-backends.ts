import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { openFileState } from "../../src/state/storage/files/file.ts";
import { openMemoryState } from "../../src/state/storage/memory/memory.ts";
import { openSqliteState } from "../../src/state/storage/sqlite/sqlite.ts";
import { FakeClock } from "../../testing/fake-clock.ts";
import type { OwnTransactions, StateStoreSuite } from "../../testing/state-suite.ts";
import { httpBackend } from "./http-state.ts";
import { postgresBackend } from "./postgres-state.ts";

/** Longer than any lease. */
const wholeDay = 86_400_000;

export const memoryBackend: StateStoreSuite = {
  name: "memory",
  async open() {
    const clock = new FakeClock();
    const store = openMemoryState({ clock });
    return {
      store,
      reopen: async () => {
        throw new Error("state in memory is one store's own");
      },
      expireLease: () => clock.advance(wholeDay),
      close: () => store.close(),
    };
  },
};

export const fileBackend: StateStoreSuite = {
  name: "files",
  async open() {
    const folder = await mkdtemp(join(tmpdir(), "tidemark-state-"));
    const clock = new FakeClock();
    const store = await openFileState(folder, { clock });
    return {
      store,
      reopen: () => openFileState(folder, { clock }),
      expireLease: () => clock.advance(wholeDay),
      async close() {
        await store.close();
        await rm(folder, { recursive: true });
      },
    };
  },
};

export const sqliteBackend: StateStoreSuite = {
  name: "sqlite",
  async open() {
    const folder = await mkdtemp(join(tmpdir(), "tidemark-state-"));
    const file = join(folder, "state.db");
    const clock = new FakeClock();
    const store = await openSqliteState(file, { clock });
    const user = new DatabaseSync(file);
    return {
      store,
      reopen: () => openSqliteState(file, { clock }),
      expireLease: () => clock.advance(wholeDay),
      transactions: sqliteTransactions(file, user),
      async close() {
        user.close();
        await store.close();
        await rm(folder, { recursive: true });
      },
    };
  },
};

/** Transactions on connections of their own, as a user's code would have them. */
function sqliteTransactions(file: string, user: DatabaseSync): OwnTransactions {
  const table = "CREATE TABLE IF NOT EXISTS users_rows (text TEXT NOT NULL)";
  return {
    async begin() {
      user.exec(table);
      const handle = new DatabaseSync(file);
      handle.exec("BEGIN IMMEDIATE");
      return {
        handle,
        async insert(text) {
          handle.prepare("INSERT INTO users_rows VALUES (?)").run(text);
        },
        async commit() {
          handle.exec("COMMIT");
          handle.close();
        },
        async rollback() {
          handle.exec("ROLLBACK");
          handle.close();
        },
      };
    },
    async rows() {
      user.exec(table);
      return user
        .prepare("SELECT text FROM users_rows ORDER BY text")
        .all()
        .map(({ text }) => String(text));
    },
  };
}

/** Every backend, for tests of what is built on any of them. */
export const stateBackends: readonly StateStoreSuite[] = [
  memoryBackend,
  fileBackend,
  sqliteBackend,
  postgresBackend,
  httpBackend(sqliteBackend),
];
