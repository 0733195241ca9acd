BEGIN TRANSACTION;
CREATE TABLE "_tidemark_delivered" (
        connector TEXT NOT NULL, stream TEXT NOT NULL, lane TEXT NOT NULL, identity TEXT NOT NULL,
        PRIMARY KEY (connector, stream, lane, identity));
INSERT INTO "_tidemark_delivered" VALUES('acme','orders','','6@2025-03-02T00:00:00Z');
INSERT INTO "_tidemark_delivered" VALUES('acme','orders','','7@2025-03-03T00:00:00Z');
INSERT INTO "_tidemark_delivered" VALUES('acme','accounts','','1@2025-03-01T00:00:00Z@asia');
INSERT INTO "_tidemark_delivered" VALUES('acme','accounts','','2@2025-03-01T00:00:00Z@asia');
INSERT INTO "_tidemark_delivered" VALUES('acme','accounts','','3@2025-03-01T00:00:00Z@asia');
INSERT INTO "_tidemark_delivered" VALUES('acme','accounts','','4@2025-03-02T00:00:00Z@asia');
INSERT INTO "_tidemark_delivered" VALUES('acme','accounts','','5@2025-03-02T00:00:00Z@asia');
INSERT INTO "_tidemark_delivered" VALUES('acme','accounts','','1@2025-03-01T00:00:00Z@eu');
INSERT INTO "_tidemark_delivered" VALUES('acme','accounts','','2@2025-03-01T00:00:00Z@eu');
INSERT INTO "_tidemark_delivered" VALUES('acme','accounts','','3@2025-03-01T00:00:00Z@eu');
INSERT INTO "_tidemark_delivered" VALUES('acme','accounts','','4@2025-03-02T00:00:00Z@eu');
INSERT INTO "_tidemark_delivered" VALUES('acme','accounts','','1@2025-03-01T00:00:00Z@us');
INSERT INTO "_tidemark_delivered" VALUES('acme','accounts','','2@2025-03-01T00:00:00Z@us');
INSERT INTO "_tidemark_delivered" VALUES('acme','history','backfill/832e9a90-a6ab-47ba-9dc2-7c4a83f64611','1@2025-01-01T00:00:00Z');
INSERT INTO "_tidemark_delivered" VALUES('acme','history','backfill/832e9a90-a6ab-47ba-9dc2-7c4a83f64611','2@2025-01-02T00:00:00Z');
INSERT INTO "_tidemark_delivered" VALUES('acme','history','backfill/832e9a90-a6ab-47ba-9dc2-7c4a83f64611','3@2025-01-03T00:00:00Z');
INSERT INTO "_tidemark_delivered" VALUES('acme','history','backfill/832e9a90-a6ab-47ba-9dc2-7c4a83f64611','4@2025-01-04T00:00:00Z');
INSERT INTO "_tidemark_delivered" VALUES('acme','history','backfill/832e9a90-a6ab-47ba-9dc2-7c4a83f64611','5@2025-01-05T00:00:00Z');
INSERT INTO "_tidemark_delivered" VALUES('acme','history','backfill/832e9a90-a6ab-47ba-9dc2-7c4a83f64611','6@2025-01-06T00:00:00Z');
INSERT INTO "_tidemark_delivered" VALUES('acme','history','backfill/832e9a90-a6ab-47ba-9dc2-7c4a83f64611','7@2025-01-07T00:00:00Z');
INSERT INTO "_tidemark_delivered" VALUES('acme','history','backfill/832e9a90-a6ab-47ba-9dc2-7c4a83f64611','8@2025-01-08T00:00:00Z');
INSERT INTO "_tidemark_delivered" VALUES('acme','history','backfill/832e9a90-a6ab-47ba-9dc2-7c4a83f64611','9@2025-01-09T00:00:00Z');
INSERT INTO "_tidemark_delivered" VALUES('acme','history','backfill/832e9a90-a6ab-47ba-9dc2-7c4a83f64611','10@2025-01-10T00:00:00Z');
INSERT INTO "_tidemark_delivered" VALUES('acme','history','backfill/832e9a90-a6ab-47ba-9dc2-7c4a83f64611','11@2025-01-11T00:00:00Z');
INSERT INTO "_tidemark_delivered" VALUES('acme','history','backfill/832e9a90-a6ab-47ba-9dc2-7c4a83f64611','12@2025-01-12T00:00:00Z');
INSERT INTO "_tidemark_delivered" VALUES('acme','history','backfill/832e9a90-a6ab-47ba-9dc2-7c4a83f64611','13@2025-01-13T00:00:00Z');
INSERT INTO "_tidemark_delivered" VALUES('acme','history','backfill/832e9a90-a6ab-47ba-9dc2-7c4a83f64611','14@2025-01-14T00:00:00Z');
INSERT INTO "_tidemark_delivered" VALUES('acme','history','backfill/832e9a90-a6ab-47ba-9dc2-7c4a83f64611','15@2025-01-15T00:00:00Z');
INSERT INTO "_tidemark_delivered" VALUES('acme','activities','','9@2025-03-03T00:00:00Z');
INSERT INTO "_tidemark_delivered" VALUES('acme','activities','','8@2025-03-03T00:00:00Z');
INSERT INTO "_tidemark_delivered" VALUES('acme','activities','','7@2025-03-03T00:00:00Z');
INSERT INTO "_tidemark_delivered" VALUES('acme','activities','','6@2025-03-02T00:00:00Z');
CREATE TABLE "_tidemark_positions" (
        connector TEXT NOT NULL, stream TEXT NOT NULL, lane TEXT NOT NULL,
        epoch INTEGER NOT NULL, position_epoch INTEGER, sequence INTEGER,
        cursor_type TEXT, position TEXT,
        records INTEGER NOT NULL, fields TEXT NOT NULL,
        updated_at TEXT NOT NULL,
        PRIMARY KEY (connector, stream, lane));
INSERT INTO "_tidemark_positions" VALUES('acme','orders','',2,2,1,'timestamp_utc','{"format":1,"watermark":"2025-03-03T00:00:00Z","companions":{},"window":null,"boundary":[{"identity":"7","cursor":"2025-03-03T00:00:00Z","count":1}],"coverage":[{"lower":null,"upper":"2025-03-03T00:00:00Z"}]}',7,'["id","at"]','2025-07-19T13:11:28.005Z');
INSERT INTO "_tidemark_positions" VALUES('acme','accounts','',1,1,6,'timestamp_utc','{"format":1,"watermark":null,"companions":{},"window":null,"boundary":[],"coverage":[]}',11,'["id","at","account"]','2025-07-19T13:11:36.802Z');
INSERT INTO "_tidemark_positions" VALUES('acme','accounts','partition/asia',1,1,3,'timestamp_utc','{"format":1,"watermark":"2025-03-02T00:00:00Z","companions":{},"window":null,"boundary":[{"identity":"4","cursor":"2025-03-02T00:00:00Z","count":1},{"identity":"5","cursor":"2025-03-02T00:00:00Z","count":1}],"coverage":[{"lower":null,"upper":"2025-03-02T00:00:00Z"}]}',0,'[]','2025-07-19T13:11:36.459Z');
INSERT INTO "_tidemark_positions" VALUES('acme','accounts','partition/eu',1,1,5,'timestamp_utc','{"format":1,"watermark":"2025-03-02T00:00:00Z","companions":{},"window":null,"boundary":[{"identity":"4","cursor":"2025-03-02T00:00:00Z","count":1}],"coverage":[{"lower":null,"upper":"2025-03-02T00:00:00Z"}]}',0,'[]','2025-07-19T13:11:36.754Z');
INSERT INTO "_tidemark_positions" VALUES('acme','accounts','partition/us',1,1,6,'timestamp_utc','{"format":1,"watermark":"2025-03-01T00:00:00Z","companions":{},"window":null,"boundary":[{"identity":"1","cursor":"2025-03-01T00:00:00Z","count":1},{"identity":"2","cursor":"2025-03-01T00:00:00Z","count":1}],"coverage":[{"lower":null,"upper":"2025-03-01T00:00:00Z"}]}',0,'[]','2025-07-19T13:11:36.802Z');
INSERT INTO "_tidemark_positions" VALUES('acme','history','',1,1,6,'timestamp_utc','{"format":1,"watermark":"2025-03-10T00:00:00Z","companions":{},"window":null,"boundary":[{"identity":"30","cursor":"2025-03-10T00:00:00Z","count":1}],"coverage":[{"lower":"2025-02-28T23:59:59.999Z","upper":"2025-03-10T00:00:00Z"}]}',10,'["id","at"]','2025-07-19T13:11:43.849Z');
INSERT INTO "_tidemark_positions" VALUES('acme','history','backfill/832e9a90-a6ab-47ba-9dc2-7c4a83f64611',1,1,13,'timestamp_utc','{"format":1,"watermark":null,"companions":{},"window":{"lower":"2024-12-31T23:59:59.999Z","upper":"2025-01-31T00:00:00Z","order":"unordered","highest":null,"resume":null},"boundary":[],"coverage":[{"lower":"2024-12-31T23:59:59.999Z","upper":"2025-01-15T23:59:59.999Z"}]}',15,'["id","at"]','2025-07-19T13:11:54.225Z');
INSERT INTO "_tidemark_positions" VALUES('acme','resets','',1,1,2,'timestamp_utc','{"format":1,"watermark":"2025-03-02T00:00:00Z","companions":{},"window":null,"boundary":[{"identity":"4@jRluz2OVZQNoO2gTtXzbIz","cursor":"2025-03-02T00:00:00Z","count":1}],"coverage":[{"lower":null,"upper":"2025-03-02T00:00:00Z"}]}',4,'["id","at"]','2025-07-19T13:12:03.301Z');
INSERT INTO "_tidemark_positions" VALUES('acme','activities','',2,2,2,'timestamp_utc','{"format":1,"watermark":"2025-03-01T00:00:00Z","companions":{},"window":{"lower":"2025-03-01T00:00:00Z","upper":"2025-07-19T13:12:30.736Z","order":"descending","highest":"2025-03-03T00:00:00Z","resume":{"kind":"token","token":"4"}},"boundary":[{"identity":"1","cursor":"2025-03-01T00:00:00Z","count":1},{"identity":"2","cursor":"2025-03-01T00:00:00Z","count":1},{"identity":"3","cursor":"2025-03-01T00:00:00Z","count":1},{"identity":"9","cursor":"2025-03-03T00:00:00Z","count":1},{"identity":"8","cursor":"2025-03-03T00:00:00Z","count":1},{"identity":"7","cursor":"2025-03-03T00:00:00Z","count":1}],"coverage":[{"lower":null,"upper":"2025-03-01T00:00:00Z"}]}',7,'["id","at"]','2025-07-19T13:12:31.334Z');
CREATE TABLE "accounts" ( /* made by Tidemark */
  "id" INTEGER,
  "at" TEXT,
  "account" TEXT
);
INSERT INTO "accounts" VALUES(1,'2025-03-01T00:00:00Z','asia');
INSERT INTO "accounts" VALUES(2,'2025-03-01T00:00:00Z','asia');
INSERT INTO "accounts" VALUES(3,'2025-03-01T00:00:00Z','asia');
INSERT INTO "accounts" VALUES(4,'2025-03-02T00:00:00Z','asia');
INSERT INTO "accounts" VALUES(5,'2025-03-02T00:00:00Z','asia');
INSERT INTO "accounts" VALUES(1,'2025-03-01T00:00:00Z','eu');
INSERT INTO "accounts" VALUES(2,'2025-03-01T00:00:00Z','eu');
INSERT INTO "accounts" VALUES(3,'2025-03-01T00:00:00Z','eu');
INSERT INTO "accounts" VALUES(4,'2025-03-02T00:00:00Z','eu');
INSERT INTO "accounts" VALUES(1,'2025-03-01T00:00:00Z','us');
INSERT INTO "accounts" VALUES(2,'2025-03-01T00:00:00Z','us');
CREATE TABLE "activities" ( /* made by Tidemark */
  "id" INTEGER,
  "at" TEXT
);
INSERT INTO "activities" VALUES(3,'2025-03-01T00:00:00Z');
INSERT INTO "activities" VALUES(2,'2025-03-01T00:00:00Z');
INSERT INTO "activities" VALUES(1,'2025-03-01T00:00:00Z');
INSERT INTO "activities" VALUES(9,'2025-03-03T00:00:00Z');
INSERT INTO "activities" VALUES(8,'2025-03-03T00:00:00Z');
INSERT INTO "activities" VALUES(7,'2025-03-03T00:00:00Z');
INSERT INTO "activities" VALUES(6,'2025-03-02T00:00:00Z');
CREATE TABLE "history" ( /* made by Tidemark */
  "id" INTEGER,
  "at" TEXT
);
INSERT INTO "history" VALUES(21,'2025-03-01T00:00:00Z');
INSERT INTO "history" VALUES(22,'2025-03-02T00:00:00Z');
INSERT INTO "history" VALUES(23,'2025-03-03T00:00:00Z');
INSERT INTO "history" VALUES(24,'2025-03-04T00:00:00Z');
INSERT INTO "history" VALUES(25,'2025-03-05T00:00:00Z');
INSERT INTO "history" VALUES(26,'2025-03-06T00:00:00Z');
INSERT INTO "history" VALUES(27,'2025-03-07T00:00:00Z');
INSERT INTO "history" VALUES(28,'2025-03-08T00:00:00Z');
INSERT INTO "history" VALUES(29,'2025-03-09T00:00:00Z');
INSERT INTO "history" VALUES(30,'2025-03-10T00:00:00Z');
INSERT INTO "history" VALUES(1,'2025-01-01T00:00:00Z');
INSERT INTO "history" VALUES(2,'2025-01-02T00:00:00Z');
INSERT INTO "history" VALUES(3,'2025-01-03T00:00:00Z');
INSERT INTO "history" VALUES(4,'2025-01-04T00:00:00Z');
INSERT INTO "history" VALUES(5,'2025-01-05T00:00:00Z');
INSERT INTO "history" VALUES(6,'2025-01-06T00:00:00Z');
INSERT INTO "history" VALUES(7,'2025-01-07T00:00:00Z');
INSERT INTO "history" VALUES(8,'2025-01-08T00:00:00Z');
INSERT INTO "history" VALUES(9,'2025-01-09T00:00:00Z');
INSERT INTO "history" VALUES(10,'2025-01-10T00:00:00Z');
INSERT INTO "history" VALUES(11,'2025-01-11T00:00:00Z');
INSERT INTO "history" VALUES(12,'2025-01-12T00:00:00Z');
INSERT INTO "history" VALUES(13,'2025-01-13T00:00:00Z');
INSERT INTO "history" VALUES(14,'2025-01-14T00:00:00Z');
INSERT INTO "history" VALUES(15,'2025-01-15T00:00:00Z');
CREATE TABLE "orders" ( /* made by Tidemark */
  "id" INTEGER,
  "at" TEXT
);
INSERT INTO "orders" VALUES(1,'2025-03-01T00:00:00Z');
INSERT INTO "orders" VALUES(2,'2025-03-01T00:00:00Z');
INSERT INTO "orders" VALUES(3,'2025-03-01T00:00:00Z');
INSERT INTO "orders" VALUES(4,'2025-03-02T00:00:00Z');
INSERT INTO "orders" VALUES(5,'2025-03-02T00:00:00Z');
INSERT INTO "orders" VALUES(6,'2025-03-02T00:00:00Z');
INSERT INTO "orders" VALUES(7,'2025-03-03T00:00:00Z');
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
