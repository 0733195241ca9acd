BEGIN TRANSACTION;
CREATE TABLE delivered (
    lane TEXT NOT NULL,
    identity TEXT NOT NULL,
    PRIMARY KEY (lane, identity)
  ) STRICT, WITHOUT ROWID;
CREATE TABLE delivered_lists (lane TEXT NOT NULL, identities TEXT NOT NULL) STRICT;
INSERT INTO "delivered_lists" VALUES('','["1@2025-03-01T00:00:00Z@asia","2@2025-03-01T00:00:00Z@asia"]');
INSERT INTO "delivered_lists" VALUES('','["3@2025-03-01T00:00:00Z@asia","4@2025-03-02T00:00:00Z@asia"]');
INSERT INTO "delivered_lists" VALUES('','["5@2025-03-02T00:00:00Z@asia"]');
INSERT INTO "delivered_lists" VALUES('','["1@2025-03-01T00:00:00Z@eu","2@2025-03-01T00:00:00Z@eu"]');
INSERT INTO "delivered_lists" VALUES('','["3@2025-03-01T00:00:00Z@eu","4@2025-03-02T00:00:00Z@eu"]');
INSERT INTO "delivered_lists" VALUES('','["1@2025-03-01T00:00:00Z@us","2@2025-03-01T00:00:00Z@us"]');
CREATE TABLE file (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    connector TEXT NOT NULL,
    stream TEXT NOT NULL,
    length INTEGER NOT NULL
  ) STRICT;
INSERT INTO "file" VALUES(1,'acme','accounts',582);
CREATE TABLE marks (
    lane TEXT PRIMARY KEY,
    claimed_epoch INTEGER NOT NULL,
    epoch INTEGER,
    sequence INTEGER,
    cursor_type TEXT,
    position TEXT
  ) STRICT;
INSERT INTO "marks" VALUES('',1,1,6,'timestamp_utc','{"format":1,"watermark":null,"companions":{},"window":null,"boundary":[],"coverage":[]}');
INSERT INTO "marks" VALUES('partition/asia',1,1,3,'timestamp_utc','{"format":1,"watermark":"2025-03-02T00:00:00Z","companions":{},"window":null,"boundary":[{"identity":"4","cursor":"2025-03-02T00:00:00Z","count":1},{"identity":"5","cursor":"2025-03-02T00:00:00Z","count":1}],"coverage":[{"lower":null,"upper":"2025-03-02T00:00:00Z"}]}');
INSERT INTO "marks" VALUES('partition/eu',1,1,5,'timestamp_utc','{"format":1,"watermark":"2025-03-02T00:00:00Z","companions":{},"window":null,"boundary":[{"identity":"4","cursor":"2025-03-02T00:00:00Z","count":1}],"coverage":[{"lower":null,"upper":"2025-03-02T00:00:00Z"}]}');
INSERT INTO "marks" VALUES('partition/us',1,1,6,'timestamp_utc','{"format":1,"watermark":"2025-03-01T00:00:00Z","companions":{},"window":null,"boundary":[{"identity":"1","cursor":"2025-03-01T00:00:00Z","count":1},{"identity":"2","cursor":"2025-03-01T00:00:00Z","count":1}],"coverage":[{"lower":null,"upper":"2025-03-01T00:00:00Z"}]}');
COMMIT;
PRAGMA user_version = 2;
