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
CREATE TABLE tidemark_schema (version INTEGER NOT NULL);
INSERT INTO tidemark_streams VALUES ('acme', 'orders', '', 'numeric_id', '12345678901234567899', '122012345678901234567899', '{"format":1,"watermark":"12345678901234567899","companions":{"id":"7"},"window":null,"boundary":[],"coverage":[]}', 5, 1, 'completed', 5, 1, 'orders-3', '12345678901234567899', NULL, '2026-01-01T00:00:00.000Z', 60, NULL, NULL, NULL, 0, NULL, '2026-01-01T00:00:00.000Z', 4, 'edce610f755c54ab4a0cbf56ddc977fd44ba0e1af3531cd579f1f408efca86ca');
INSERT INTO tidemark_streams VALUES ('acme', 'orders', 'backfill/backfill-1', 'numeric_id', NULL, NULL, '{"format":1,"watermark":null,"companions":{},"window":{"lower":"100","upper":"200","order":"unordered","highest":null,"resume":null},"boundary":[],"coverage":[]}', 1, 1, 'failed', 1, 1, 'backfill-1', '12345678901234567899', NULL, '2026-01-01T00:00:00.000Z', 60, NULL, NULL, 'killed', 9, NULL, '2026-01-01T00:00:00.000Z', 0, '');
INSERT INTO tidemark_streams VALUES ('acme', 'orders', 'backfill/backfill-2', 'numeric_id', NULL, NULL, '{"format":1,"watermark":null,"companions":{},"window":null,"boundary":[],"coverage":[]}', 0, 0, 'completed', 1, 0, 'backfill-2', '12345678901234567899', NULL, '2026-01-01T00:00:00.000Z', 60, NULL, NULL, NULL, 0, NULL, '2026-01-01T00:00:00.000Z', 0, '');
INSERT INTO tidemark_streams VALUES ('ünï/çode 🦉', 'default', '', 'text', '🦉 ''x''', '🦉 ''x''', '{"format":1,"watermark":"🦉 ''x''","companions":{},"window":null,"boundary":[],"coverage":[]}', 1, 1, 'running', 2, 0, 'odd-2', '🦉 ''x''', NULL, '2026-01-01T00:00:00.000Z', 86400, '2026-01-02T00:00:00.000Z', NULL, NULL, 0, NULL, '2026-01-01T00:00:00.000Z', 1, 'b9d658b5a4f9f19a00c6b3c39d6a0352ca28f291bb49b9d31104e6b30d771a34');
INSERT INTO tidemark_boundary_keys VALUES ('acme', 'orders', '', 'ü 🦉', '12345678901234567899', 2);
INSERT INTO tidemark_coverage VALUES ('acme', 'orders', '', 0, NULL, '100');
INSERT INTO tidemark_coverage VALUES ('acme', 'orders', '', 1, '200', '12345678901234567899');
INSERT INTO tidemark_coverage VALUES ('acme', 'orders', 'backfill/backfill-1', 0, '100', '150');
INSERT INTO tidemark_runs VALUES (1, 'acme', 'orders', 'orders-1', 'live', 1, 'completed', '2026-01-01T00:00:00.000Z', '2026-01-01T00:00:00.000Z', NULL, '12345678901234567899', 5, 1, NULL, '{"by":"hand"}', 'nightly', '{"format":1,"watermark":"12345678901234567899","companions":{"id":"7"},"window":null,"boundary":[],"coverage":[{"lower":null,"upper":"100"},{"lower":"200","upper":"12345678901234567899"}]}');
INSERT INTO tidemark_runs VALUES (3, 'acme', 'orders', 'orders-2', 'live', 2, 'failed', '2026-01-01T00:00:00.000Z', '2026-01-01T00:00:00.000Z', '12345678901234567899', '12345678901234567899', 0, 0, 'out of luck', NULL, NULL, '{"format":1,"watermark":"12345678901234567899","companions":{"id":"7"},"window":null,"boundary":[],"coverage":[{"lower":null,"upper":"100"},{"lower":"200","upper":"12345678901234567899"}]}');
INSERT INTO tidemark_runs VALUES (5, 'acme', 'orders', 'orders-3', 'live', 5, 'completed', '2026-01-01T00:00:00.000Z', '2026-01-01T00:00:00.000Z', '12345678901234567899', '12345678901234567899', 0, 0, NULL, NULL, NULL, '{"format":1,"watermark":"12345678901234567899","companions":{"id":"7"},"window":null,"boundary":[],"coverage":[{"lower":null,"upper":"100"},{"lower":"200","upper":"12345678901234567899"}]}');
INSERT INTO tidemark_runs VALUES (7, 'acme', 'orders', 'backfill-1', 'backfill', 1, 'failed', '2026-01-01T00:00:00.000Z', '2026-01-01T00:00:00.000Z', '12345678901234567899', NULL, 9, 1, 'killed', NULL, NULL, '{"format":1,"watermark":null,"companions":{},"window":null,"boundary":[],"coverage":[{"lower":"100","upper":"150"}]}');
INSERT INTO tidemark_runs VALUES (9, 'acme', 'orders', 'backfill-2', 'backfill', 1, 'completed', '2026-01-01T00:00:00.000Z', '2026-01-01T00:00:00.000Z', '12345678901234567899', NULL, 0, 0, NULL, NULL, NULL, '{"format":1,"watermark":null,"companions":{},"window":null,"boundary":[],"coverage":[]}');
INSERT INTO tidemark_runs VALUES (11, 'ünï/çode 🦉', 'default', 'odd-1', 'live', 1, 'completed', '2026-01-01T00:00:00.000Z', '2026-01-01T00:00:00.000Z', NULL, '🦉 ''x''', 0, 0, NULL, NULL, NULL, '{"format":1,"watermark":"🦉 ''x''","companions":{},"window":null,"boundary":[],"coverage":[]}');
INSERT INTO tidemark_runs VALUES (13, 'ünï/çode 🦉', 'default', 'odd-2', 'live', 2, 'running', '2026-01-01T00:00:00.000Z', NULL, '🦉 ''x''', NULL, 0, 0, NULL, NULL, NULL, NULL);
INSERT INTO tidemark_audit VALUES ('acme', 'orders', 1, '2026-01-01T00:00:00.000Z', 'nightly', 'advance', NULL, '12345678901234567890', NULL, 'orders-1', '39c3250c19fed403e004f6e3de2c32e51270fa584eebdae9ce93edda7f9b9a5f');
INSERT INTO tidemark_audit VALUES ('acme', 'orders', 2, '2026-01-01T00:00:00.000Z', 'nightly', 'advance', '12345678901234567890', '12345678901234567899', NULL, 'orders-1', 'bd76c76edb373fcfb4956bfec72e53845ecd0f20862df8f7a48bc02cf659fd68');
INSERT INTO tidemark_audit VALUES ('acme', 'orders', 3, '2026-01-01T00:00:00.000Z', 'ada', 'reset', '12345678901234567899', '50', 'rows were
missing', NULL, '0446ca6ded6ebd08bbedd55323d4d247ea56d116e8bb5dd6ddd3e13088db0f7b');
INSERT INTO tidemark_audit VALUES ('acme', 'orders', 4, '2026-01-01T00:00:00.000Z', 'ada', 'rewind', '50', '12345678901234567899', 'rows were
missing', 'orders-1', 'edce610f755c54ab4a0cbf56ddc977fd44ba0e1af3531cd579f1f408efca86ca');
INSERT INTO tidemark_audit VALUES ('ünï/çode 🦉', 'default', 1, '2026-01-01T00:00:00.000Z', 'local', 'advance', NULL, '🦉 ''x''', NULL, 'odd-1', 'b9d658b5a4f9f19a00c6b3c39d6a0352ca28f291bb49b9d31104e6b30d771a34');
INSERT INTO tidemark_schema VALUES (1);
