import { describe, test } from "vitest";
import { mysqlPlace, postgresPlace, sqlitePlace } from "../../../test/support/database-output.ts";
import { describeMysql } from "../../../test/support/mysql-tests.ts";
import { refused, taken } from "../../../test/support/values-in-columns.ts";

const codes = ["007", "-007", "00", "00.5", "+5", "+491701234567"];

/** In SQLite a column is one of numbers by parts of its type's name. */
describe("P7: a text that looks like a number and is a code keeps its zeros and its sign: SQLite", () => {
  test.each<[string, unknown[]]>([
    ["INTEGER", [...codes, "1e3", "1E5"]],
    ["BIGINT", [...codes, "1e3"]],
    ["NUMERIC", codes],
    ["DECIMAL(9,2)", codes],
    ["REAL", codes],
    ["STRING", [...codes, "1e3", "1.50", "5.0", " 5"]],
    ["DATETIME", ["007", "1e3", "5.0"]],
  ])("%s", async (type, values) => refused(await sqlitePlace(), type, values));

  test("numbers as texts, and texts in columns of texts, are taken", async () => {
    const place = await sqlitePlace();
    await taken(place, "NUMERIC", [
      ["7", 7],
      ["-7.25", -7.25],
      ["0", 0],
      ["0.5", 0.5],
      ["1.50", 1.5],
      ["1e-7", 1e-7],
      ["0x10", "0x10"],
      ["1_000", "1_000"],
    ]);
    for (const type of ["TEXT", "VARCHAR(9)", "BLOB"]) {
      await taken(place, type, [
        ["007", "007"],
        ["1e3", "1e3"],
        ["+5", "+5"],
      ]);
    }
    await taken(place, "STRING", [
      ["7", 7],
      ["abc", "abc"],
    ]);
  });
});

describe("P7: a text that looks like a number and is a code keeps its zeros and its sign: PostgreSQL", () => {
  test.each(["integer", "bigint", "numeric", "numeric(9,2)", "double precision"])("%s", async (type) => {
    const place = await postgresPlace();
    await refused(place, type, codes);
    await taken(place, type, [
      ["7", 7],
      ["-70", -70],
      ["0", 0],
    ]);
  });
});

describeMysql("P7: a text that looks like a number and is a code keeps its zeros and its sign: MySQL", () => {
  test.each(["INT", "BIGINT UNSIGNED", "DECIMAL(9,2)", "DOUBLE"])("%s", async (type) => {
    const place = await mysqlPlace();
    await refused(place, type, codes);
    if (/INT/.test(type)) await refused(place, type, ["1e3"]);
    await taken(place, type, [
      ["7", 7],
      ["70", 70],
      ["0", 0],
    ]);
  });
});
