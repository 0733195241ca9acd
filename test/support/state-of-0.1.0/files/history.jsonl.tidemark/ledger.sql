BEGIN TRANSACTION;
CREATE TABLE delivered (
    lane TEXT NOT NULL,
    identity TEXT NOT NULL,
    PRIMARY KEY (lane, identity)
  ) STRICT, WITHOUT ROWID;
INSERT INTO "delivered" VALUES('backfill/415801c8-369a-4d4a-a3d4-8400bd993c09','10@2025-01-10T00:00:00Z');
INSERT INTO "delivered" VALUES('backfill/415801c8-369a-4d4a-a3d4-8400bd993c09','11@2025-01-11T00:00:00Z');
INSERT INTO "delivered" VALUES('backfill/415801c8-369a-4d4a-a3d4-8400bd993c09','12@2025-01-12T00:00:00Z');
INSERT INTO "delivered" VALUES('backfill/415801c8-369a-4d4a-a3d4-8400bd993c09','13@2025-01-13T00:00:00Z');
INSERT INTO "delivered" VALUES('backfill/415801c8-369a-4d4a-a3d4-8400bd993c09','14@2025-01-14T00:00:00Z');
INSERT INTO "delivered" VALUES('backfill/415801c8-369a-4d4a-a3d4-8400bd993c09','15@2025-01-15T00:00:00Z');
INSERT INTO "delivered" VALUES('backfill/415801c8-369a-4d4a-a3d4-8400bd993c09','1@2025-01-01T00:00:00Z');
INSERT INTO "delivered" VALUES('backfill/415801c8-369a-4d4a-a3d4-8400bd993c09','2@2025-01-02T00:00:00Z');
INSERT INTO "delivered" VALUES('backfill/415801c8-369a-4d4a-a3d4-8400bd993c09','3@2025-01-03T00:00:00Z');
INSERT INTO "delivered" VALUES('backfill/415801c8-369a-4d4a-a3d4-8400bd993c09','4@2025-01-04T00:00:00Z');
INSERT INTO "delivered" VALUES('backfill/415801c8-369a-4d4a-a3d4-8400bd993c09','5@2025-01-05T00:00:00Z');
INSERT INTO "delivered" VALUES('backfill/415801c8-369a-4d4a-a3d4-8400bd993c09','6@2025-01-06T00:00:00Z');
INSERT INTO "delivered" VALUES('backfill/415801c8-369a-4d4a-a3d4-8400bd993c09','7@2025-01-07T00:00:00Z');
INSERT INTO "delivered" VALUES('backfill/415801c8-369a-4d4a-a3d4-8400bd993c09','8@2025-01-08T00:00:00Z');
INSERT INTO "delivered" VALUES('backfill/415801c8-369a-4d4a-a3d4-8400bd993c09','9@2025-01-09T00:00:00Z');
CREATE TABLE delivered_lists (lane TEXT NOT NULL, identities TEXT NOT NULL) STRICT;
CREATE TABLE file (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    connector TEXT NOT NULL,
    stream TEXT NOT NULL,
    length INTEGER NOT NULL
  ) STRICT;
INSERT INTO "file" VALUES(1,'acme','history',941);
CREATE TABLE marks (
    lane TEXT PRIMARY KEY,
    claimed_epoch INTEGER NOT NULL,
    epoch INTEGER,
    sequence INTEGER,
    cursor_type TEXT,
    position TEXT
  ) STRICT;
INSERT INTO "marks" VALUES('',1,1,6,'timestamp_utc','{"format":1,"watermark":"2025-03-10T00:00:00Z","companions":{},"window":null,"boundary":[{"identity":"30","cursor":"2025-03-10T00:00:00Z","count":1}],"coverage":[{"lower":"2025-02-28T23:59:59.999Z","upper":"2025-03-10T00:00:00Z"}]}');
INSERT INTO "marks" VALUES('backfill/415801c8-369a-4d4a-a3d4-8400bd993c09',1,1,13,'timestamp_utc','{"format":1,"watermark":null,"companions":{},"window":{"lower":"2024-12-31T23:59:59.999Z","upper":"2025-01-31T00:00:00Z","order":"unordered","highest":null,"resume":null},"boundary":[],"coverage":[{"lower":"2024-12-31T23:59:59.999Z","upper":"2025-01-15T23:59:59.999Z"}]}');
COMMIT;
PRAGMA user_version = 2;
