import { expect, test } from "vitest";
import { inputOf, mysqlPlace, postgresPlace, read, stream } from "../../../test/support/database-input.ts";
import { describeMysql } from "../../../test/support/mysql-tests.ts";

test("a PostgreSQL column that does not sort as the cursor does is refused by its type", async () => {
  const place = await postgresPlace();
  await place.beside.execute("CREATE DOMAIN span AS interval");
  const cases: [types: string[], cursor: object, words: string][] = [
    [
      [
        "time",
        "timetz",
        "interval",
        "span",
        "inet",
        "pg_lsn",
        "tid",
        "money",
        "bit(8)",
        "uuid",
        "jsonb",
        "int[]",
      ],
      { timestamp: { field: "at" } },
      "a timestamp",
    ],
    [["real", "float8", "numeric"], { timestamp: { field: "at" } }, "a timestamp"],
    [["xid", "bool", "bytea", "jsonb", "int[]", "date"], { id: { field: "at" } }, "a number"],
  ];
  for (const [types, statePersistence, words] of cases) {
    for (const type of types) {
      await place.beside.execute(`DROP TABLE IF EXISTS ev; CREATE TABLE ev (id int, at ${type})`);
      await expect(read(inputOf(place, { table: "ev", statePersistence })), type).rejects.toMatchObject({
        code: "CONFIG_INCOHERENT",
        message: expect.stringMatching(
          new RegExp(`^the column at of ev is of type .*, and the cursor is declared ${words}$`),
        ),
        hint: expect.stringMatching(/query|format/),
      });
    }
  }
});

test.each([
  ["timestamptz", "'2024-01-01'", "'2024-01-02'", { timestamp: { field: "at" } }],
  ["timestamp", "'2024-01-01'", "'2024-01-02'", { timestamp: { field: "at" } }],
  ["numeric", "1.25", "1.5", { id: { field: "at" } }],
  ["oid", "4294967294", "4294967295", { id: { field: "at" } }],
  ["xid8", "'18446744073709551614'", "'18446744073709551615'", { id: { field: "at" } }],
  ["real", "0.1", "16777216", { id: { field: "at" } }],
  ["float8", "0.1", "1e15", { id: { field: "at" } }],
  ["citext", "'a'", "'b'", { id: { field: "at", type: "text" } }],
  ["uuid", `'${"0".repeat(32)}'`, `'${"1".repeat(32)}'`, { id: { field: "at", type: "text" } }],
])(
  "a domain over a domain of %s is followed as the type is",
  async (type, first, second, statePersistence) => {
    const place = await postgresPlace();
    const base = type === "citext" ? "CREATE EXTENSION citext; " : "";
    await place.beside.execute(
      `${base}CREATE DOMAIN inner_one AS ${type}; CREATE DOMAIN outer_one AS inner_one`,
    );
    await place.beside.execute(`CREATE TABLE ev (id int, at outer_one); INSERT INTO ev VALUES (1, ${first})`);
    const { run, ids } = stream(inputOf(place, { table: "ev", key: "id", statePersistence }));
    await run();
    await place.beside.execute(`INSERT INTO ev VALUES (2, ${first}), (3, ${second})`);
    await run();
    await place.beside.execute(`INSERT INTO ev VALUES (4, ${second})`);
    await run();
    await run();
    expect(ids()).toEqual([1, 2, 3, 4]);
  },
);

test.each([
  ["inet", "'10.0.0.1'", "'0.0.0.0'"],
  ["size", "'small'", "'small'"],
  ["interval", "'1 day'", "'0'"],
])("a query that compares a text cursor as %s is refused", async (type, value, lowest) => {
  const place = await postgresPlace();
  await place.beside.execute("CREATE TYPE size AS ENUM ('small', 'large')");
  await place.beside.execute(`CREATE TABLE ev (id int, at ${type}); INSERT INTO ev VALUES (1, ${value})`);
  const statePersistence = { id: { field: "at", type: "text" } };
  const query = `SELECT * FROM ev WHERE at >= COALESCE($1, ${lowest}::${type}) ORDER BY at`;
  await expect(read(inputOf(place, { query, statePersistence }))).rejects.toMatchObject({
    code: "CONFIG_INCOHERENT",
    message: expect.stringMatching(/the cursor at, declared `type: text`, as (?:inet|size|interval)/),
    hint: expect.stringContaining("CAST(at AS text)"),
  });
  const cast =
    'SELECT * FROM ev WHERE CAST(at AS text) COLLATE "C" >= $1 ORDER BY CAST(at AS text) COLLATE "C"';
  expect((await read(inputOf(place, { query: cast, statePersistence }))).pages).toHaveLength(1);
});

test("a query whose parameter PostgreSQL cannot tell the type of is refused with how to say it", async () => {
  const place = await postgresPlace();
  await place.beside.execute("CREATE TABLE ev (id int, at timestamptz)");
  const query = "SELECT * FROM ev WHERE ($1 IS NULL OR at > $1) ORDER BY at";
  const input = inputOf(place, { query, statePersistence: { timestamp: { field: "at" } } });
  await expect(read(input)).rejects.toMatchObject({
    hint: expect.stringContaining("$1::timestamptz IS NULL"),
  });
});

describeMysql("MySQL", () => {
  test("a column that does not sort as the cursor does is refused by its type", async () => {
    const place = await mysqlPlace();
    const cases: [types: string[], cursor: object, words: string][] = [
      [
        [
          "TIME",
          "ENUM('a', 'b')",
          "SET('a', 'b')",
          "INET6",
          "UUID",
          "BLOB",
          "BINARY(4)",
          "GEOMETRY",
          "DOUBLE",
          "YEAR",
        ],
        { timestamp: { field: "at" } },
        "a timestamp",
      ],
      [["DATE", "DATETIME", "TIMESTAMP", "BLOB", "GEOMETRY"], { id: { field: "at" } }, "a number"],
      [
        ["DATE", "DATETIME", "TIMESTAMP", "TIME", "INT", "DECIMAL(9,2)", "YEAR", "BIT(8)", "GEOMETRY"],
        { id: { field: "at", type: "text" } },
        "`type: text`",
      ],
    ];
    for (const [types, statePersistence, words] of cases) {
      for (const type of types) {
        await place.beside.execute("DROP TABLE IF EXISTS ev");
        await place.beside.execute(`CREATE TABLE ev (id INT, at ${type})`);
        await expect(read(inputOf(place, { table: "ev", statePersistence })), type).rejects.toMatchObject({
          code: "CONFIG_INCOHERENT",
          message: expect.stringContaining(`and the cursor is declared ${words}`),
        });
      }
    }
  });

  test.each([
    ["YEAR", "2023", "2024", { id: { field: "at" } }],
    ["BIT(8)", "b'00001010'", "b'10101010'", { id: { field: "at" } }],
    ["FLOAT", "0.1", "16777216", { id: { field: "at" } }],
    ["FLOAT", "0.1", "0.7", { id: { field: "at" } }],
    ["DOUBLE", "0.1", "9007199254740991", { id: { field: "at" } }],
    ["DECIMAL(65,30)", "1.5", "1.500000000000000000000000000001", { id: { field: "at" } }],
    ["BIGINT UNSIGNED", "1", "18446744073709551615", { id: { field: "at" } }],
    ["ENUM('b', 'a')", "'a'", "'b'", { id: { field: "at", type: "text" } }],
    ["SET('b', 'a')", "'a'", "'b,a'", { id: { field: "at", type: "text" } }],
    ["INET6", "'10::'", "'2::'", { id: { field: "at", type: "text" } }],
    ["BINARY(2)", "x'0a00'", "x'0a01'", { id: { field: "at", type: "text" } }],
    ["VARBINARY(9)", "x'0a'", "x'0a00'", { id: { field: "at", type: "text" } }],
  ])("a column of %s is read on from where it was", async (type, first, second, statePersistence) => {
    const place = await mysqlPlace();
    await place.beside.execute(`CREATE TABLE ev (id INT PRIMARY KEY, at ${type})`);
    await place.beside.execute(`INSERT INTO ev VALUES (1, ${first})`);
    const { run, ids } = stream(inputOf(place, { table: "ev", key: "id", statePersistence }));
    await run();
    await place.beside.execute(`INSERT INTO ev VALUES (2, ${first}), (3, ${second})`);
    await run();
    await place.beside.execute(`INSERT INTO ev VALUES (4, ${second})`);
    await run();
    await run();
    expect(ids()).toEqual([1, 2, 3, 4]);
  });
});
