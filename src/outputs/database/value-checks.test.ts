import { describe, expect, test } from "vitest";
import {
  claimed,
  commitOf,
  deliver,
  kinds,
  mysqlPlace,
  places,
  postgresPlace,
  rows,
  sqlitePlace,
} from "../../../test/support/database-output.ts";
import { describeMysql } from "../../../test/support/mysql-tests.ts";
import { refused, taken } from "../../../test/support/values-in-columns.ts";
import { ExactNumber } from "../../model/exact-number.ts";
import type { ColumnKind } from "../../sql/port.ts";

const digits = new ExactNumber("0.12345678901234567890123");

describe("P7: PostgreSQL takes no value that it would change without a word", () => {
  test.each<[string, unknown[]]>([
    ["varchar(3)", ["abcd", "abc "]],
    ["char(3)", ["abcd", "ab     ", "abc "]],
    ["char(3)[]", [["ab     "]]],
    ['"char"', ["ab", "é", 10, true]],
    ["name", ["x".repeat(64)]],
    ["numeric(6,2)", [1.555, "1.555", digits, 12_345, 1e300]],
    ["numeric(3,-2)", [150]],
    ["numeric(4,2)[]", [[1.5, [2.555]], "{1.555}"]],
    [
      "real",
      [0.123456789012, digits, 16_777_217, 123_456.789, "123456.789", 123_456_792, 461_625_200, 1e-50],
    ],
    ["real[]", [[0.5, 123_456.789], "{123456.789}"]],
    ["double precision", [digits, new ExactNumber("9007199254740993"), "0.12345678901234567890123"]],
    ["smallint", [32_768, 1.5]],
    ["boolean", [2, 0.5]],
    ["bit(3)", [8, -1, 0.5]],
    ["varbit(9)", [5]],
    ["bytea", ["a\\134b", 5]],
    ["date", ["24-01-01", 1.005, "now", "2024-01-01T10:00:00Z", "0000-00-00", "2024-00-10"]],
    ["time(3)", ["2024-01-01 10:00:00", "10:00:00+02", "10:00:00.0001", 1900, "23:59:60"]],
    ["timetz", ["2024-01-01 10:00", "1010", 1010, "23:59:60Z"]],
    ["timestamp", ["24-01-01", 20_240_101, "2024-01-01T10:00:00.1234567Z", "0000-00-00 00:00:00"]],
    ["timestamptz(0)", ["2024-01-01T10:00:00.5Z"]],
    ["interval", ["PT0.1234567S", 5, "5", "$1.50"]],
    ["interval day", ["1 day 2 hours", "PT2H"]],
    ["interval year to month", ["P1Y2M3D"]],
    ["money", ["1.234,50 €", "$1.555", 1.555]],
    ["pg_node_tree", ["x"]],
    ["oid", [-1, "-1", 2 ** 32, "4294967296"]],
    ["oid[]", [[-1], "{1,-1}"]],
    ["oidvector", ["1 -1", [2, -1]]],
    ["xid", [-1, "abc", "0x1F", "010", 2 ** 32]],
    ["cid", [-1, "1x", 2 ** 32]],
    ["xid8", [-1, "abc", "", new ExactNumber("18446744073709551616")]],
    ["tid", ["(-1,1)", "(1,-1)", 5]],
  ])("%s", async (type, values) => refused(await postgresPlace(), type, values));

  test("what it keeps is taken", async () => {
    const place = await postgresPlace();
    await taken(place, "varchar(3)", [
      ["abc", "abc"],
      ["😀😀😀", "😀😀😀"],
    ]);
    await taken(place, "char(3)", [
      ["a  ", "a  "],
      ["a", "a  "],
    ]);
    await taken(place, "numeric(6,2)", [
      [1.5, 1.5],
      ["NaN", "NaN"],
      [1234.5, 1234.5],
      [true, 1],
      [0, 0],
    ]);
    await taken(place, "numeric(3,-2)", [[1500, 1500]]);
    await taken(place, "real", [
      [0.1, 0.1],
      [3.4028235e38, 3.4028235e38],
      ["Infinity", "Infinity"],
      [16_777_216, 16_777_216],
      [123_456.79, 123_456.79],
      [125.702354, 125.702354],
      [461_625_220, 461_625_220],
      [1e-45, 1e-45],
      ["0.10", 0.1],
    ]);
    await taken(place, "bit(3)", [
      [5, "101"],
      ["011", "011"],
    ]);
    await taken(place, "date", [
      ["2024-01-01T00:00:00Z", "2024-01-01"],
      ["0044-03-15 BC", "0044-03-15 BC"],
      ["infinity", "infinity"],
      ["2 January 2026", "2026-01-02"],
      ["January 2, 2026", "2026-01-02"],
      ["Fri, 02 Jan 2026", "2026-01-02"],
      ["20260102", "2026-01-02"],
      ["2026/1/2", "2026-01-02"],
      ["12026-01-02", "12026-01-02"],
    ]);
    await taken(place, "timestamp", [
      ["2024-01-01T12:00:00.123456+02:00", "2024-01-01T10:00:00.123456"],
      ["2024-01-01T12:00:00.123456000Z", "2024-01-01T12:00:00.123456"],
    ]);
    await taken(place, "interval year to month", [["P1Y2M", "P1Y2M"]]);
    await taken(place, "jsonb[]", [
      [
        [[1, 2], { a: "x" }, null],
        [[1, 2], { a: "x" }, null],
      ],
    ]);
    await taken(place, "int[]", [["[0:1]={1,2}", "[0:1]={1,2}"]]);
  });

  test("an array of a domain is checked as what the domain is made of", async () => {
    const place = await postgresPlace();
    await place.beside.execute("CREATE DOMAIN amount AS numeric(5,1)");
    await place.beside.execute("CREATE DOMAIN price AS amount CHECK (value >= 0)");
    await place.beside.execute("CREATE DOMAIN code AS varchar(3)");
    await place.beside.execute("CREATE DOMAIN local AS timestamp(0)");
    await place.beside.execute("CREATE DOMAIN answer AS json");
    await refused(place, "price[]", [[1.55], ["1.55"], "{1.55}"]);
    await refused(place, "code[]", [["ab  "]]);
    await refused(place, "local[]", [["2024-01-01T10:00:00.5Z"]]);
    await taken(place, "price[]", [[[1.5, null], "{1.5,NULL}"]]);
    await taken(place, "local[]", [[["2024-01-01T10:00:00+02:00"], '{"2024-01-01 08:00:00"}']]);
    await taken(place, "answer[]", [[["a"], '{"\\"a\\""}']]);
  });

  test("money is taken in the form that the server itself writes, and in no other", async () => {
    const place = await postgresPlace();
    await taken(place, "money", [
      ["$1,234.50", "$1,234.50"],
      ["-$0.05", "-$0.05"],
      [12.5, "$12.50"],
    ]);
  });
});

describeMysql("P7: MariaDB takes no value that it would change without a word", () => {
  test.each<[string, unknown[]]>([
    ["INT", [1.5, "1.5", "12abc", 2 ** 31, "NaN"]],
    ["TINYINT UNSIGNED", [-1, 256]],
    ["BIGINT UNSIGNED", [new ExactNumber("18446744073709551616")]],
    ["DECIMAL(6,2)", [1.555, "NaN", digits]],
    ["FLOAT", [0.123456789012, "Infinity", 123_456.789, 123_456_792]],
    ["DOUBLE", [digits, "NaN", "12abc"]],
    ["DOUBLE(5,1)", [1.25]],
    ["BIT(3)", [8, "11", "5"]],
    ["BIT(1)", ["", 2]],
    ["BLOB", [5, true]],
    ["YEAR", [24, "70", 1900, "2024-01-01"]],
    ["DATE", ["2024-01-01T10:00:00Z", "24-1-1", 20_240_101, "0044-03-15 BC", "infinity"]],
    ["DATETIME(3)", ["2024-01-01T10:00:00.1234Z", "20224-01-01T00:00:00Z", "24-1-1 10:00", 20_240_101]],
    ["TIMESTAMP", ["2024-01-01T10:00:00.5Z", "2016-12-31T23:59:60Z"]],
    ["TIME", ["23:59:60", "10:00:00.5", "2024-01-01 10:00:00", 5, "10:00:00+02"]],
    ["CHAR(3)", ["abcd"]],
    ["VARCHAR(3)", ["abc "]],
    ["CHAR(3)", ["ab     ", "abc "]],
    ["TINYTEXT", [`${"x".repeat(255)} `]],
    ["BINARY(3)", ["\\x00", "ab", 101]],
    ["ENUM('a','it''s','2')", [1, "A", "", "b"]],
    ["SET('a','b')", ["b,a", 3, "a,c"]],
  ])("%s", async (type, values) => refused(await mysqlPlace(), type, values));

  test("what it keeps is taken", async () => {
    const place = await mysqlPlace();
    await taken(place, "DECIMAL(6,2)", [
      [1.5, 1.5],
      [true, 1],
      ["1.50", 1.5],
    ]);
    await taken(place, "DOUBLE", [[0.1, 0.1]]);
    await place.beside.execute("DROP TABLE events");
    await place.beside.execute("CREATE TABLE events (id INTEGER PRIMARY KEY, v FLOAT)");
    const singles = [0.1, 16_777_216, 123_456.79].map((v, id) => ({ id, v }));
    await deliver(place, singles, { key: "id" });
    // The text of a FLOAT has six digits only.
    const [exact] = await rows(
      place,
      "SELECT count(*) AS n FROM events WHERE v + 0e0 IN (16777216, 123456.7890625)",
    );
    expect(exact).toEqual({ n: 2 });
    await taken(place, "BIT(3)", [
      ["011", 3],
      [5, 5],
    ]);
    await taken(place, "YEAR", [
      [0, 0],
      [2024, 2024],
      ["1999", 1999],
    ]);
    await taken(place, "ENUM('a','it''s','2')", [
      ["it's", "it's"],
      ["2", "2"],
    ]);
    await taken(place, "SET('a','b')", [
      ["a,b", "a,b"],
      ["", ""],
    ]);
    await taken(place, "BINARY(2)", [["\\x00ff", "\\x00ff"]]);
    await taken(place, "DATE", [
      ["0000-00-00", "0000-00-00"],
      ["2024-01-01T00:00:00.000Z", "2024-01-01"],
    ]);
  });
});

describe("P7: SQLite takes no value that it would change without a word", () => {
  test.each<[string, unknown[]]>([
    ["NUMERIC", [digits, "NaN", "0.12345678901234567890123", new ExactNumber("9223372036854775808.5")]],
    ["REAL", [new ExactNumber("9007199254740993"), "NaN"]],
    ["BIGINT", [digits, new ExactNumber("9223372036854775809")]],
    ["JSON", [digits, new ExactNumber("18446744073709551615")]],
  ])("%s", async (type, values) => refused(await sqlitePlace(), type, values));

  test("what it keeps is taken", async () => {
    const place = await sqlitePlace();
    await taken(place, "REAL", [
      ["Infinity", "Infinity"],
      ["-Infinity", "-Infinity"],
      [0.1, 0.1],
      ["abc", "abc"],
    ]);
    expect(await rows(place, "SELECT typeof(v) AS type FROM events WHERE id = 0")).toEqual([
      { type: "real" },
    ]);
    await taken(place, "BIGINT", [
      [new ExactNumber("9223372036854775807"), new ExactNumber("9223372036854775807")],
    ]);
  });
});

describe.each(places)("%s, into a table that Tidemark makes", (database, createPlace) => {
  test("truth values, numbers and texts of one field are the same texts, whichever comes first and wherever pages end", async () => {
    for (const values of [
      [true, 5, "x", false],
      [5, true, "x", 0.5],
      [false, 0.5, true, 1],
      [1, true, "007"],
    ]) {
      const alone = await createPlace();
      for (const [id, v] of values.entries()) await deliver(alone, [{ id, v }], { key: "id" });
      const together = await createPlace();
      await deliver(
        together,
        values.map((v, id) => ({ id, v })),
        { key: "id" },
      );
      for (const place of [alone, together]) {
        expect(await rows(place)).toEqual(values.map((v, id) => ({ id, v: String(v) })));
        expect((await kinds(place)).v).toBe("text");
      }
    }
  });

  test("truth values among the numbers of a source that has numbers for them are 1 and 0", async () => {
    const hints = (kind: ColumnKind) => [{ name: "v", kind }];
    const place = await createPlace();
    const session = await claimed(place, { key: "id" });
    for (const [id, v] of [true, 2, false].entries())
      await session.write({ records: [{ id, v }], columns: hints("boolean") });
    await session.commit(commitOf());
    expect(await rows(place)).toEqual([1, 2, 0].map((v, id) => ({ id, v })));
    expect((await kinds(place)).v).toBe("integer");
    const made = await createPlace();
    await deliver(made, [{ id: 0, v: true }], { key: "id" });
    const later = await claimed(made, { key: "id" });
    await later.write({ records: [{ id: 1, v: 0 }], columns: hints("integer") });
    await later.write({ records: [{ id: 2, v: 3 }], columns: hints("integer") });
    await later.commit(commitOf());
    expect(await rows(made)).toEqual([1, 0, 3].map((v, id) => ({ id, v })));
  });

  test("truth values that wait outside memory come to a column that has become text as words", async () => {
    const place = await createPlace();
    const session = await claimed(place, { key: "id" });
    for (const [at, v] of [true, 2, 0.5].entries()) {
      await session.write({
        records: Array.from({ length: 6_000 }, (_, row) => ({ id: at * 6_000 + row, v })),
      });
    }
    await session.commit(commitOf());
    expect(await rows(place, "SELECT v, count(*) AS n FROM events GROUP BY v ORDER BY v")).toEqual(
      ["0.5", "2", "true"].map((v) => ({ v, n: 6_000 })),
    );
  });

  test("two runs that make one column for truth values and for numbers keep both as texts", async () => {
    for (const values of [
      [true, 5],
      [5, true],
    ]) {
      const place = await createPlace();
      const first = await claimed(place, { key: "id" });
      const second = await place.open({ key: "id", stream: "other" });
      await second.claim(commitOf().epoch);
      await first.write({ records: [{ id: 0, v: values[0] }] });
      await second.write({ records: [{ id: 1, v: values[1] }] });
      await first.commit(commitOf());
      await second.commit(commitOf());
      expect(await rows(place)).toEqual(values.map((v, id) => ({ id, v: String(v) })));
    }
  });

  test("the source's type decides, whichever row comes first", async () => {
    const days = ["0044-03-15 BC", "2024-01-01", "infinity"];
    for (const order of [days, days.toReversed()]) {
      const place = await createPlace();
      const hints = [{ name: "born", kind: "date" as const }];
      const session = await claimed(place, { key: "id" });
      const writing = session.write({
        records: order.map((born, id) => ({ id, born })),
        columns: hints,
      });
      if (database === "mysql") {
        await expect(writing).rejects.toMatchObject({
          code: "RECORD_INVALID",
          message: expect.stringMatching(/column born \(date\)/),
        });
        continue;
      }
      await writing;
      await session.close();
      await deliver(
        place,
        order.map((born, id) => ({ id, born })),
        { key: "id" },
        hints,
      );
      expect((await kinds(place)).born).toBe(database === "postgres" ? "date" : "text");
      expect(await rows(place)).toEqual(order.map((born, id) => ({ id, born })));
    }
  });

  test("numbers that JSON has only words for are numbers where the source has them, whichever row comes first", async () => {
    const hints = [
      { name: "a", kind: "decimal" as const },
      { name: "b", kind: "float" as const },
    ];
    const records = [
      { id: 0, a: "Infinity", b: "-Infinity" },
      { id: 1, a: 1.5, b: 0.5 },
    ];
    for (const order of [records, records.toReversed()]) {
      const place = await createPlace();
      if (database === "mysql") {
        const session = await claimed(place, { key: "id" });
        await expect(session.write({ records: order, columns: hints })).rejects.toMatchObject({
          code: "RECORD_INVALID",
          message: expect.stringContaining("of the record with id 0"),
        });
        continue;
      }
      await deliver(place, order, { key: "id" }, hints);
      expect(await rows(place)).toEqual(records);
      expect(await kinds(place)).toMatchObject({ a: "decimal", b: "float" });
    }
  });
});

test("a boolean column of an earlier version keeps MySQL's 0 and 1 as they are, and becomes a number for others", async () => {
  const place = await postgresPlace();
  const hints = [{ name: "v", kind: "integer" as const }];
  await deliver(place, [{ id: 1, v: true }], { key: "id" });
  await deliver(place, [{ id: 2, v: 0 }], { key: "id" }, hints);
  expect(await rows(place)).toEqual([
    { id: 1, v: true },
    { id: 2, v: false },
  ]);
  await deliver(place, [{ id: 3, v: 2 }], { key: "id" }, hints);
  expect(await rows(place)).toEqual([
    { id: 1, v: 1 },
    { id: 2, v: 0 },
    { id: 3, v: 2 },
  ]);
});

test("dates of a script or a connector go to columns of days and times", async () => {
  for (const [, createPlace] of places) {
    const place = await createPlace();
    await place.beside.execute("CREATE TABLE events (id INTEGER PRIMARY KEY, day DATE, at TIMESTAMP(3))");
    const at = new Date("2024-02-29T12:00:00.500Z");
    const day = new Date("2024-02-29T00:00:00.000Z");
    await deliver(place, [{ id: 1, day, at }], { key: "id" });
    const [row] = await rows(place);
    expect(String(JSON.stringify(row))).toMatch(/"day":"2024-02-29.*"at":"2024-02-29T12:00:00.50*Z?"/);
    if (place.beside.dialect.name === "sqlite") continue;
    const session = await claimed(place, { key: "id" });
    await expect(session.write({ records: [{ id: 2, day: at, at }] })).rejects.toMatchObject({
      code: "RECORD_INVALID",
      details: { field: "day" },
    });
  }
});

test("a column of bytes that was made from SQLite's takes no text for bytes", async () => {
  for (const [database, createPlace] of places) {
    if (database === "sqlite") continue;
    const place = await createPlace();
    const hints = [{ name: "v", kind: "bytes" as const }];
    await deliver(place, [{ id: 1, v: "\\x00ff" }], { key: "id" }, hints);
    const session = await claimed(place, { key: "id" });
    for (const v of ["abc", 5]) {
      await expect(session.write({ records: [{ id: 2, v }], columns: hints })).rejects.toMatchObject({
        code: "RECORD_INVALID",
        details: { field: "v" },
      });
    }
  }
});
