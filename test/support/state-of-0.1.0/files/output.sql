BEGIN TRANSACTION;
CREATE TABLE "_tidemark_delivered" (
        connector TEXT NOT NULL, stream TEXT NOT NULL, lane TEXT NOT NULL, identity TEXT NOT NULL,
        PRIMARY KEY (connector, stream, lane, identity));
CREATE TABLE "_tidemark_positions" (
        connector TEXT NOT NULL, stream TEXT NOT NULL, lane TEXT NOT NULL,
        epoch INTEGER NOT NULL, position_epoch INTEGER, sequence INTEGER,
        cursor_type TEXT, position TEXT,
        records INTEGER NOT NULL, fields TEXT NOT NULL,
        updated_at TEXT NOT NULL,
        PRIMARY KEY (connector, stream, lane));
INSERT INTO "_tidemark_positions" VALUES('acme','resets','',1,1,2,'timestamp_utc','{"format":1,"watermark":"2025-03-02T00:00:00Z","companions":{},"window":null,"boundary":[{"identity":"4@jRluz2OVZQNoO2gTtXzbIz","cursor":"2025-03-02T00:00:00Z","count":1}],"coverage":[{"lower":null,"upper":"2025-03-02T00:00:00Z"}]}',4,'["id","at"]','2025-07-19T13:12:08.552Z');
CREATE TABLE "resets" ( /* made by Tidemark */
  "id" INTEGER NOT NULL,
  "at" TEXT,
  PRIMARY KEY ("id")
);
INSERT INTO "resets" VALUES(1,'2025-03-01T00:00:00Z');
INSERT INTO "resets" VALUES(2,'2025-03-01T00:00:00Z');
INSERT INTO "resets" VALUES(3,'2025-03-01T00:00:00Z');
INSERT INTO "resets" VALUES(4,'2025-03-02T00:00:00Z');
COMMIT;
