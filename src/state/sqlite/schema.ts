import type { DatabaseSync } from "node:sqlite";
import { TidemarkError } from "../../errors.ts";

/** The schema's steps; a database is brought from the step it has to the last. Never change a step. */
const steps: readonly string[] = [
  `
  CREATE TABLE tidemark_streams (
    connector TEXT NOT NULL,
    stream TEXT NOT NULL,
    lane TEXT NOT NULL,
    cursor_type TEXT,
    cursor_value TEXT,
    cursor_sort_key TEXT,
    position TEXT NOT NULL,
    position_epoch INTEGER NOT NULL,
    position_sequence INTEGER NOT NULL,
    status TEXT NOT NULL,
    epoch INTEGER NOT NULL,
    sequence INTEGER NOT NULL,
    run_id TEXT,
    run_lower_bound TEXT,
    run_actor TEXT,
    started_at_utc TEXT,
    lease_seconds INTEGER NOT NULL,
    lease_expires_at_utc TEXT,
    lease_owner TEXT,
    last_error TEXT,
    records_processed INTEGER NOT NULL,
    metadata TEXT,
    updated_at_utc TEXT NOT NULL,
    audit_number INTEGER NOT NULL,
    audit_head TEXT NOT NULL,
    PRIMARY KEY (connector, stream, lane)
  );
  CREATE TABLE tidemark_boundary_keys (
    connector TEXT NOT NULL,
    stream TEXT NOT NULL,
    lane TEXT NOT NULL,
    identity TEXT NOT NULL,
    cursor_value TEXT NOT NULL,
    count INTEGER NOT NULL,
    PRIMARY KEY (connector, stream, lane, identity, cursor_value)
  ) WITHOUT ROWID;
  CREATE TABLE tidemark_coverage (
    connector TEXT NOT NULL,
    stream TEXT NOT NULL,
    lane TEXT NOT NULL,
    lower_value TEXT,
    upper_value TEXT NOT NULL,
    PRIMARY KEY (connector, stream, lane, upper_value)
  ) WITHOUT ROWID;
  CREATE TABLE tidemark_runs (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    connector TEXT NOT NULL,
    stream TEXT NOT NULL,
    run_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    epoch INTEGER NOT NULL,
    outcome TEXT NOT NULL,
    started_at_utc TEXT NOT NULL,
    ended_at_utc TEXT,
    lower_bound TEXT,
    new_cursor TEXT,
    records_processed INTEGER NOT NULL,
    checkpoints INTEGER NOT NULL,
    error TEXT,
    metadata TEXT,
    actor TEXT,
    end_position TEXT,
    UNIQUE (connector, stream, run_id)
  );
  CREATE INDEX tidemark_runs_by_stream ON tidemark_runs (connector, stream, number);
  CREATE TABLE tidemark_audit (
    connector TEXT NOT NULL,
    stream TEXT NOT NULL,
    number INTEGER NOT NULL,
    at_utc TEXT NOT NULL,
    actor TEXT NOT NULL,
    action TEXT NOT NULL,
    old_cursor TEXT,
    new_cursor TEXT,
    reason TEXT,
    run_id TEXT,
    hash TEXT NOT NULL,
    PRIMARY KEY (connector, stream, number)
  ) WITHOUT ROWID;
  `,
];

/** The step that this version knows last. */
export const schemaVersion = steps.length;

/**
 * Brings the state tables of a database up to date, in one transaction; harmless where they are.
 * Throws `STATE_TOO_NEW` where a newer version of Tidemark has been there.
 */
export function migrate(db: DatabaseSync, holder: string): void {
  if (storedVersion(db, holder) === schemaVersion) return;
  db.exec("BEGIN IMMEDIATE");
  try {
    db.exec("CREATE TABLE IF NOT EXISTS tidemark_schema (version INTEGER NOT NULL)");
    const version = storedVersion(db, holder);
    for (const step of steps.slice(version)) db.exec(step);
    if (version === 0) db.exec(`INSERT INTO tidemark_schema VALUES (${schemaVersion})`);
    else db.exec(`UPDATE tidemark_schema SET version = ${schemaVersion}`);
    db.exec("COMMIT");
  } catch (error) {
    if (db.isTransaction) db.exec("ROLLBACK");
    throw error;
  }
}

/** The step a database has; 0 where it has no state tables. */
function storedVersion(db: DatabaseSync, holder: string): number {
  const table = db
    .prepare("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'tidemark_schema'")
    .get();
  if (table === undefined) return 0;
  const version = db.prepare("SELECT version FROM tidemark_schema").get()?.version;
  if (typeof version !== "number") return 0;
  if (version > schemaVersion) {
    throw new TidemarkError(
      "STATE_TOO_NEW",
      `${holder}: the state tables are of version ${version}; this version of Tidemark knows ${schemaVersion}`,
    );
  }
  return version;
}
