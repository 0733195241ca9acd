BEGIN TRANSACTION;
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
CREATE TABLE tidemark_key_audit (
    number INTEGER PRIMARY KEY,
    key_id TEXT NOT NULL,
    at_utc TEXT NOT NULL,
    actor TEXT NOT NULL,
    action TEXT NOT NULL,
    terms TEXT NOT NULL,
    hash TEXT NOT NULL
  );
INSERT INTO "tidemark_key_audit" VALUES(1,'key_18487ed9f139c2fd','2025-07-19T13:12:42.076Z','root','create','{"name":"operations","scope":"admin","connectors":null,"expires_at_utc":null,"secret_sha256":"1606b33bd4e9cc67a8225b8b1e6fd6eb79e1ae1de028e23dc7bd61f829800843"}','8bab8924ecf7a355df8a5ac9d1301cd7370546ae5b83475b80885e22f8028901');
INSERT INTO "tidemark_key_audit" VALUES(2,'key_1c94274886e05a30','2025-07-19T13:12:46.423Z','root','create','{"name":"nightly 🦉","scope":"run","connectors":["acme","sap_*"],"expires_at_utc":"2031-01-01T00:00:00.000Z","secret_sha256":"1cb38e3a89f8a12ef85ec95ac10ea57a4345c86b7046b7df620333ff7a8b0178"}','b0ea6e7a0cac39e07de04dc9a79bc76ecd90f795ee3911d4e3c93db4c9eaaa8f');
INSERT INTO "tidemark_key_audit" VALUES(3,'key_18487ed9f139c2fd','2025-07-19T13:12:47.643Z','root','revoke','{"name":"operations","scope":"admin","connectors":null,"expires_at_utc":null,"secret_sha256":"1606b33bd4e9cc67a8225b8b1e6fd6eb79e1ae1de028e23dc7bd61f829800843"}','23482ff558ca19094b9aa32e6730a02085398e35d5f69872b807308f6dca709b');
CREATE TABLE tidemark_key_schema (
    version INTEGER NOT NULL,
    audit_number INTEGER NOT NULL,
    audit_head TEXT NOT NULL
  );
INSERT INTO "tidemark_key_schema" VALUES(1,3,'23482ff558ca19094b9aa32e6730a02085398e35d5f69872b807308f6dca709b');
CREATE TABLE tidemark_keys (
    id TEXT PRIMARY KEY,
    name TEXT,
    scope TEXT NOT NULL,
    connectors TEXT,
    hash TEXT NOT NULL,
    created_at_utc TEXT NOT NULL,
    created_by TEXT NOT NULL,
    expires_at_utc TEXT,
    revoked_at_utc TEXT,
    revoked_by TEXT,
    last_used_at_utc TEXT
  ) WITHOUT ROWID;
INSERT INTO "tidemark_keys" VALUES('key_18487ed9f139c2fd','operations','admin',NULL,'1606b33bd4e9cc67a8225b8b1e6fd6eb79e1ae1de028e23dc7bd61f829800843','2025-07-19T13:12:42.076Z','root',NULL,'2025-07-19T13:12:47.643Z','root',NULL);
INSERT INTO "tidemark_keys" VALUES('key_1c94274886e05a30','nightly 🦉','run','["acme","sap_*"]','1cb38e3a89f8a12ef85ec95ac10ea57a4345c86b7046b7df620333ff7a8b0178','2025-07-19T13:12:46.423Z','root','2031-01-01T00:00:00.000Z',NULL,NULL,NULL);
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
CREATE TABLE tidemark_schema (version INTEGER NOT NULL);
INSERT INTO "tidemark_schema" VALUES(2);
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
CREATE INDEX tidemark_runs_by_stream ON tidemark_runs (connector, stream, number);
CREATE INDEX tidemark_audit_by_time ON tidemark_audit (at_utc, connector, stream, number);
DELETE FROM "sqlite_sequence";
COMMIT;
