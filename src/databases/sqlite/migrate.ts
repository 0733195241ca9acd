import {
  newestVersion,
  scriptsAfter,
  type TablesWithVersionRow,
  type VersionedTables,
  versionOf,
} from "../versioned-tables.ts";
import type { SqliteHandle } from "./handle.ts";

/**
 * Creates tables or brings them up to date, in one transaction. Does nothing where they are. `readVersion` returns the
 * version that the file has, 0 for a file without the tables; it is called again under the write lock, since another
 * process may have been first. Throws what `readVersion` throws.
 */
export function migrate(db: SqliteHandle, tables: VersionedTables, readVersion: () => number): void {
  if (readVersion() === newestVersion(tables)) return;
  db.exec("BEGIN IMMEDIATE");
  try {
    for (const script of scriptsAfter(tables, readVersion())) db.exec(script);
    db.exec("COMMIT");
  } catch (error) {
    if (db.isTransaction) db.exec("ROLLBACK");
    throw error;
  }
}

/** The version that a file's tables have; 0 where it has none. Throws `STATE_UNREADABLE`, `STATE_TOO_NEW`. */
export function storedVersion(db: SqliteHandle, tables: TablesWithVersionRow, holder: string): number {
  const { versionTable, mainTable } = tables;
  const found = db
    .prepare("SELECT name FROM sqlite_schema WHERE type = 'table' AND name IN (?, ?)")
    .all(versionTable, mainTable)
    .map(({ name }) => name);
  const version = found.includes(versionTable)
    ? db.prepare(`SELECT version FROM ${versionTable}`).get()?.version
    : undefined;
  return versionOf(tables, { hasTables: found.length > 0, version }, holder);
}
