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
INSERT INTO "tidemark_audit" VALUES('acme','accounts',1,'2025-07-19T13:11:36.316Z','root','advance',NULL,'2025-03-01T00:00:00Z',NULL,'b263b9d0-8dc6-440d-ba75-6859fc34df7c','2754dc14c94b27f3b0cb50412de4f09e97d4ef4ebe6a5a9245364a8e6b9c8e03','asia');
INSERT INTO "tidemark_audit" VALUES('acme','accounts',2,'2025-07-19T13:11:36.396Z','root','advance','2025-03-01T00:00:00Z','2025-03-02T00:00:00Z',NULL,'b263b9d0-8dc6-440d-ba75-6859fc34df7c','76e5f4a476a36621d3b25b8e6e946b2a1365a98bb2cf7cebe52381d23af796c0','asia');
INSERT INTO "tidemark_audit" VALUES('acme','accounts',3,'2025-07-19T13:11:36.752Z','root','advance',NULL,'2025-03-01T00:00:00Z',NULL,'b263b9d0-8dc6-440d-ba75-6859fc34df7c','a4112dc74849a7c399618dea64a208ba053f482302173288212b72aa0a8ccad0','eu');
INSERT INTO "tidemark_audit" VALUES('acme','accounts',4,'2025-07-19T13:11:36.764Z','root','advance','2025-03-01T00:00:00Z','2025-03-02T00:00:00Z',NULL,'b263b9d0-8dc6-440d-ba75-6859fc34df7c','54abb5434023c3b77edd0194ac383925c6c7a01b02e96caa7f9cc7e11d101696','eu');
INSERT INTO "tidemark_audit" VALUES('acme','accounts',5,'2025-07-19T13:11:36.853Z','root','advance',NULL,'2025-03-01T00:00:00Z',NULL,'b263b9d0-8dc6-440d-ba75-6859fc34df7c','812f619ed87cd73a2ff4baaf31a67067fd6f7509c7e722d01f5f77586c6d8fa1','us');
INSERT INTO "tidemark_audit" VALUES('acme','activities',1,'2025-07-19T13:12:23.604Z','root','advance',NULL,'2025-03-01T00:00:00Z',NULL,'f721a9c0-0d28-451a-bc20-f9e5f19bf68f','104df663d740f8576c059bd68a647245fb80b41fcb3df7e47e5f87dc69768525',NULL);
INSERT INTO "tidemark_audit" VALUES('acme','history',1,'2025-07-19T13:11:43.484Z','root','advance',NULL,'2025-03-02T00:00:00Z',NULL,'3a010f05-7e58-4453-a97c-a48fb44b2f65','74c89fd3692a9226c1b882467f88d975f7eab918589bc467cf731f252dea4457',NULL);
INSERT INTO "tidemark_audit" VALUES('acme','history',2,'2025-07-19T13:11:43.586Z','root','advance','2025-03-02T00:00:00Z','2025-03-04T00:00:00Z',NULL,'3a010f05-7e58-4453-a97c-a48fb44b2f65','a28c8a46d5309fd8c848dc82c1ab6feaac08590dd9c27679da2cbb9d6ad17b31',NULL);
INSERT INTO "tidemark_audit" VALUES('acme','history',3,'2025-07-19T13:11:43.602Z','root','advance','2025-03-04T00:00:00Z','2025-03-06T00:00:00Z',NULL,'3a010f05-7e58-4453-a97c-a48fb44b2f65','789c9efb24528ae163111cb2f07159d5f74872c59d0874138c1f1f40a824750e',NULL);
INSERT INTO "tidemark_audit" VALUES('acme','history',4,'2025-07-19T13:11:43.669Z','root','advance','2025-03-06T00:00:00Z','2025-03-08T00:00:00Z',NULL,'3a010f05-7e58-4453-a97c-a48fb44b2f65','a50264bec3fd57829e8b5213649745fcbaece36343c5b22ea2aba6efa107ba43',NULL);
INSERT INTO "tidemark_audit" VALUES('acme','history',5,'2025-07-19T13:11:43.756Z','root','advance','2025-03-08T00:00:00Z','2025-03-10T00:00:00Z',NULL,'3a010f05-7e58-4453-a97c-a48fb44b2f65','29cc8238e1c986ed1273249b6713ab32ecc823bb24bae342bb5e701dd36619b6',NULL);
INSERT INTO "tidemark_audit" VALUES('acme','notices',1,'2025-07-19T13:12:13.250Z','root','advance',NULL,'2025-03-01T00:00:00Z',NULL,'e74394aa-b3ea-45e3-841f-8ec9e649b9a1','21b2445a0b0cb378fff897f2ac45d436e8caf44181d36d180036d8f4fb52a67a',NULL);
INSERT INTO "tidemark_audit" VALUES('acme','orders',1,'2025-07-19T13:11:22.505Z','root','advance',NULL,'2025-03-01T00:00:00Z',NULL,'01e98127-2e00-4c4c-af0a-998f4f8c6f02','b4c4d91a058c2d384bfc8650abb3f0dd1c4e041bb4bafd610957baeaaf71e6a4',NULL);
INSERT INTO "tidemark_audit" VALUES('acme','orders',2,'2025-07-19T13:11:22.620Z','root','advance','2025-03-01T00:00:00Z','2025-03-02T00:00:00Z',NULL,'01e98127-2e00-4c4c-af0a-998f4f8c6f02','fc2f0dfdd06c760f1423909972be86c4ab250adf6992049a6dcb3d2fc042d2a6',NULL);
INSERT INTO "tidemark_audit" VALUES('acme','orders',3,'2025-07-19T13:11:28.032Z','root','advance','2025-03-02T00:00:00Z','2025-03-03T00:00:00Z',NULL,'3c947c4c-8b39-481b-8d03-8176da39b496','5fbcbd51e2d319532ed787affb4dd5ae8e99fb9ad060e2e572dba48db4065da5',NULL);
INSERT INTO "tidemark_audit" VALUES('acme','resets',1,'2025-07-19T13:12:03.256Z','root','advance',NULL,'2025-03-01T00:00:00Z',NULL,'2aa25da4-7cc2-4a6b-8ca8-a957ad86e705','da938a48b0d5b3971d0d8dd7dc4107af9bd6f5976b718e9a3208589be53e601f',NULL);
INSERT INTO "tidemark_audit" VALUES('acme','resets',2,'2025-07-19T13:12:03.303Z','root','advance','2025-03-01T00:00:00Z','2025-03-02T00:00:00Z',NULL,'2aa25da4-7cc2-4a6b-8ca8-a957ad86e705','afbfd7a28cd6645a104cfd7f11fa24a51f5a4085517d7fb9c186d62c07ae70c5',NULL);
INSERT INTO "tidemark_audit" VALUES('acme','resets',3,'2025-07-19T13:12:06.756Z','root','reset','2025-03-02T00:00:00Z',NULL,'the source was rebuilt',NULL,'30e3e6f72970a58ea94bb2b8d6aef0681eb1cffe9045d01c71de0576f5310406',NULL);
CREATE TABLE tidemark_boundary_keys (
    connector TEXT NOT NULL,
    stream TEXT NOT NULL,
    lane TEXT NOT NULL,
    identity TEXT NOT NULL,
    cursor_value TEXT NOT NULL,
    count INTEGER NOT NULL,
    PRIMARY KEY (connector, stream, lane, identity, cursor_value)
  ) WITHOUT ROWID;
INSERT INTO "tidemark_boundary_keys" VALUES('acme','accounts','partition/asia','4','2025-03-02T00:00:00Z',1);
INSERT INTO "tidemark_boundary_keys" VALUES('acme','accounts','partition/asia','5','2025-03-02T00:00:00Z',1);
INSERT INTO "tidemark_boundary_keys" VALUES('acme','accounts','partition/eu','4','2025-03-02T00:00:00Z',1);
INSERT INTO "tidemark_boundary_keys" VALUES('acme','accounts','partition/us','1','2025-03-01T00:00:00Z',1);
INSERT INTO "tidemark_boundary_keys" VALUES('acme','accounts','partition/us','2','2025-03-01T00:00:00Z',1);
INSERT INTO "tidemark_boundary_keys" VALUES('acme','activities','','1','2025-03-01T00:00:00Z',1);
INSERT INTO "tidemark_boundary_keys" VALUES('acme','activities','','2','2025-03-01T00:00:00Z',1);
INSERT INTO "tidemark_boundary_keys" VALUES('acme','activities','','3','2025-03-01T00:00:00Z',1);
INSERT INTO "tidemark_boundary_keys" VALUES('acme','activities','','7','2025-03-03T00:00:00Z',1);
INSERT INTO "tidemark_boundary_keys" VALUES('acme','activities','','8','2025-03-03T00:00:00Z',1);
INSERT INTO "tidemark_boundary_keys" VALUES('acme','activities','','9','2025-03-03T00:00:00Z',1);
INSERT INTO "tidemark_boundary_keys" VALUES('acme','history','','30','2025-03-10T00:00:00Z',1);
INSERT INTO "tidemark_boundary_keys" VALUES('acme','notices','','1@R72ceywjPl4jHa3zfI9L9W','2025-03-01T00:00:00Z',1);
INSERT INTO "tidemark_boundary_keys" VALUES('acme','notices','','2@EKzGsd6CqTEUriH_oHbSja','2025-03-01T00:00:00Z',1);
INSERT INTO "tidemark_boundary_keys" VALUES('acme','notices','','3@_lFsfmx-ajcDHssHkaNqWB','2025-03-01T00:00:00Z',1);
INSERT INTO "tidemark_boundary_keys" VALUES('acme','orders','','7','2025-03-03T00:00:00Z',1);
CREATE TABLE tidemark_coverage (
    connector TEXT NOT NULL,
    stream TEXT NOT NULL,
    lane TEXT NOT NULL,
    number INTEGER NOT NULL,
    lower_value TEXT,
    upper_value TEXT NOT NULL,
    PRIMARY KEY (connector, stream, lane, number)
  ) WITHOUT ROWID;
INSERT INTO "tidemark_coverage" VALUES('acme','accounts','partition/asia',0,NULL,'2025-03-02T00:00:00Z');
INSERT INTO "tidemark_coverage" VALUES('acme','accounts','partition/eu',0,NULL,'2025-03-02T00:00:00Z');
INSERT INTO "tidemark_coverage" VALUES('acme','accounts','partition/us',0,NULL,'2025-03-01T00:00:00Z');
INSERT INTO "tidemark_coverage" VALUES('acme','activities','',0,NULL,'2025-03-01T00:00:00Z');
INSERT INTO "tidemark_coverage" VALUES('acme','history','',0,'2025-02-28T23:59:59.999Z','2025-03-10T00:00:00Z');
INSERT INTO "tidemark_coverage" VALUES('acme','history','backfill/832e9a90-a6ab-47ba-9dc2-7c4a83f64611',0,'2024-12-31T23:59:59.999Z','2025-01-15T23:59:59.999Z');
INSERT INTO "tidemark_coverage" VALUES('acme','notices','',0,NULL,'2025-03-01T00:00:00Z');
INSERT INTO "tidemark_coverage" VALUES('acme','orders','',0,NULL,'2025-03-03T00:00:00Z');
CREATE TABLE tidemark_key_audit (
    number INTEGER PRIMARY KEY,
    key_id TEXT NOT NULL,
    at_utc TEXT NOT NULL,
    actor TEXT NOT NULL,
    action TEXT NOT NULL,
    terms TEXT NOT NULL,
    hash TEXT NOT NULL
  );
INSERT INTO "tidemark_key_audit" VALUES(1,'key_e70ef835af8fce14','2025-07-19T13:12:35.452Z','root','create','{"name":"operations","scope":"admin","connectors":null,"expires_at_utc":null,"secret_sha256":"f44062f55842d322d8fca697e710b2c85299a61f6f810b920c23b000cb8e781f"}','ee341f30b61ee82d359b4728aa4289cfaa13836e07842570123e715657d734ce');
INSERT INTO "tidemark_key_audit" VALUES(2,'key_fdbdb8f70ef483ad','2025-07-19T13:12:37.522Z','root','create','{"name":"nightly 🦉","scope":"run","connectors":["acme","sap_*"],"expires_at_utc":"2031-01-01T00:00:00.000Z","secret_sha256":"b3c920e89e44940f068189d65844ce9532a436ff99f8cbf58eb64759bce6e7c8"}','b03f500928cd6e07c1bec5bfdf2503cedb1506216b62ae0f6b503e8f20a89fe8');
INSERT INTO "tidemark_key_audit" VALUES(3,'key_e70ef835af8fce14','2025-07-19T13:12:39.950Z','root','revoke','{"name":"operations","scope":"admin","connectors":null,"expires_at_utc":null,"secret_sha256":"f44062f55842d322d8fca697e710b2c85299a61f6f810b920c23b000cb8e781f"}','bc372e9cd4c1800479e4b607b804aced186c8c73fd778b28518524bedfc96b1e');
CREATE TABLE tidemark_key_schema (
    version INTEGER NOT NULL,
    audit_number INTEGER NOT NULL,
    audit_head TEXT NOT NULL
  );
INSERT INTO "tidemark_key_schema" VALUES(1,3,'bc372e9cd4c1800479e4b607b804aced186c8c73fd778b28518524bedfc96b1e');
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
INSERT INTO "tidemark_keys" VALUES('key_e70ef835af8fce14','operations','admin',NULL,'f44062f55842d322d8fca697e710b2c85299a61f6f810b920c23b000cb8e781f','2025-07-19T13:12:35.452Z','root',NULL,'2025-07-19T13:12:39.950Z','root',NULL);
INSERT INTO "tidemark_keys" VALUES('key_fdbdb8f70ef483ad','nightly 🦉','run','["acme","sap_*"]','b3c920e89e44940f068189d65844ce9532a436ff99f8cbf58eb64759bce6e7c8','2025-07-19T13:12:37.522Z','root','2031-01-01T00:00:00.000Z',NULL,NULL,NULL);
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
INSERT INTO "tidemark_partitions" VALUES('acme','accounts','','asia','2025-03-02T00:00:00Z','{"format":1,"watermark":"2025-03-02T00:00:00Z","companions":{},"window":null,"boundary":[],"coverage":[]}',1,3,1,NULL,'2025-07-19T13:11:36.460Z');
INSERT INTO "tidemark_partitions" VALUES('acme','accounts','','eu','2025-03-02T00:00:00Z','{"format":1,"watermark":"2025-03-02T00:00:00Z","companions":{},"window":null,"boundary":[],"coverage":[]}',1,5,1,NULL,'2025-07-19T13:11:36.764Z');
INSERT INTO "tidemark_partitions" VALUES('acme','accounts','','us','2025-03-01T00:00:00Z','{"format":1,"watermark":"2025-03-01T00:00:00Z","companions":{},"window":null,"boundary":[],"coverage":[]}',1,6,1,NULL,'2025-07-19T13:11:36.853Z');
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
INSERT INTO "tidemark_runs" VALUES(1,'acme','orders','01e98127-2e00-4c4c-af0a-998f4f8c6f02','live',1,'completed','2025-07-19T13:11:21.218Z','2025-07-19T13:11:22.688Z',NULL,'2025-03-02T00:00:00Z',5,3,NULL,'{"records_read":5,"records_written":5,"pages":3,"warnings":[]}','root','{"format":1,"watermark":"2025-03-02T00:00:00Z","companions":{},"window":null,"boundary":[],"coverage":[{"lower":null,"upper":"2025-03-02T00:00:00Z"}]}');
INSERT INTO "tidemark_runs" VALUES(3,'acme','orders','3c947c4c-8b39-481b-8d03-8176da39b496','live',2,'running','2025-07-19T13:11:26.506Z',NULL,'2025-03-02T00:00:00Z',NULL,0,0,NULL,NULL,'root',NULL);
INSERT INTO "tidemark_runs" VALUES(4,'acme','accounts','b263b9d0-8dc6-440d-ba75-6859fc34df7c','live',1,'failed','2025-07-19T13:11:34.689Z','2025-07-19T13:11:36.898Z',NULL,NULL,11,6,'SOURCE_REFUSED: 1 of 3 could not be read whole, and the others are kept: partition us: GET http://127.0.0.1:46215/accounts/us?limit=2&page=2: answered with status 400: "{}"','{"records_read":11,"pages":7,"warnings":[]}','root','{"format":1,"watermark":null,"companions":{},"window":null,"boundary":[],"coverage":[]}');
INSERT INTO "tidemark_runs" VALUES(6,'acme','history','3a010f05-7e58-4453-a97c-a48fb44b2f65','live',1,'completed','2025-07-19T13:11:42.088Z','2025-07-19T13:11:43.853Z',NULL,'2025-03-10T00:00:00Z',10,5,NULL,'{"records_read":10,"records_written":10,"pages":6,"warnings":[]}','root','{"format":1,"watermark":"2025-03-10T00:00:00Z","companions":{},"window":null,"boundary":[],"coverage":[{"lower":"2025-02-28T23:59:59.999Z","upper":"2025-03-10T00:00:00Z"}]}');
INSERT INTO "tidemark_runs" VALUES(8,'acme','history','a33b2e81-32b4-4643-bd53-1c46b4297bc8','backfill',1,'failed','2025-07-19T13:11:51.191Z','2025-07-19T13:11:54.534Z','2025-03-10T00:00:00Z',NULL,15,13,'SOURCE_REFUSED: 4 of 7 could not be read whole, and the others are kept: the slice (2025-01-15T23:59:59.999Z, 2025-01-20T23:59:59.999Z]: GET http://127.0.0.1:46237/history?since=2025-01-15T23:59:59.998Z&until=2025-01-21T00:00:00Z&limit=2&page=1: answered with status 400: "{}"; the slice (2025-01-20T23:59:59.999Z, 2025-01-25T23:59:59.999Z]: GET http://127.0.0.1:46237/history?since=2025-01-20T23:59:59.998Z&until=2025-01-26T00:00:00Z&limit=2&page=1: answered with status 400: "{}"; the slice (2025-01-25T23:59:59.999Z, 2025-01-30T23:59:59.999Z]: GET http://127.0.0.1:46237/history?since=2025-01-25T23:59:59.998Z&until=2025-01-31T00:00:00Z&limit=2&page=1: answered with status 400: "{}"; the slice (2025-01-30T23:59:59.999Z, 2025-01-31T00:00:00Z]: GET http://127.0.0.1:46237/history?since=2025-01-30T23:59:59.998Z&until=2025-01-31T00:00:00.001Z&limit=2&page=1: answered with status 400: "{}"','{"records_read":18,"pages":12,"warnings":[]}','root','{"format":1,"watermark":null,"companions":{},"window":null,"boundary":[],"coverage":[{"lower":"2024-12-31T23:59:59.999Z","upper":"2025-01-15T23:59:59.999Z"}]}');
INSERT INTO "tidemark_runs" VALUES(10,'acme','resets','2aa25da4-7cc2-4a6b-8ca8-a957ad86e705','live',1,'completed','2025-07-19T13:12:01.612Z','2025-07-19T13:12:03.332Z',NULL,'2025-03-02T00:00:00Z',4,2,NULL,'{"records_read":4,"records_written":4,"pages":3,"warnings":[]}','root','{"format":1,"watermark":"2025-03-02T00:00:00Z","companions":{},"window":null,"boundary":[],"coverage":[{"lower":null,"upper":"2025-03-02T00:00:00Z"}]}');
INSERT INTO "tidemark_runs" VALUES(12,'acme','notices','e74394aa-b3ea-45e3-841f-8ec9e649b9a1','live',1,'completed','2025-07-19T13:12:12.586Z','2025-07-19T13:12:13.382Z',NULL,'2025-03-01T00:00:00Z',2,2,NULL,'{"records_read":3,"records_written":2,"pages":2,"warnings":[{"code":"RECORDS_DEAD_LETTERED","message":"wrote the record with id 2, at \"2025-03-01T00:00:00Z\" to /srv/sync/run/sqlite/refused.jsonl: POST http://127.0.0.1:33007/notices: answered with status 422: \"{}\"","count":1}]}','root','{"format":1,"watermark":"2025-03-01T00:00:00Z","companions":{},"window":null,"boundary":[],"coverage":[{"lower":null,"upper":"2025-03-01T00:00:00Z"}]}');
INSERT INTO "tidemark_runs" VALUES(14,'acme','activities','f721a9c0-0d28-451a-bc20-f9e5f19bf68f','live',1,'completed','2025-07-19T13:12:21.622Z','2025-07-19T13:12:23.604Z',NULL,'2025-03-01T00:00:00Z',3,2,NULL,'{"records_read":3,"records_written":3,"pages":2,"warnings":[]}','root','{"format":1,"watermark":"2025-03-01T00:00:00Z","companions":{},"window":null,"boundary":[],"coverage":[{"lower":null,"upper":"2025-03-01T00:00:00Z"}]}');
INSERT INTO "tidemark_runs" VALUES(16,'acme','activities','52bfcf2a-2e29-402a-a6a4-dd166e0319b1','live',2,'running','2025-07-19T13:12:29.494Z',NULL,'2025-03-01T00:00:00Z',NULL,0,0,NULL,NULL,'root',NULL);
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
INSERT INTO "tidemark_streams" VALUES('acme','orders','','timestamp_utc','2025-03-03T00:00:00Z','2025-03-03T00:00:00','{"format":1,"watermark":"2025-03-03T00:00:00Z","companions":{},"window":null,"boundary":[],"coverage":[]}',2,1,'running',2,1,'3c947c4c-8b39-481b-8d03-8176da39b496','2025-03-02T00:00:00Z','root','2025-07-19T13:11:26.506Z',60,'2025-07-19T13:12:28.032Z','{"host":"worker-1 00000000000000000000000000000001 pid:[1]","boot":"00000000-0000-4000-8000-000000000001","pid":29043,"startedAt":"344600"}',NULL,2,NULL,'2025-07-19T13:11:28.032Z',3,'5fbcbd51e2d319532ed787affb4dd5ae8e99fb9ad060e2e572dba48db4065da5',0);
INSERT INTO "tidemark_streams" VALUES('acme','accounts','','timestamp_utc',NULL,NULL,'{"format":1,"watermark":null,"companions":{},"window":null,"boundary":[],"coverage":[]}',1,6,'failed',1,6,'b263b9d0-8dc6-440d-ba75-6859fc34df7c',NULL,'root','2025-07-19T13:11:34.689Z',60,NULL,NULL,'SOURCE_REFUSED: 1 of 3 could not be read whole, and the others are kept: partition us: GET http://127.0.0.1:46215/accounts/us?limit=2&page=2: answered with status 400: "{}"',11,'{"records_read":11,"pages":7,"warnings":[]}','2025-07-19T13:11:36.898Z',5,'812f619ed87cd73a2ff4baaf31a67067fd6f7509c7e722d01f5f77586c6d8fa1',0);
INSERT INTO "tidemark_streams" VALUES('acme','history','','timestamp_utc','2025-03-10T00:00:00Z','2025-03-10T00:00:00','{"format":1,"watermark":"2025-03-10T00:00:00Z","companions":{},"window":null,"boundary":[],"coverage":[]}',1,6,'completed',1,6,'3a010f05-7e58-4453-a97c-a48fb44b2f65',NULL,'root','2025-07-19T13:11:42.088Z',60,NULL,NULL,NULL,10,'{"records_read":10,"records_written":10,"pages":6,"warnings":[]}','2025-07-19T13:11:43.853Z',5,'29cc8238e1c986ed1273249b6713ab32ecc823bb24bae342bb5e701dd36619b6',0);
INSERT INTO "tidemark_streams" VALUES('acme','history','backfill/832e9a90-a6ab-47ba-9dc2-7c4a83f64611','timestamp_utc',NULL,NULL,'{"format":1,"watermark":null,"companions":{},"window":{"lower":"2024-12-31T23:59:59.999Z","upper":"2025-01-31T00:00:00Z","order":"unordered","highest":null,"resume":null},"boundary":[],"coverage":[]}',1,13,'failed',1,13,'a33b2e81-32b4-4643-bd53-1c46b4297bc8','2025-03-10T00:00:00Z','root','2025-07-19T13:11:51.191Z',60,NULL,NULL,'SOURCE_REFUSED: 4 of 7 could not be read whole, and the others are kept: the slice (2025-01-15T23:59:59.999Z, 2025-01-20T23:59:59.999Z]: GET http://127.0.0.1:46237/history?since=2025-01-15T23:59:59.998Z&until=2025-01-21T00:00:00Z&limit=2&page=1: answered with status 400: "{}"; the slice (2025-01-20T23:59:59.999Z, 2025-01-25T23:59:59.999Z]: GET http://127.0.0.1:46237/history?since=2025-01-20T23:59:59.998Z&until=2025-01-26T00:00:00Z&limit=2&page=1: answered with status 400: "{}"; the slice (2025-01-25T23:59:59.999Z, 2025-01-30T23:59:59.999Z]: GET http://127.0.0.1:46237/history?since=2025-01-25T23:59:59.998Z&until=2025-01-31T00:00:00Z&limit=2&page=1: answered with status 400: "{}"; the slice (2025-01-30T23:59:59.999Z, 2025-01-31T00:00:00Z]: GET http://127.0.0.1:46237/history?since=2025-01-30T23:59:59.998Z&until=2025-01-31T00:00:00.001Z&limit=2&page=1: answered with status 400: "{}"',15,'{"records_read":18,"pages":12,"warnings":[]}','2025-07-19T13:11:54.534Z',0,'',0);
INSERT INTO "tidemark_streams" VALUES('acme','resets','','timestamp_utc',NULL,NULL,'{"format":1,"watermark":null,"companions":{},"window":null,"boundary":[],"coverage":[]}',2,0,'idle',2,0,'2aa25da4-7cc2-4a6b-8ca8-a957ad86e705',NULL,'root','2025-07-19T13:12:01.612Z',60,NULL,NULL,NULL,4,'{"records_read":4,"records_written":4,"pages":3,"warnings":[]}','2025-07-19T13:12:06.756Z',3,'30e3e6f72970a58ea94bb2b8d6aef0681eb1cffe9045d01c71de0576f5310406',2);
INSERT INTO "tidemark_streams" VALUES('acme','notices','','timestamp_utc','2025-03-01T00:00:00Z','2025-03-01T00:00:00','{"format":1,"watermark":"2025-03-01T00:00:00Z","companions":{},"window":null,"boundary":[],"coverage":[]}',1,2,'completed',1,2,'e74394aa-b3ea-45e3-841f-8ec9e649b9a1',NULL,'root','2025-07-19T13:12:12.586Z',60,NULL,NULL,NULL,2,'{"records_read":3,"records_written":2,"pages":2,"warnings":[{"code":"RECORDS_DEAD_LETTERED","message":"wrote the record with id 2, at \"2025-03-01T00:00:00Z\" to /srv/sync/run/sqlite/refused.jsonl: POST http://127.0.0.1:33007/notices: answered with status 422: \"{}\"","count":1}]}','2025-07-19T13:12:13.382Z',1,'21b2445a0b0cb378fff897f2ac45d436e8caf44181d36d180036d8f4fb52a67a',0);
INSERT INTO "tidemark_streams" VALUES('acme','activities','','timestamp_utc','2025-03-01T00:00:00Z','2025-03-01T00:00:00','{"format":1,"watermark":"2025-03-01T00:00:00Z","companions":{},"window":{"lower":"2025-03-01T00:00:00Z","upper":"2025-07-19T13:12:30.736Z","order":"descending","highest":"2025-03-03T00:00:00Z","resume":{"kind":"token","token":"4"}},"boundary":[],"coverage":[]}',2,2,'running',2,2,'52bfcf2a-2e29-402a-a6a4-dd166e0319b1','2025-03-01T00:00:00Z','root','2025-07-19T13:12:29.494Z',60,'2025-07-19T13:13:31.344Z','{"host":"worker-1 00000000000000000000000000000001 pid:[1]","boot":"00000000-0000-4000-8000-000000000001","pid":31732,"startedAt":"350680"}',NULL,4,NULL,'2025-07-19T13:12:31.344Z',1,'104df663d740f8576c059bd68a647245fb80b41fcb3df7e47e5f87dc69768525',0);
CREATE INDEX tidemark_runs_by_stream ON tidemark_runs (connector, stream, number);
CREATE INDEX tidemark_audit_by_time ON tidemark_audit (at_utc, connector, stream, number);
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('tidemark_runs',16);
COMMIT;
