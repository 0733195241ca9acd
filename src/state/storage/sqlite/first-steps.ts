/** The steps of the tables up to the third. Never change a step; later ones are in `migrations.ts`. */
export const firstSteps: readonly string[] = [
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
    number INTEGER NOT NULL,
    lower_value TEXT,
    upper_value TEXT NOT NULL,
    PRIMARY KEY (connector, stream, lane, number)
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
  `
  ALTER TABLE tidemark_streams ADD COLUMN reset_epoch INTEGER NOT NULL DEFAULT 0;
  CREATE TABLE tidemark_partitions (
    connector TEXT NOT NULL,
    stream TEXT NOT NULL,
    lane TEXT NOT NULL,
    partition TEXT NOT NULL,
    cursor_value TEXT,
    position TEXT NOT NULL,
    position_epoch INTEGER NOT NULL,
    position_sequence INTEGER NOT NULL,
    run_epoch INTEGER NOT NULL,
    run_lower_bound TEXT,
    updated_at_utc TEXT NOT NULL,
    PRIMARY KEY (connector, stream, lane, partition)
  );
  ALTER TABLE tidemark_audit ADD COLUMN partition TEXT;
  CREATE INDEX tidemark_audit_by_time ON tidemark_audit (at_utc, connector, stream, number);
  `,
  // Every stream that was ever stored, numbered without gaps: a stream that is removed with its log is missed.
  `
  CREATE TABLE tidemark_logs (
    number INTEGER PRIMARY KEY,
    connector TEXT NOT NULL,
    stream TEXT NOT NULL,
    archived_number INTEGER NOT NULL DEFAULT 0,
    archived_hash TEXT NOT NULL DEFAULT '',
    UNIQUE (connector, stream)
  );
  INSERT INTO tidemark_logs (number, connector, stream)
    SELECT row_number() OVER (ORDER BY connector, stream), connector, stream FROM (
      SELECT connector, stream FROM tidemark_streams WHERE lane = ''
      UNION SELECT connector, stream FROM tidemark_audit);
  ALTER TABLE tidemark_schema ADD COLUMN logs INTEGER NOT NULL DEFAULT 0;
  UPDATE tidemark_schema SET logs = (SELECT count(*) FROM tidemark_logs);
  CREATE INDEX tidemark_audit_by_partition ON tidemark_audit (connector, stream, partition, number)
    WHERE partition IS NOT NULL;
  `,
];
