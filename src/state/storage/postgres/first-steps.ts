/** The steps of the tables from version 1 to version 3. Never change a step; later ones are in `migrations.ts`. */
export const firstSteps: readonly string[] = [
  `
  ALTER TABLE tidemark_streams ADD COLUMN reset_epoch bigint NOT NULL DEFAULT 0;
  CREATE TABLE tidemark_partitions (
    connector text COLLATE "C" NOT NULL,
    stream text COLLATE "C" NOT NULL,
    lane text COLLATE "C" NOT NULL,
    partition text COLLATE "C" NOT NULL,
    cursor_value text,
    position text NOT NULL,
    position_epoch bigint NOT NULL,
    position_sequence bigint NOT NULL,
    run_epoch bigint NOT NULL,
    run_lower_bound text,
    updated_at_utc timestamptz NOT NULL,
    PRIMARY KEY (connector, stream, lane, partition)
  ) WITH (fillfactor = 70);
  ALTER TABLE tidemark_audit ADD COLUMN partition text COLLATE "C";
  CREATE INDEX tidemark_audit_by_time ON tidemark_audit (at_utc COLLATE "C", connector, stream, number);
  `,
  // Every stream that was ever stored, numbered without gaps: a stream that is removed with its log is missed.
  `
  CREATE TABLE tidemark_logs (
    number bigint NOT NULL,
    connector text COLLATE "C" NOT NULL,
    stream text COLLATE "C" NOT NULL,
    archived_number bigint NOT NULL DEFAULT 0,
    archived_hash text NOT NULL DEFAULT '',
    PRIMARY KEY (connector, stream)
  );
  INSERT INTO tidemark_logs (number, connector, stream)
    SELECT row_number() OVER (ORDER BY connector, stream), connector, stream FROM (
      SELECT connector, stream FROM tidemark_streams WHERE lane = ''
      UNION SELECT connector, stream FROM tidemark_audit) found;
  ALTER TABLE tidemark_schema ADD COLUMN logs bigint NOT NULL DEFAULT 0;
  UPDATE tidemark_schema SET logs = (SELECT count(*) FROM tidemark_logs);
  CREATE INDEX tidemark_audit_by_partition ON tidemark_audit (connector, stream, partition, number)
    WHERE partition IS NOT NULL;
  `,
];
