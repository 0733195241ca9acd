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
CREATE TABLE tidemark_key_audit (
  number INTEGER PRIMARY KEY,
  key_id TEXT NOT NULL,
  at_utc TEXT NOT NULL,
  actor TEXT NOT NULL,
  action TEXT NOT NULL,
  terms TEXT NOT NULL,
  hash TEXT NOT NULL
);
CREATE TABLE tidemark_key_schema (
  version INTEGER NOT NULL,
  audit_number INTEGER NOT NULL,
  audit_head TEXT NOT NULL
);
INSERT INTO tidemark_key_schema VALUES (1, 0, '');
