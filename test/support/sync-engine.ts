import { join } from "node:path";
import {
  defineOutput,
  type Output,
  type StateStore,
  SyncEngine,
  type SyncEngineOptions,
} from "../../src/index.ts";
import { openSqliteState } from "../../src/state/storage/sqlite/sqlite.ts";
import { FakeClock } from "../../testing/fake-clock.ts";
import { testFolder } from "./command.ts";
import { idsInSqlite } from "./delivered.ts";

/** What each test has of its own; see `freshBench`. */
export let folder: string;
export let state: StateStore;
export let clock: FakeClock;

/** For `beforeEach`: an empty folder, with the state that the engines of one test share. */
export async function freshBench(): Promise<() => Promise<void>> {
  folder = testFolder();
  clock = new FakeClock();
  state = await openSqliteState(join(folder, "state.db"), { clock });
  return () => state.close();
}

/** A table of SQLite that adds a row for every record, or replaces it by its id. */
export function table(mode: "append" | "upsert" = "append"): Output {
  const connectionString = `sqlite:${join(folder, "out.db")}`;
  return defineOutput({
    type: "database",
    connectionString,
    table: mode === "upsert" ? "kept" : "items",
    ...(mode === "upsert" ? { key: "id" } : {}),
  });
}

export const ids = (from = "items") => idsInSqlite(join(folder, "out.db"), from)();

export function engineOf(options: Partial<SyncEngineOptions> = {}, output = table()): SyncEngine {
  return new SyncEngine(output, { state, ...options });
}
