import {
  newestVersion,
  scriptsAfter,
  type TablesWithVersionRow,
  versionOf,
} from "../../../databases/versioned-tables.ts";
import type { Runner, Session } from "./session.ts";
import { statement } from "./statement.ts";

/** Tables in PostgreSQL with their version in a row. */
export interface PostgresTables extends TablesWithVersionRow {
  /** Names the server's lock under which the tables change. It is the same number in every version of Tidemark. */
  readonly lockNumber: number;
}

/**
 * Creates tables in the connection's current schema or brings them up to date, inside the session's transaction. Does
 * nothing where they are. Of several processes at once, one does the work and the others wait. Throws `STATE_TOO_NEW`,
 * and `STATE_UNREADABLE` for tables without a version.
 */
export async function migrate(session: Session, tables: PostgresTables): Promise<void> {
  if ((await storedVersion(session, tables)) === newestVersion(tables)) return;
  const lock = `SELECT pg_advisory_xact_lock(${tables.lockNumber}, hashtext(current_schema()))`;
  await session.run(statement("lock_tables", [], lock), {});
  for (const script of scriptsAfter(tables, await storedVersion(session, tables))) {
    await session.script(script);
  }
}

/**
 * The version that the tables in the current schema have; 0 where there are none. Throws `STATE_UNREADABLE`,
 * `STATE_TOO_NEW`.
 */
export async function storedVersion(runner: Runner, tables: TablesWithVersionRow): Promise<number> {
  const { versionTable, mainTable } = tables;
  // Asked of the catalogue itself: `to_regclass` may still remember that there was no such table.
  const findTables = statement(
    "find_tables",
    [],
    `SELECT c.relname AS name FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
     WHERE n.nspname = current_schema() AND c.relname IN ('${versionTable}', '${mainTable}')`,
  );
  const found = (await runner.run(findTables, {})).map(({ name }) => name);
  const readVersion = statement("read_version", [], `SELECT version FROM ${versionTable}`);
  const [row] = found.includes(versionTable) ? await runner.run(readVersion, {}) : [];
  return versionOf(tables, { hasTables: found.length > 0, version: row?.version }, runner.place);
}
