/** The steps of the tables from version 1 to version 3. Never change a step; later ones are in `migrations.ts`. */
export const firstSteps: readonly string[] = [
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
