import { describe, expect, test } from "vitest";
import {
  deliver,
  mysqlPlace,
  postgresPlace,
  rows,
  sqlitePlace,
} from "../../../test/support/database-output.ts";
import { describeMysql } from "../../../test/support/mysql-tests.ts";
import { refused, taken } from "../../../test/support/values-in-columns.ts";
import { ExactNumber } from "../../model/exact-number.ts";

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
