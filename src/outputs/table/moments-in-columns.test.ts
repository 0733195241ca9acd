import { describe, expect, test } from "vitest";
import { deliver, mysqlPlace, postgresPlace, rows } from "../../../test/support/database-output.ts";
import { describeMysql } from "../../../test/support/mysql-tests.ts";
import { refused, taken } from "../../../test/support/values-in-columns.ts";

/** Texts whose zone PostgreSQL would drop from a column without one. */
const zonesInWords = [
  "2026-01-01 12:00:00 EST",
  "2026-01-01T12:00:00 PST",
  "2026-01-01 12:00:00 America/New_York",
  "2026-01-01T12:00:00[America/New_York]",
  "Thu, 01 Jan 2026 12:00:00 -0500",
  "20260101T120000-0500",
  "2026-01-01 12:00:00 UTC+5",
];

describe("P7: PostgreSQL drops no zone and no time, and moves no second", () => {
  test.each<[string, unknown[]]>([
    ["date", ["20260101T120000", "2026-01-01 040506", "2026-01-01 EST", "2026-01-01-05"]],
    ["timestamp", zonesInWords],
    ["timestamp", ["2016-12-31T23:59:60Z", "2016-12-31 23:59:60", "2026-01-01T12:00:00-15:60"]],
    [
      "timestamp[]",
      [["2026-01-01T12:00:00Z", zonesInWords[0]], `{"${zonesInWords[0]}"}`, ` {"${zonesInWords[0]}"}`],
    ],
    ["tsrange", ["[2026-01-01T12:00:00-05:00,)", '["2026-01-01 12:00 EST",]', "[2016-12-31 23:59:60,)"]],
    ["daterange", ["[2026-01-01 10:00,2026-01-03)"]],
    [
      "timestamptz",
      ["2016-12-31T23:59:60Z", "20161231T235960Z", "2026-01-01 12:00 UTC+2", "2026-01-01 12:00:00 GMT-05:00"],
    ],
  ])("%s", async (type, values) => refused(await postgresPlace(), type, values));

  test("what it reads exactly, or Tidemark writes in UTC, is taken", async () => {
    const place = await postgresPlace();
    await taken(place, "timestamptz", [
      ["2026-01-01 12:00:00 EST", "2026-01-01T17:00:00Z"],
      ["Thu, 01 Jan 2026 12:00:00 -0500", "2026-01-01T17:00:00Z"],
      ["20260101T120000-0500", "2026-01-01T17:00:00Z"],
      ["2026-01-01 12:00:00 America/New_York", "2026-01-01T17:00:00Z"],
    ]);
    await taken(
      place,
      "timestamp",
      ["-0500", "-05", "-05:00:00", " -0500", " -05:00", " -05"].map((offset) => [
        `2026-01-01 12:00:00${offset}`,
        "2026-01-01T17:00:00",
      ]),
    );
    await taken(place, "timestamp", [
      ["2026-01-01T12:00:00+05:30:15", "2026-01-01T06:29:45"],
      ["2026-01-01 12:00:00 Z", "2026-01-01T12:00:00"],
      ["2026-01-01 12:00", "2026-01-01T12:00:00"],
      ["infinity", "infinity"],
      ["-infinity", "-infinity"],
      ["12026-01-01 12:00:00-05", "12026-01-01T17:00:00"],
      ["9999-12-31 23:00:00-05", "10000-01-01T04:00:00"],
    ]);
    for (const [type, given, read] of [
      ["timestamp", "0044-03-15 10:00:00-05 BC", "0044-03-15 15:00:00 BC"],
      ["timestamp", "0001-01-01 00:00:00+05", "0001-12-31 19:00:00 BC"],
      ["timestamp[]", ["2026-01-01T12:00:00 -05:00", null], '{"2026-01-01 17:00:00",NULL}'],
      ["timestamp[]", '{{"2026-01-01 12:00:00-05"}}', '{{"2026-01-01 17:00:00"}}'],
      ["timestamp[]", '[0:0]={"2026-01-01 12:00:00-05"}', '[0:0]={"2026-01-01 17:00:00"}'],
      ["local", "2026-01-01T12:00:00 -05:00", "2026-01-01 17:00:00"],
      ["tsrange", "[2026-01-01 12:00:00Z,)", '["2026-01-01 12:00:00",)'],
    ] as const) {
      await place.beside.execute(
        `DROP TABLE IF EXISTS events; DROP DOMAIN IF EXISTS local; CREATE DOMAIN local AS timestamp(3);
         CREATE TABLE events (id INTEGER PRIMARY KEY, v ${type})`,
      );
      await deliver(place, [{ id: 1, v: given }], { key: "id" });
      expect(await rows(place, "SELECT v::text FROM events")).toEqual([{ v: read }]);
    }
  });
});

describeMysql("P7: MariaDB drops no zone and moves no second", () => {
  test.each<[string, unknown[]]>([
    [
      "DATETIME",
      [...zonesInWords, "2016-12-31T23:59:60Z", "2016-12-31 23:59:60", "9999-12-31T23:59:59-05:00"],
    ],
  ])("%s", async (type, values) => refused(await mysqlPlace(), type, values));

  test("what Tidemark writes in UTC is taken", async () => {
    const place = await mysqlPlace();
    await taken(place, "DATETIME", [
      ["2026-01-01 12:00:00 -0500", "2026-01-01T17:00:00"],
      ["2026-01-01T12:00:00 -05:00", "2026-01-01T17:00:00"],
    ]);
  });
});
