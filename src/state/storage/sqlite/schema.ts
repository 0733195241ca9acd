import type { SqliteHandle } from "../../../databases/sqlite/handle.ts";
import { migrate, storedVersion } from "../../../databases/sqlite/migrate.ts";
import type { SqlStatements } from "../../../databases/sqlite/statements.ts";
import {
  assertKnownVersion,
  newestVersion,
  setVersionIn,
  type TablesWithVersionRow,
} from "../../../databases/versioned-tables.ts";
import { TidemarkError } from "../../../errors.ts";
import { columnDefinitions } from "../../derive/ddl.ts";
import { keyColumns } from "../../derive/table.ts";
import { laterSteps } from "../../migrations.ts";
import { audit, coverage, logs, partitions, runs, streams, tieSet } from "../../tables.ts";
import { firstSteps } from "./first-steps.ts";

/** The tables of a new database. */
const newTables = `
  CREATE TABLE tidemark_schema (version INTEGER NOT NULL, logs INTEGER NOT NULL DEFAULT 0);
  INSERT INTO tidemark_schema (version) VALUES (0);
  CREATE TABLE tidemark_streams (
    ${columnDefinitions(streams, "sqlite")}, PRIMARY KEY (${keyColumns(streams)}));
  CREATE TABLE tidemark_tie_set (
    ${columnDefinitions(tieSet, "sqlite")},
    PRIMARY KEY (connector, stream, scope, identity, cursor_value)) WITHOUT ROWID;
  CREATE TABLE tidemark_coverage (
    ${columnDefinitions(coverage, "sqlite")}, PRIMARY KEY (connector, stream, scope, number)) WITHOUT ROWID;
  CREATE TABLE tidemark_runs (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    ${columnDefinitions(runs, "sqlite")}, UNIQUE (${keyColumns(runs)}));
  CREATE INDEX tidemark_runs_by_stream ON tidemark_runs (connector, stream, number);
  CREATE TABLE tidemark_audit (
    ${columnDefinitions(audit, "sqlite")}, PRIMARY KEY (${keyColumns(audit)})) WITHOUT ROWID;
  CREATE INDEX tidemark_audit_by_time ON tidemark_audit (at_utc, connector, stream, number);
  CREATE INDEX tidemark_audit_by_partition ON tidemark_audit (connector, stream, partition, number)
    WHERE partition IS NOT NULL;
  CREATE TABLE tidemark_partitions (
    ${columnDefinitions(partitions, "sqlite")}, PRIMARY KEY (${keyColumns(partitions)}));
  CREATE TABLE tidemark_logs (
    number INTEGER PRIMARY KEY,
    ${columnDefinitions(logs, "sqlite")}, UNIQUE (${keyColumns(logs)}));
`;

const stateTables: TablesWithVersionRow = {
  title: "the state tables",
  versionTable: "tidemark_schema",
  mainTable: "tidemark_streams",
  create: newTables,
  steps: [...firstSteps, ...laterSteps.map((step) => step("sqlite"))],
  setVersion: setVersionIn("tidemark_schema"),
};

/**
 * Creates the state tables of a file or brings them up to date. Throws `STATE_UNREADABLE` for tables without a version,
 * and `STATE_TOO_NEW` where a newer version of Tidemark has changed them.
 */
export function migrateState(db: SqliteHandle, holder: string): void {
  migrate(db, stateTables, () => storedVersion(db, stateTables, holder));
}

/** Throws `STATE_UNAVAILABLE` where the tables would have to be brought up to date, which a reader cannot do. */
export function assertCurrentTables(db: SqliteHandle, holder: string): void {
  const version = storedVersion(db, stateTables, holder);
  const newest = newestVersion(stateTables);
  if (version === newest) return;
  throw new TidemarkError(
    "STATE_UNAVAILABLE",
    `${holder} cannot be written, and its tables are of version ${version}: this version of Tidemark would have to bring them to ${newest}`,
    { hint: "Open it once where it can be written, or look at a copy.", recoverable: false },
  );
}

/** Throws `STATE_TOO_NEW` where another process has brought the tables past what this version knows. */
export function assertKnownTables(sql: SqlStatements, holder: string): void {
  assertKnownVersion(stateTables, sql.get("SELECT version FROM tidemark_schema")?.version, holder);
}
