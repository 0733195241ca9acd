import { mkdirSync, renameSync, rmSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { migrate } from "../../databases/sqlite/migrate.ts";
import type { StreamKey } from "../../model/stream-key.ts";
import { makePrivate } from "../../private-files.ts";
import { syncFolder } from "../../sync-folder.ts";
import { offsetsTables } from "./offsets-tables.ts";

/**
 * Creates the file of sink offsets if there is none, unless another process was first. It has a folder of its own, so
 * that moving it away moves SQLite's log too. It gets its name only when it is complete, so that no run finds an empty
 * one.
 */
export function createOffsetsFile(path: string, key: StreamKey): void {
  const folder = dirname(path);
  const draft = `${folder}.${process.pid}.new`;
  rmSync(draft, { recursive: true, force: true });
  mkdirSync(draft, { mode: 0o700 });
  makePrivate(join(draft, basename(path)));
  const database = new DatabaseSync(join(draft, basename(path)));
  try {
    database.exec("PRAGMA journal_mode = WAL");
    migrate(database, offsetsTables, () => 0);
    database
      .prepare("INSERT INTO file (only, connector, stream) VALUES (1, ?, ?)")
      .run(key.connector, key.stream);
    database.close();
    syncFolder(draft);
    renameSync(draft, folder);
    syncFolder(dirname(folder));
  } catch (error) {
    if (!isTaken(error)) throw error;
  } finally {
    if (database.isOpen) database.close();
    rmSync(draft, { recursive: true, force: true });
  }
}

/** Whether a folder could not take its name because another has it. */
function isTaken(error: unknown): boolean {
  return error instanceof Error && "code" in error && (error.code === "EEXIST" || error.code === "ENOTEMPTY");
}
