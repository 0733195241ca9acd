import { describe, expect, test } from "vitest";
import {
  commitOf,
  deliver,
  fenced,
  KeptRefusals,
  type Place,
  placeAt,
  places,
  postgresPlace,
  rows,
  sqlitePlace,
} from "../../../test/support/database-output.ts";
import { mysqlRuns, ownMysqlDatabase } from "../../../test/support/mysql-tests.ts";

type Case = readonly [
  name: string,
  create: () => Promise<Place>,
  keys: readonly [string, string],
  because: RegExp,
];

async function made(place: Place | Promise<Place>, ...statements: readonly string[]): Promise<Place> {
  const there = await place;
  for (const statement of statements) await there.beside.execute(statement);
  return there;
}

const onMysql = (keyType: string) => async () =>
  made(
    placeAt(await ownMysqlDatabase()),
    `CREATE TABLE events (code ${keyType}, v VARCHAR(9), PRIMARY KEY (code))`,
  );

const cases: readonly Case[] = [
  [
    "SQLite, a column COLLATE NOCASE",
    () => made(sqlitePlace(), "CREATE TABLE events (code TEXT COLLATE NOCASE PRIMARY KEY, v TEXT)"),
    ["Abc", "aBC"],
    /NOCASE/,
  ],
  [
    "SQLite, an index COLLATE RTRIM",
    () =>
      made(
        sqlitePlace(),
        "CREATE TABLE events (code TEXT NOT NULL, v TEXT)",
        "CREATE UNIQUE INDEX by_code ON events (code COLLATE RTRIM)",
      ),
    ["a", "a "],
    /RTRIM/,
  ],
  [
    "PostgreSQL, a collation that is not deterministic",
    () =>
      made(
        postgresPlace(),
        "CREATE COLLATION no_case (provider = icu, locale = 'und-u-ks-level2', deterministic = false)",
        "CREATE TABLE events (code text COLLATE no_case PRIMARY KEY, v text)",
      ),
    ["Abc", "aBC"],
    /no_case, which is not deterministic/,
  ],
  [
    "PostgreSQL, an index of such a collation",
    () =>
      made(
        postgresPlace(),
        "CREATE COLLATION no_case (provider = icu, locale = 'und-u-ks-level2', deterministic = false)",
        "CREATE TABLE events (code text NOT NULL, v text)",
        "CREATE UNIQUE INDEX by_code ON events (code COLLATE no_case)",
      ),
    ["Abc", "aBC"],
    /no_case/,
  ],
  ...(mysqlRuns
    ? ([
        [
          "MySQL, letters in another case",
          onMysql("VARCHAR(20) COLLATE utf8mb4_general_ci"),
          ["Abc", "aBC"],
          /general_ci/,
        ],
        [
          "MySQL, letters with an accent",
          onMysql("VARCHAR(20) COLLATE utf8mb4_unicode_ci"),
          ["resume", "résumé"],
          /unicode_ci/,
        ],
        ["MySQL, blanks at the end", onMysql("VARCHAR(20) COLLATE utf8mb4_bin"), ["a", "a "], /utf8mb4_bin/],
      ] as const)
    : []),
];

describe.each(cases)("%s", (_, create, [one, other], because) => {
  const refused = {
    code: "OUTPUT_FAILED",
    message: expect.stringMatching(
      new RegExp(
        `the record with code ${JSON.stringify(other)}: the field \`code\`: its key ${JSON.stringify(other)} is one with ${JSON.stringify(one)}`,
      ),
    ),
    hint: expect.stringContaining("`code`"),
  };

  test("two keys that the column takes for one are refused in one batch, by both, and never become one row", async () => {
    const place = await create();
    const session = await fenced(place, { key: "code" });
    await session.write({
      records: [
        { code: one, v: "1" },
        { code: "zz", v: "2" },
        { code: other, v: "3" },
      ],
    });
    await expect(session.commit(commitOf())).rejects.toMatchObject(refused);
    expect(await rows(place, "SELECT code FROM events")).toEqual([]);
  });

  test("such a key is refused against a row that is there, also where only the key is written", async () => {
    for (const v of ["1", undefined]) {
      const place = await create();
      const of = (code: string) => (v === undefined ? { code } : { code, v });
      await deliver(place, [of(one)], { key: "code" });
      await deliver(place, [of(one)], { key: "code" });
      const session = await fenced(place, { key: "code" });
      await session.write({ records: [of(other)] });
      await expect(session.commit(commitOf())).rejects.toMatchObject(refused);
      expect(await rows(place, "SELECT code, v FROM events")).toEqual([{ code: one, v: v ?? null }]);
    }
  });

  test("where the run goes on, the later of the two is refused and the others are written", async () => {
    const place = await create();
    const refusals = new KeptRefusals();
    const session = await fenced(place, { key: "code", refusals });
    const records = [one, "b", other, "c"].map((code, at) => ({ code, v: String(at) }));
    await session.write({ records });
    expect(await session.commit(commitOf())).toEqual({ written: 3 });
    expect(refusals.refused).toMatchObject([{ record: records[2], reason: { details: { field: "code" } } }]);
    expect(new Set((await rows(place, "SELECT code FROM events")).map((row) => JSON.stringify(row)))).toEqual(
      new Set([one, "b", "c"].map((code) => JSON.stringify({ code }))),
    );
  });

  test("what waits outside memory is held to it as well", async () => {
    const place = await create();
    const refusals = new KeptRefusals();
    const session = await fenced(place, { key: "code", refusals });
    const codes = Array.from({ length: 11_000 }, (_, at) => `k${at}`);
    codes[3] = one;
    codes[9] = other;
    for (let from = 0; from < codes.length; from += 5_500)
      await session.write({ records: codes.slice(from, from + 5_500).map((code) => ({ code, v: "x" })) });
    expect(await session.commit(commitOf())).toEqual({ written: 10_999 });
    expect(refusals.records).toEqual([{ code: other, v: "x" }]);
  });

  test("the first run warns of the column, and later ones do not", async () => {
    const place = await create();
    const warnings: string[] = [];
    await deliver(place, [{ code: one, v: "1" }], { key: "code", warnings });
    expect(warnings).toEqual([expect.stringMatching(/^KEY_INEXACT the key column code of the table events/)]);
    expect(warnings[0]).toMatch(because);
    await deliver(place, [{ code: one, v: "2" }], { key: "code", warnings });
    expect(warnings).toHaveLength(1);
  });
});

test("keys of tables that Tidemark makes are exact, and draw no warning", async () => {
  for (const place of [await sqlitePlace(), await postgresPlace()]) {
    const warnings: string[] = [];
    const records = ["a", "A", "á", "a "].map((id) => ({ id, v: id }));
    await deliver(place, records, { key: "id", warnings });
    await deliver(place, records, { key: "id", warnings });
    expect(await rows(place)).toHaveLength(4);
    expect(warnings).toEqual([]);
  }
});

test("PostgreSQL: one moment in two forms is one key, and the later record stays", async () => {
  const place = await postgresPlace();
  await place.beside.execute("CREATE TABLE events (at timestamptz PRIMARY KEY, v text)");
  await deliver(
    place,
    [
      { at: "2026-01-01T00:00:00Z", v: "first" },
      { at: "2026-01-01 01:00:00+01", v: "second" },
    ],
    { key: "at" },
  );
  expect(await rows(place, "SELECT v FROM events")).toEqual([{ v: "second" }]);
});

describe.each(places.filter(([name]) => name !== "sqlite"))("%s, a key of char(n)", (_, createPlace) => {
  const table = "CREATE TABLE events (code CHAR(3) PRIMARY KEY, v VARCHAR(9))";

  test("keys that differ only in blanks at the end are refused in one checkpoint, by both", async () => {
    const place = await made(createPlace(), table);
    const warnings: string[] = [];
    const session = await fenced(place, { key: "code", warnings });
    await session.write({
      records: [
        { code: "DE", v: "1" },
        { code: "DK", v: "2" },
      ],
    });
    await expect(session.write({ records: [{ code: "DE ", v: "3" }] })).rejects.toMatchObject({
      code: "RECORD_INVALID",
      message: expect.stringMatching(
        /the record with code "DE ".*its key "DE " and the key "DE" of another record differ only in blanks/,
      ),
      details: { field: "code" },
    });
    expect(warnings).toContainEqual(
      expect.stringMatching(/^KEY_INEXACT the key column code .* keeps no blanks/),
    );
  });

  test("a source that fills its keys up with blanks replaces its own rows", async () => {
    const place = await made(createPlace(), table);
    for (const v of ["1", "2"])
      await deliver(
        place,
        [
          { code: "DE ", v },
          { code: "EUR", v },
        ],
        { key: "code" },
      );
    expect(await rows(place, "SELECT v FROM events")).toEqual([{ v: "2" }, { v: "2" }]);
  });
});

test.each(places)(
  "%s: a text that is a number in another form is refused in a key column of numbers",
  async (_, createPlace) => {
    for (const [type, bad] of [
      ["INTEGER", "01"],
      ["DECIMAL(9, 2)", "1.0"],
    ] as const) {
      const place = await made(
        createPlace(),
        `CREATE TABLE events (code ${type} NOT NULL UNIQUE, v VARCHAR(9))`,
      );
      await deliver(
        place,
        [
          { code: "1", v: "1" },
          { code: 2, v: "2" },
        ],
        { key: "code" },
      );
      const session = await fenced(place, { key: "code" });
      await expect(session.write({ records: [{ code: bad, v: "3" }] })).rejects.toMatchObject({
        code: "RECORD_INVALID",
        details: { field: "code" },
      });
      expect(await rows(place, "SELECT v FROM events ORDER BY v")).toEqual([{ v: "1" }, { v: "2" }]);
    }
  },
);
