import type { SqliteHandle } from "../../../databases/sqlite/handle.ts";
import type { SqlStatements } from "../../../databases/sqlite/statements.ts";
import { TidemarkError } from "../../../errors.ts";
import { columnDefinitions } from "../../derive/ddl.ts";
import { keyColumns } from "../../derive/table.ts";
import { laterSteps } from "../../migrations.ts";
import { audit, coverage, logs, partitions, runs, streams, tieSet } from "../../tables.ts";
import { firstSteps } from "./first-steps.ts";

/** A database is brought from the step it has to the last. */
const steps = [...firstSteps, ...laterSteps.map((step) => step("sqlite"))];

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

/** The step that this version knows last. */
export const schemaVersion = steps.length;

/**
 * Brings the state tables of a database up to date, in one transaction; harmless where they are.
 * Throws `STATE_TOO_NEW` where a newer version of Tidemark has been there.
 */
export function migrate(db: SqliteHandle, holder: string): void {
  if (storedVersion(db, holder) === schemaVersion) return;
  db.exec("BEGIN IMMEDIATE");
  try {
    const version = storedVersion(db, holder);
    if (version === 0) db.exec(newTables);
    else for (const step of steps.slice(version)) db.exec(step);
    db.exec(`UPDATE tidemark_schema SET version = ${schemaVersion}`);
    db.exec("COMMIT");
  } catch (error) {
    if (db.isTransaction) db.exec("ROLLBACK");
    throw error;
  }
}

/** Throws `STATE_UNAVAILABLE` where the tables would have to be brought up to date, which a reader cannot do. */
export function assertCurrentTables(db: SqliteHandle, holder: string): void {
  const version = storedVersion(db, holder);
  if (version === schemaVersion) return;
  throw new TidemarkError(
    "STATE_UNAVAILABLE",
    `${holder} cannot be written, and its tables are of version ${version}: this version of Tidemark would have to bring them to ${schemaVersion}`,
    { hint: "Open it once where it can be written, or look at a copy.", recoverable: false },
  );
}

/** Throws `STATE_TOO_NEW` where another process has brought the tables past what this version knows. */
export function assertKnownTables(sql: SqlStatements, holder: string): void {
  const version = sql.get("SELECT version FROM tidemark_schema")?.version;
  if (typeof version === "number" && version > schemaVersion) throw tooNew(holder, version);
}

/** The step a database has; 0 where it has no state tables. */
function storedVersion(db: SqliteHandle, holder: string): number {
  const tables = db
    .prepare(
      "SELECT name FROM sqlite_schema WHERE type = 'table' AND name IN ('tidemark_schema', 'tidemark_streams')",
    )
    .all()
    .map(({ name }) => name);
  if (tables.length === 0) return 0;
  const version = tables.includes("tidemark_schema")
    ? db.prepare("SELECT version FROM tidemark_schema").get()?.version
    : undefined;
  if (typeof version !== "number" || version < 1) {
    throw new TidemarkError(
      "STATE_UNREADABLE",
      `${holder}: the state tables do not say of which version they are; some of them are missing`,
    );
  }
  if (version > schemaVersion) throw tooNew(holder, version);
  return version;
}

function tooNew(holder: string, version: number): TidemarkError {
  return new TidemarkError(
    "STATE_TOO_NEW",
    `${holder}: the state tables are of version ${version}; this version of Tidemark knows ${schemaVersion}`,
  );
}
