import { describe, expect, test } from "vitest";
import {
  commitOf,
  deliver,
  fenced,
  KeptRefusals,
  mysqlPlace,
  type Place,
  rows,
  sqlitePlace,
} from "../../../test/support/database-output.ts";
import { mysqlRuns } from "../../../test/support/mysql-tests.ts";

type Case = readonly [name: string, create: () => Promise<Place>, table: string, becomes: RegExp];

const cases: readonly Case[] = [
  [
    "SQLite, the row's own number",
    sqlitePlace,
    "CREATE TABLE events (id INTEGER UNIQUE, filled INTEGER PRIMARY KEY)",
    /its next number|the row's next number/,
  ],
  [
    "SQLite, NOT NULL ON CONFLICT REPLACE",
    sqlitePlace,
    "CREATE TABLE events (id INTEGER UNIQUE, filled INTEGER NOT NULL ON CONFLICT REPLACE DEFAULT 7)",
    /NOT NULL/,
  ],
  ...(mysqlRuns
    ? ([
        [
          "MariaDB, TIMESTAMP NOT NULL",
          mysqlPlace,
          "CREATE TABLE events (id INT PRIMARY KEY, filled TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP)",
          /the current time/,
        ],
        [
          "MariaDB, AUTO_INCREMENT",
          mysqlPlace,
          "CREATE TABLE events (id INT, filled INT AUTO_INCREMENT, KEY (filled))",
          /its next number/,
        ],
      ] as const)
    : []),
];

describe.each(cases)(
  "P7: %s: NULL is refused where the column would fill it",
  (name, create, table, becomes) => {
    const value = name.includes("TIMESTAMP") ? "2024-01-01T10:00:00Z" : 5;
    const records = [{ id: 1, filled: value }, { id: 2, filled: null }, { id: 3 }];

    test("by record and field, in one statement and alone", async () => {
      const place = await create();
      await place.beside.execute(table);
      const refusals = new KeptRefusals();
      const session = await fenced(place, { refusals });
      await session.write({ records });
      await session.commit(commitOf());
      expect(refusals.records).toEqual(records.slice(1));
      expect(refusals.refused[0]).toMatchObject({
        name: expect.stringContaining("id 2"),
        reason: { details: { field: "filled" } },
        failure: { message: expect.stringMatching(becomes) },
      });
      expect(await rows(place)).toEqual([{ id: 1, filled: value }]);
    });

    test("and a field that no record has is left to the column", async () => {
      const place = await create();
      await place.beside.execute(table);
      await deliver(place, [{ id: 1 }]);
      const [row] = await rows(place);
      expect(row).toMatchObject({ id: 1, filled: expect.anything() });
    });
  },
);

test("P2: a row of SQLite is never deleted by another record's UNIQUE ON CONFLICT REPLACE", async () => {
  const place = await sqlitePlace();
  await place.beside.execute(
    "CREATE TABLE events (id INTEGER PRIMARY KEY ON CONFLICT REPLACE, code TEXT UNIQUE ON CONFLICT REPLACE)",
  );
  const records = [
    { id: 1, code: "a" },
    { id: 2, code: "a" },
    { id: 3, code: "b" },
  ];
  const refusals = new KeptRefusals();
  const session = await fenced(place, { key: "id", refusals });
  await session.write({ records });
  expect(await session.commit(commitOf())).toEqual({ written: 2 });
  expect(refusals.records).toEqual([records[1]]);
  await session.write({ records: [{ id: 1, code: "c" }] });
  await session.commit(commitOf());
  expect(await rows(place)).toEqual([{ id: 1, code: "c" }, records[2]]);
});
