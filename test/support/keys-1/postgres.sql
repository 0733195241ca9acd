CREATE TABLE tidemark_keys (
  id text COLLATE "C" PRIMARY KEY,
  name text,
  scope text NOT NULL,
  connectors text,
  hash text NOT NULL,
  created_at_utc text NOT NULL,
  created_by text NOT NULL,
  expires_at_utc text,
  revoked_at_utc text,
  revoked_by text,
  last_used_at_utc text COLLATE "C"
);
CREATE TABLE tidemark_key_audit (
  number bigint PRIMARY KEY,
  key_id text NOT NULL,
  at_utc text NOT NULL,
  actor text NOT NULL,
  action text NOT NULL,
  terms text NOT NULL,
  hash text NOT NULL
);
CREATE TABLE tidemark_key_schema (
  version integer NOT NULL,
  audit_number bigint NOT NULL,
  audit_head text NOT NULL
);
INSERT INTO tidemark_key_schema VALUES (1, 0, '');
