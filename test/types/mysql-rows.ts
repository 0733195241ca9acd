import type { TypeRow } from "./rows.ts";

const quoted = (text: string) => `'${text.replace(/[\\']/g, "\\$&")}'`;
const hex = (column: string) => `HEX(${column})`;
const key = { key: true };

function row(
  type: string,
  catalogue: readonly string[],
  values: readonly string[],
  more: Partial<TypeRow> = {},
): TypeRow {
  return { name: type, type, catalogue, values, ...more };
}

const numbers = { ...key };
const texts = { ...key, shown: hex };
const texted = ["", " x ", "a\tb\\n\"'\r\n", "é", "NULL", "\\x41", "007", "1e5", "true", "null"].map(quoted);
const bytes = { ...key, shown: hex };
const shapes = { shown: hex };

/** Every type that MariaDB's help has, its plugins' types, and the shapes. */
export const mysqlRows: readonly TypeRow[] = [
  row("TINYINT(1)", ["BOOL", "BOOLEAN"], ["0", "1", "2", "3", "-128", "127"], numbers),
  row("TINYINT", ["TINYINT", "INT1"], ["-128", "127"], numbers),
  row("TINYINT UNSIGNED", ["TINYINT"], ["0", "255"], numbers),
  row("SMALLINT", ["SMALLINT", "INT2"], ["-32768", "32767"], numbers),
  row("MEDIUMINT", ["MEDIUMINT", "MIDDLEINT", "INT3"], ["-8388608", "8388607"], numbers),
  row("INT", ["INT", "INTEGER", "INT4"], ["-2147483648", "2147483647"], numbers),
  row(
    "BIGINT",
    ["BIGINT", "INT8"],
    ["-9223372036854775808", "9007199254740993", "9223372036854775807"],
    numbers,
  ),
  row("BIGINT UNSIGNED", ["SERIAL"], ["0", "18446744073709551615"], numbers),
  row(
    "DECIMAL(10,2)",
    ["DECIMAL", "DEC, NUMERIC, FIXED", "DEC", "FIXED", "NUMBER", "NUMERIC"],
    ["12.30", "-99999999.99"],
    numbers,
  ),
  row(
    "DECIMAL(65,30)",
    ["DECIMAL"],
    ["12345678901234567890123456789012345.000000000000000000000000000001", "0.5"],
    numbers,
  ),
  row("FLOAT", ["FLOAT", "FLOAT4"], ["0.1", "3.40282e38", "-16777216", "1.17549e-38"], {
    shown: (column) => `CAST(${column} AS DOUBLE)`,
  }),
  row("FLOAT(7,3)", ["FLOAT"], ["1234.567"], { shown: (column) => `CAST(${column} AS DOUBLE)` }),
  row(
    "DOUBLE",
    ["DOUBLE", "DOUBLE PRECISION", "FLOAT8", "REAL"],
    ["0.1", "1.7976931348623157e308", "2.2250738585072014e-308", "-0e0", "123456789012345680"],
    numbers,
  ),
  row("DOUBLE(10,2)", ["DOUBLE"], ["12.34"], numbers),
  row("BIT(1)", ["BIT"], ["b'0'", "b'1'"], { shown: (column) => `${column} + 0` }),
  row("BIT(8)", ["BIT"], ["b'10101010'", "b'0'"], { shown: (column) => `${column} + 0` }),
  row("BIT(64)", ["BIT"], ["b'1111111111111111111111111111111111111111111111111111111111111111'", "1"], {
    shown: (column) => `${column} + 0`,
  }),
  row("YEAR", ["YEAR Data Type"], ["0", "1901", "2155"], numbers),
  row(
    "DATE",
    ["DATE"],
    ["'0000-00-00'", "'2024-00-00'", "'0001-01-01'", "'2024-02-29'", "'9999-12-31'"],
    key,
  ),
  row("TIME", ["TIME"], ["'12:30:00'", "'-838:59:59'", "'838:59:59'"], key),
  row("TIME(6)", ["TIME"], ["'00:00:00.000001'", "'-838:59:58.5'"], key),
  row(
    "DATETIME",
    ["DATETIME"],
    ["'0000-00-00 00:00:00'", "'2024-00-00 10:00:00'", "'2024-02-29 23:30:00'", "'9999-12-31 23:59:59'"],
    key,
  ),
  row("DATETIME(6)", ["DATETIME"], ["'2024-02-29 23:30:00.12345'", "'0001-01-01 00:00:00'"], key),
  row(
    "TIMESTAMP NULL",
    ["TIMESTAMP"],
    ["'0000-00-00 00:00:00'", "'1970-01-01 00:00:01'", "'2038-01-19 03:14:07'"],
    key,
  ),
  row("TIMESTAMP(6) NULL", ["TIMESTAMP"], ["'2024-02-29 23:30:00.123456'"], key),
  row(
    "CHAR(5) CHARACTER SET utf8mb4",
    ["CHAR", "CHARACTER", "NATIONAL CHAR", "NATIONAL CHARACTER", "NCHAR"],
    ["'ab'", "'é😀'", "''"],
    { ...texts, name: "CHAR(5)" },
  ),
  row(
    "VARCHAR(5) CHARACTER SET utf8mb4",
    [
      "VARCHAR",
      "CHAR VARYING",
      "VARCHARACTER",
      "VARCHAR2",
      "NATIONAL CHAR VARYING",
      "NATIONAL CHARACTER VARYING",
      "NATIONAL VARCHAR",
      "NATIONAL VARCHARACTER",
      "NCHAR VARCHAR",
      "NCHAR VARCHARACTER",
      "NCHAR VARYING",
    ],
    ["'ab  '", "'é😀'", "''"],
    { ...texts, name: "VARCHAR(5)" },
  ),
  row("VARCHAR(5) CHARACTER SET latin1", ["VARCHAR"], ["'é '"], { ...texts, name: "VARCHAR(5), latin1" }),
  row("TINYTEXT CHARACTER SET utf8mb4", ["TINYTEXT"], texted, { shown: hex, name: "TINYTEXT" }),
  row("TEXT CHARACTER SET utf8mb4", ["TEXT"], texted, { shown: hex, name: "TEXT" }),
  row(
    "MEDIUMTEXT CHARACTER SET utf8mb4",
    [
      "MEDIUMTEXT",
      "LONG CHAR VARYING",
      "LONG CHARACTER VARYING",
      "LONG VARCHAR",
      "LONG VARCHARACTER",
      "LONG and LONG VARCHAR",
    ],
    ["'é '"],
    { shown: hex, name: "MEDIUMTEXT" },
  ),
  row("LONGTEXT CHARACTER SET utf8mb4", ["LONGTEXT", "CLOB"], ["'é😀 '"], { shown: hex, name: "LONGTEXT" }),
  row("BINARY(3)", ["BINARY", "CHAR BYTE"], ["x'000000'", "x'0100ff'"], bytes),
  row("VARBINARY(5)", ["VARBINARY", "RAW"], ["x''", "x'00ff5c2700'"], bytes),
  row("TINYBLOB", ["TINYBLOB"], ["x''", "x'00ff5c27'"], { shown: hex }),
  row("BLOB", ["BLOB"], ["x'00ff5c27'"], { shown: hex }),
  row("MEDIUMBLOB", ["MEDIUMBLOB", "LONG VARBINARY"], ["x'00ff5c27'"], { shown: hex }),
  row("LONGBLOB", ["LONGBLOB"], ["x'00ff5c27'"], { shown: hex }),
  row("ENUM('a','it''s','2','') CHARACTER SET utf8mb4", ["ENUM"], ["'a'", "'it''s'", "'2'", "''"], {
    ...texts,
    name: "ENUM",
  }),
  row("SET('a','b','it''s') CHARACTER SET utf8mb4", ["SET Data Type"], ["''", "'a,b'", "'b,it''s'"], {
    ...texts,
    name: "SET",
  }),
  row(
    "JSON",
    ["JSON Data Type"],
    [
      '\'{"a":[1,12345678901234567890.5,null,"x"],"b":{}}\'',
      "'\"text\"'",
      "'5'",
      "'[]'",
      "'true'",
      "'\"007\"'",
    ],
    { asValue: "blanks, the order of names, and names that come twice" },
  ),
  row("INET4", ["INET4"], ["'10.0.0.1'", "'255.255.255.255'"], key),
  row("INET6", ["INET6"], ["'::1'", "'2001:db8::ffff'", "'::ffff:10.0.0.1'"], key),
  row("UUID", ["UUID Data Type"], ["'7b7d8a6e-98f4-4a6e-8d6b-0d0c6a2f1a11'"], key),
  row("GEOMETRY", [], ["POINT(1, 2)", "ST_GeomFromText('POINT(1 2)', 4326)"], shapes),
  row("POINT", [], ["POINT(1.5, -2)"], shapes),
  row("LINESTRING", [], ["ST_GeomFromText('LINESTRING(0 0,1 1)')"], shapes),
  row("POLYGON", [], ["ST_GeomFromText('POLYGON((0 0,1 0,1 1,0 0))')"], shapes),
  row("MULTIPOINT", [], ["ST_GeomFromText('MULTIPOINT(0 0,1 1)')"], shapes),
  row("MULTILINESTRING", [], ["ST_GeomFromText('MULTILINESTRING((0 0,1 1))')"], shapes),
  row("MULTIPOLYGON", [], ["ST_GeomFromText('MULTIPOLYGON(((0 0,1 0,1 1,0 0)))')"], shapes),
  row("GEOMETRYCOLLECTION", [], ["ST_GeomFromText('GEOMETRYCOLLECTION(POINT(0 0))')"], shapes),
];

/** Topics of the help on data types that are no types of a column. */
export const mysqlOtherTopics: readonly string[] = [
  "AUTO\\_INCREMENT",
  "AUTO\\_INCREMENT FAQ",
  "BLOB and TEXT Data Types",
  "Character Set and Collation Overview",
  "Coordinated Universal Time",
  "Data Type Storage Requirements",
  "Floating-point Accuracy",
  "Locales Plugin",
  "NULL Values",
  "Numeric Data Type Overview",
  "ROW",
  "ROW TYPE OF",
  "SET CHARACTER SET",
  "SET NAMES",
  "SQL\\_TSI\\_YEAR",
  "Server Locale",
  "Setting Character Sets and Collations",
  "Setting the Language for Error Messages",
  "Supported Character Sets and Collations",
  "TYPE OF",
  "Time Zones",
  "Unicode",
];

/** Types that the help describes and that came with a later version. */
export const mysqlLaterTypes: readonly string[] = ["VECTOR", "XMLTYPE"];
