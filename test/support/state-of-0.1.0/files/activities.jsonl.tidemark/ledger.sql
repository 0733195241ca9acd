BEGIN TRANSACTION;
CREATE TABLE delivered (
    lane TEXT NOT NULL,
    identity TEXT NOT NULL,
    PRIMARY KEY (lane, identity)
  ) STRICT, WITHOUT ROWID;
INSERT INTO "delivered" VALUES('','6@2025-03-02T00:00:00Z');
INSERT INTO "delivered" VALUES('','7@2025-03-03T00:00:00Z');
INSERT INTO "delivered" VALUES('','8@2025-03-03T00:00:00Z');
INSERT INTO "delivered" VALUES('','9@2025-03-03T00:00:00Z');
CREATE TABLE delivered_lists (lane TEXT NOT NULL, identities TEXT NOT NULL) STRICT;
CREATE TABLE file (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    connector TEXT NOT NULL,
    stream TEXT NOT NULL,
    length INTEGER NOT NULL
  ) STRICT;
INSERT INTO "file" VALUES(1,'acme','activities',259);
CREATE TABLE marks (
    lane TEXT PRIMARY KEY,
    claimed_epoch INTEGER NOT NULL,
    epoch INTEGER,
    sequence INTEGER,
    cursor_type TEXT,
    position TEXT
  ) STRICT;
INSERT INTO "marks" VALUES('',2,2,2,'timestamp_utc','{"format":1,"watermark":"2025-03-01T00:00:00Z","companions":{},"window":{"lower":"2025-03-01T00:00:00Z","upper":"2025-07-19T13:12:35.605Z","order":"descending","highest":"2025-03-03T00:00:00Z","resume":{"kind":"token","token":"4"}},"boundary":[{"identity":"3","cursor":"2025-03-01T00:00:00Z","count":1},{"identity":"2","cursor":"2025-03-01T00:00:00Z","count":1},{"identity":"1","cursor":"2025-03-01T00:00:00Z","count":1},{"identity":"9","cursor":"2025-03-03T00:00:00Z","count":1},{"identity":"8","cursor":"2025-03-03T00:00:00Z","count":1},{"identity":"7","cursor":"2025-03-03T00:00:00Z","count":1}],"coverage":[{"lower":null,"upper":"2025-03-01T00:00:00Z"}]}');
COMMIT;
PRAGMA user_version = 2;
