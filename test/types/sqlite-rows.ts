import type { TypeRow } from "./rows.ts";

const shown = (column: string) => `typeof(${column}) || ' ' || quote(${column})`;

function row(type: string, values: readonly string[], more: Partial<TypeRow> = {}): TypeRow {
  return { name: type === "" ? "(none)" : type, type, catalogue: [], values, shown, ...more };
}

const integers = ["0", "-9223372036854775808", "9007199254740993", "9223372036854775807"];
const reals = ["0.1", "1e308", "5e-324", "-0.0", "9e999", "-9e999"];
const texts = ["''", "' x '", "'é😀'", "'abc'", "'NULL'", "'true'", "'\"x\"'"];
const numerals = ["'007'", "'1e5'", "'12'"];
const blobs = ["x''", "x'00ff5c27'"];
const key = { key: true };
/** Where one column holds values of several classes, what they have in common is their text. */
const mixed = "as text";

/**
 * SQLite has no list of types: a column may be declared by any words, and its affinity follows from them.
 * These are the words of the table in its documentation (section 3.1.1 of "Datatypes In SQLite"), with the
 * storage classes that a column of each can hold.
 */
export const sqliteRows: readonly TypeRow[] = [
  ...["INT", "INTEGER", "TINYINT", "SMALLINT", "MEDIUMINT", "BIGINT", "UNSIGNED BIG INT", "INT2", "INT8"].map(
    (type) => row(type, integers, key),
  ),
  ...[
    "CHARACTER(20)",
    "VARCHAR(255)",
    "VARYING CHARACTER(255)",
    "NCHAR(55)",
    "NATIVE CHARACTER(70)",
    "NVARCHAR(100)",
    "TEXT",
    "CLOB",
  ].map((type) => row(type, [...texts, ...numerals], key)),
  row("BLOB", blobs, key),
  ...["REAL", "DOUBLE", "DOUBLE PRECISION", "FLOAT"].map((type) => row(type, reals)),
  ...["NUMERIC", "DECIMAL(10,5)"].map((type) =>
    row(type, [...integers, ...reals.filter((real) => real !== "-0.0")]),
  ),
  row("BOOLEAN", ["0", "1"]),
  ...["DATE", "DATETIME"].map((type) =>
    row(type, ["'2024-02-29'", "'2024-02-29 23:30:00'", "1709163000", "2460370.5"]),
  ),
  row("JSON", ['\'{"a":[1,12345678901234567890.5,null,"x"],"b":{}}\'', "'\"text\"'", "'[]'"], {
    asValue: "blanks",
  }),
  row("", [...integers, "0.1", ...texts, ...numerals, ...blobs], { carried: mixed }),
  row("INTEGER", ["'abc'", "0.5", "x'00ff'"], { name: "INTEGER, holding others", carried: mixed }),
  row("REAL", ["'abc'", "x'00ff'"], { name: "REAL, holding others", carried: mixed }),
  row("TEXT", ["x'00ff'"], { name: "TEXT, holding bytes", carried: mixed }),
  row("BLOB", ["'abc'", "5", "0.5"], { name: "BLOB, holding others", carried: mixed }),
  row("BOOLEAN", ["0", "2", "3"], { name: "BOOLEAN, holding other numbers" }),
];
