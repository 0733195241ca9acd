CREATE TABLE tidemark_schema (version INTEGER NOT NULL, logs INTEGER NOT NULL DEFAULT 0);
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
    audit_head TEXT NOT NULL, reset_epoch INTEGER NOT NULL DEFAULT 0,
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
    hash TEXT NOT NULL, partition TEXT,
    PRIMARY KEY (connector, stream, number)
  ) WITHOUT ROWID;
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
CREATE INDEX tidemark_audit_by_time ON tidemark_audit (at_utc, connector, stream, number);
CREATE TABLE tidemark_logs (
    number INTEGER PRIMARY KEY,
    connector TEXT NOT NULL,
    stream TEXT NOT NULL,
    archived_number INTEGER NOT NULL DEFAULT 0,
    archived_hash TEXT NOT NULL DEFAULT '',
    UNIQUE (connector, stream)
  );
CREATE INDEX tidemark_audit_by_partition ON tidemark_audit (connector, stream, partition, number)
    WHERE partition IS NOT NULL;
INSERT INTO tidemark_schema (version, logs) VALUES (3, 2);
INSERT INTO tidemark_streams (connector, stream, lane, cursor_type, cursor_value, cursor_sort_key, position, position_epoch, position_sequence, status, epoch, sequence, run_id, run_lower_bound, run_actor, started_at_utc, lease_seconds, lease_expires_at_utc, lease_owner, last_error, records_processed, metadata, updated_at_utc, audit_number, audit_head, reset_epoch) VALUES ('acme', 'orders', '', 'numeric_id', NULL, NULL, '{"format":3,"watermark":null,"secondaryCursors":{},"window":null,"tieSet":[],"coverage":[]}', 1, 2, 'failed', 3, 0, 'two', NULL, NULL, '2026-12-01T00:08:57.769Z', 60, NULL, NULL, 'the source answered 502', 0, NULL, '2026-12-01T00:08:57.778Z', 4, 'bd25423d0af42b65a7339d94aab2dda6be2aed98bb4bb7690a6d0c0073875df8', 0);
INSERT INTO tidemark_streams (connector, stream, lane, cursor_type, cursor_value, cursor_sort_key, position, position_epoch, position_sequence, status, epoch, sequence, run_id, run_lower_bound, run_actor, started_at_utc, lease_seconds, lease_expires_at_utc, lease_owner, last_error, records_processed, metadata, updated_at_utc, audit_number, audit_head, reset_epoch) VALUES ('acme', 'orders', 'backfill/back', 'numeric_id', NULL, NULL, '{"format":3,"watermark":null,"secondaryCursors":{},"window":null,"tieSet":[],"coverage":[]}', 1, 1, 'completed', 1, 1, 'back', NULL, NULL, '2026-12-01T00:08:57.757Z', 60, NULL, NULL, NULL, 0, NULL, '2026-12-01T00:08:57.758Z', 0, '', 0);
INSERT INTO tidemark_streams (connector, stream, lane, cursor_type, cursor_value, cursor_sort_key, position, position_epoch, position_sequence, status, epoch, sequence, run_id, run_lower_bound, run_actor, started_at_utc, lease_seconds, lease_expires_at_utc, lease_owner, last_error, records_processed, metadata, updated_at_utc, audit_number, audit_head, reset_epoch) VALUES ('acme', 'events', '', 'timestamp_utc', '2026-01-01T00:00:00Z', '2026-01-01T00:00:00', '{"format":3,"watermark":"2026-01-01T00:00:00Z","secondaryCursors":{},"window":null,"tieSet":[],"coverage":[]}', 1, 1, 'running', 1, 1, 'three', NULL, NULL, '2026-12-01T00:08:57.779Z', 60, '2026-12-01T00:09:57.782Z', NULL, NULL, 1, NULL, '2026-12-01T00:08:57.782Z', 1, 'ea03b00ae0154c25d52b358123223d576a677dcfecc8b7316f3371688c9f7e2c', 0);
INSERT INTO tidemark_boundary_keys (connector, stream, lane, identity, cursor_value, count) VALUES ('acme', 'events', '', 'e1', '2026-01-01T00:00:00Z', 1);
INSERT INTO tidemark_boundary_keys (connector, stream, lane, identity, cursor_value, count) VALUES ('acme', 'orders', 'partition/a', 'y', '6', 2);
INSERT INTO tidemark_coverage (connector, stream, lane, number, lower_value, upper_value) VALUES ('acme', 'orders', 'backfill/back', 0, '10', '20');
INSERT INTO tidemark_coverage (connector, stream, lane, number, lower_value, upper_value) VALUES ('acme', 'orders', 'backfill/back/partition/a', 0, '1', '2');
INSERT INTO tidemark_coverage (connector, stream, lane, number, lower_value, upper_value) VALUES ('acme', 'orders', 'backfilled', 0, '10', '20');
INSERT INTO tidemark_coverage (connector, stream, lane, number, lower_value, upper_value) VALUES ('acme', 'orders', 'backfilled/partition/a', 0, '1', '2');
INSERT INTO tidemark_coverage (connector, stream, lane, number, lower_value, upper_value) VALUES ('acme', 'orders', 'partition/a', 0, NULL, '6');
INSERT INTO tidemark_runs (number, connector, stream, run_id, kind, epoch, outcome, started_at_utc, ended_at_utc, lower_bound, new_cursor, records_processed, checkpoints, error, metadata, actor, end_position) VALUES (1, 'acme', 'orders', 'one', 'live', 1, 'completed', '2026-12-01T00:08:57.657Z', '2026-12-01T00:08:57.746Z', NULL, NULL, 4, 1, NULL, '{"big":1}', 'ada', '{"format":3,"watermark":null,"secondaryCursors":{},"window":null,"tieSet":[],"coverage":[]}');
INSERT INTO tidemark_runs (number, connector, stream, run_id, kind, epoch, outcome, started_at_utc, ended_at_utc, lower_bound, new_cursor, records_processed, checkpoints, error, metadata, actor, end_position) VALUES (3, 'acme', 'orders', 'back', 'backfill', 1, 'completed', '2026-12-01T00:08:57.757Z', '2026-12-01T00:08:57.758Z', NULL, NULL, 0, 0, NULL, NULL, NULL, '{"format":3,"watermark":null,"secondaryCursors":{},"window":null,"tieSet":[],"coverage":[{"lower":"10","upper":"20"}]}');
INSERT INTO tidemark_runs (number, connector, stream, run_id, kind, epoch, outcome, started_at_utc, ended_at_utc, lower_bound, new_cursor, records_processed, checkpoints, error, metadata, actor, end_position) VALUES (5, 'acme', 'orders', 'two', 'live', 3, 'failed', '2026-12-01T00:08:57.769Z', '2026-12-01T00:08:57.778Z', NULL, NULL, 0, 0, 'the source answered 502', NULL, NULL, '{"format":3,"watermark":null,"secondaryCursors":{},"window":null,"tieSet":[],"coverage":[]}');
INSERT INTO tidemark_runs (number, connector, stream, run_id, kind, epoch, outcome, started_at_utc, ended_at_utc, lower_bound, new_cursor, records_processed, checkpoints, error, metadata, actor, end_position) VALUES (7, 'acme', 'events', 'three', 'live', 1, 'running', '2026-12-01T00:08:57.779Z', NULL, NULL, NULL, 0, 0, NULL, NULL, NULL, NULL);
INSERT INTO tidemark_audit (connector, stream, number, at_utc, actor, action, old_cursor, new_cursor, reason, run_id, hash, partition) VALUES ('acme', 'events', 1, '2026-12-01T00:08:57.782Z', 'local', 'advance', NULL, '2026-01-01T00:00:00Z', NULL, 'three', 'ea03b00ae0154c25d52b358123223d576a677dcfecc8b7316f3371688c9f7e2c', NULL);
INSERT INTO tidemark_audit (connector, stream, number, at_utc, actor, action, old_cursor, new_cursor, reason, run_id, hash, partition) VALUES ('acme', 'orders', 1, '2026-12-01T00:08:57.739Z', 'ada', 'advance', NULL, '5', NULL, 'one', 'b04002819890a3c21a255e3904c8bbad30ff551e9ef63497d00837f3f7f068b4', 'a');
INSERT INTO tidemark_audit (connector, stream, number, at_utc, actor, action, old_cursor, new_cursor, reason, run_id, hash, partition) VALUES ('acme', 'orders', 2, '2026-12-01T00:08:57.739Z', 'ada', 'advance', NULL, '7', NULL, 'one', '15167e4b451440ba4306d88b193c445a35ad52b8fb405fc98be60e1d23bf1be2', 'b/ü');
INSERT INTO tidemark_audit (connector, stream, number, at_utc, actor, action, old_cursor, new_cursor, reason, run_id, hash, partition) VALUES ('acme', 'orders', 3, '2026-12-01T00:08:57.746Z', 'ada', 'advance', '5', '6', NULL, 'one', '522d372e6dab3a0cae3ca53df429925f1659a316b90ff8e47d2fbf70ce91ba41', 'a');
INSERT INTO tidemark_audit (connector, stream, number, at_utc, actor, action, old_cursor, new_cursor, reason, run_id, hash, partition) VALUES ('acme', 'orders', 4, '2026-12-01T00:08:57.767Z', 'ada', 'reset', '7', '9', 'by hand', NULL, 'bd25423d0af42b65a7339d94aab2dda6be2aed98bb4bb7690a6d0c0073875df8', 'b/ü');
INSERT INTO tidemark_partitions (connector, stream, lane, partition, cursor_value, position, position_epoch, position_sequence, run_epoch, run_lower_bound, updated_at_utc) VALUES ('acme', 'orders', '', 'a', '6', '{"format":3,"watermark":"6","secondaryCursors":{},"window":null,"tieSet":[],"coverage":[]}', 1, 2, 1, NULL, '2026-12-01T00:08:57.746Z');
INSERT INTO tidemark_partitions (connector, stream, lane, partition, cursor_value, position, position_epoch, position_sequence, run_epoch, run_lower_bound, updated_at_utc) VALUES ('acme', 'orders', '', 'b/ü', '9', '{"format":3,"watermark":"9","secondaryCursors":{},"window":null,"tieSet":[],"coverage":[]}', 2, 0, 0, NULL, '2026-12-01T00:08:57.767Z');
INSERT INTO tidemark_partitions (connector, stream, lane, partition, cursor_value, position, position_epoch, position_sequence, run_epoch, run_lower_bound, updated_at_utc) VALUES ('acme', 'orders', 'backfill/back', 'a', NULL, '{"format":3,"watermark":null,"secondaryCursors":{},"window":null,"tieSet":[],"coverage":[]}', 1, 1, 1, NULL, '2026-12-01T00:08:57.758Z');
INSERT INTO tidemark_logs (number, connector, stream, archived_number, archived_hash) VALUES (1, 'acme', 'orders', 0, '');
INSERT INTO tidemark_logs (number, connector, stream, archived_number, archived_hash) VALUES (2, 'acme', 'events', 0, '');
