import { describe, expect, test } from "vitest";
import {
  commitOf,
  fenced,
  KeptRefusals,
  mysqlPlace,
  type Place,
  places,
  postgresPlace,
  rows,
  sqlitePlace,
} from "../../../test/support/database-output.ts";
import { mysqlRuns } from "../../../test/support/mysql-tests.ts";
import type { SourceRecord } from "../../model/record.ts";

type Options = Parameters<Place["open"]>[0] & {
  readonly pages?: number;
  /** What a filter does to each record. */
  readonly change?: (record: SourceRecord) => SourceRecord;
};

/** Writes what a query of a SQLite file gives, and returns what was refused. */
async function copied(
  from: Place,
  to: Place,
  sql: string,
  { pages = 100, change = (record) => record, ...options }: Options = {},
) {
  const refusals = new KeptRefusals();
  const warnings: string[] = [];
  const session = await fenced(to, { refusals, warnings, ...options });
  for await (const { rows, columns } of from.beside.stream(sql, [], { pageSize: pages }))
    await session.write({ records: rows.map(change), columns });
  const committed = await session.commit(commitOf());
  await session.close();
  return { refusals, warnings, written: committed?.written };
}

async function sourceWith(...statements: readonly string[]): Promise<Place> {
  const place = await sqlitePlace();
  for (const statement of statements) await place.beside.execute(statement);
  return place;
}

const values = [
  "x'ff00'",
  "'\\xff00'",
  "x''",
  "'\\x'",
  "1e999",
  "'Infinity'",
  "'abc'",
  "7",
  "NULL",
  "'[1]'",
  "'\"a\"'",
  "'1.5'",
  "-0.0",
];
const types = [
  "INTEGER",
  "REAL",
  "TEXT",
  "NUMERIC",
  "BLOB",
  "",
  "BOOLEAN",
  "DATE",
  "VARCHAR(3)",
  "VARBINARY(9)",
  "JSON",
];

describe("P7: from SQLite to SQLite", () => {
  test.each(types)(
    "every value goes from a column %s to one of the same type as it is stored",
    async (type) => {
      const table = `CREATE TABLE events (id INTEGER PRIMARY KEY, v ${type})`;
      const inserts = values.map((value, id) => `INSERT INTO events VALUES (${id}, ${value})`);
      const from = await sourceWith(table, ...inserts);
      const shown = "SELECT id, typeof(v) AS type, quote(v) AS v FROM events ORDER BY id";
      const to = await sourceWith(table);
      const { refusals } = await copied(from, to, "SELECT * FROM events", { key: "id" });
      expect(refusals.refused).toEqual([]);
      expect(await rows(to, shown)).toEqual(await rows(from, shown));
    },
  );

  test("bytes and texts stay apart in a table that Tidemark makes, whichever comes first and wherever they wait", async () => {
    const shown = "SELECT id, typeof(v) AS type, quote(v) AS v FROM events ORDER BY id";
    for (const order of ["ASC", "DESC"]) {
      const from = await sourceWith(
        "CREATE TABLE events (id INTEGER PRIMARY KEY, v)",
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 21000) INSERT INTO events SELECT i, CASE i % 3 WHEN 0 THEN x'41' WHEN 1 THEN '\\x41' ELSE 'a' END FROM n",
      );
      const to = await sqlitePlace();
      const options = { key: "id", pages: 3000 };
      const { refusals } = await copied(from, to, `SELECT * FROM events ORDER BY id ${order}`, options);
      expect(refusals.refused).toEqual([]);
      expect(await rows(to, shown)).toEqual(await rows(from, shown));
    }
  });

  test("bytes that waited are written as bytes where another record is refused", async () => {
    const from = await sourceWith(
      "CREATE TABLE events (id INTEGER PRIMARY KEY, v TEXT)",
      "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 21000) INSERT INTO events SELECT i, x'41' FROM n",
    );
    const to = await sourceWith("CREATE TABLE events (id INTEGER PRIMARY KEY CHECK (id <> 20999), v TEXT)");
    const { refusals } = await copied(from, to, "SELECT * FROM events", { key: "id", pages: 3000 });
    expect(refusals.refused).toHaveLength(1);
    expect(await rows(to, "SELECT typeof(v) AS type, count(*) AS rows FROM events GROUP BY 1")).toEqual([
      { type: "blob", rows: 20_999 },
    ]);
  });
});

describe.each([
  ["PostgreSQL", postgresPlace, "bytea"],
  ...(mysqlRuns ? [["MariaDB", mysqlPlace, "BLOB"] as const] : []),
] as const)("P7: from SQLite to %s", (_, create, bytes) => {
  test("bytes among texts, and texts that read like bytes among bytes, are refused by record and field", async () => {
    const from = await sourceWith(
      "CREATE TABLE events (id INTEGER PRIMARY KEY, t TEXT, b BLOB)",
      "INSERT INTO events VALUES (1, 'abc', x'41'), (2, x'41', x'41'), (3, '\\x41', '\\x41'), (4, '\\x41', x'')",
    );
    const made = await create();
    const theirs = await create();
    await theirs.beside.execute(`CREATE TABLE events (id INT PRIMARY KEY, t VARCHAR(20), b ${bytes})`);
    for (const place of [made, theirs]) {
      const { refusals } = await copied(from, place, "SELECT * FROM events", { key: "id" });
      expect(refusals.refused.map(({ failure }) => failure?.message)).toEqual([
        expect.stringMatching(/the field `t` of the record with id 2: the source has bytes there/),
        expect.stringMatching(/the field `b` of the record with id 3: the source has a text there/),
      ]);
      expect(await rows(place)).toEqual([
        { id: 1, t: "abc", b: "\\x41" },
        { id: 4, t: "\\x41", b: "\\x" },
      ]);
    }
  });

  test("a field that a filter has given another value is judged by that value", async () => {
    const from = await sourceWith(
      "CREATE TABLE events (id INTEGER PRIMARY KEY, t TEXT, b BLOB)",
      "INSERT INTO events VALUES (1, x'41', '\\x41'), (2, x'41', x'42')",
    );
    const to = await create();
    const change = (record: SourceRecord) => ({ ...record, t: record.id === 1 ? null : "A", b: "\\x43" });
    const { refusals } = await copied(from, to, "SELECT * FROM events", { key: "id", change });
    expect(refusals.refused).toEqual([]);
    expect(await rows(to)).toEqual([
      { id: 1, t: null, b: "\\x43" },
      { id: 2, t: "A", b: "\\x43" },
    ]);
  });

  test("a column without a type that holds bytes is made for bytes", async () => {
    const from = await sourceWith(
      "CREATE TABLE events (id INTEGER PRIMARY KEY, v)",
      "INSERT INTO events VALUES (1, x'00ff')",
    );
    const to = await create();
    await copied(from, to, "SELECT * FROM events", { key: "id" });
    expect(await to.beside.columns("events")).toContainEqual({ name: "v", kind: "bytes" });
    expect(await rows(to)).toEqual([{ id: 1, v: "\\x00ff" }]);
  });
});

describe.each(places)("%s: keys of several kinds", (database, create) => {
  const keys = "(1, 'a'), ('1', 'b'), (1.5, 'c'), ('1.5', 'd'), ('x', 'e')";

  test.each([1, 100])(
    "those that the table stores alike are refused where they meet, in pages of %i",
    async (pages) => {
      const from = await sourceWith("CREATE TABLE events (k, v TEXT)", `INSERT INTO events VALUES ${keys}`);
      const to = await create();
      const sql = "SELECT * FROM events ORDER BY v";
      const { refusals, warnings, written } = await copied(from, to, sql, { key: "k", pages });
      expect(refusals.refused.map(({ failure }) => failure?.message)).toEqual([
        expect.stringMatching(/its key "1" \(text\) and the key 1 \(number\) of another record are one/),
        expect.stringMatching(/its key "1.5" \(text\) and the key 1.5 \(number\)/),
      ]);
      expect(refusals.refused[0]).toMatchObject({
        reason: { code: "RECORD_INVALID", details: { field: "k" } },
      });
      expect(written).toBe(3);
      expect(await rows(to, "SELECT v FROM events ORDER BY v")).toEqual([{ v: "a" }, { v: "c" }, { v: "e" }]);
      expect(warnings).toEqual([
        expect.stringMatching(/^KEY_INEXACT the key field k holds .*number and text/),
      ]);
    },
  );

  test("a record that comes again is not refused, and keys of one kind are not looked at", async () => {
    const from = await sourceWith(
      "CREATE TABLE events (k, v TEXT)",
      "INSERT INTO events VALUES (1, 'a'), ('x', 'b'), (1, 'c'), ('x', 'd')",
    );
    const to = await create();
    const { refusals } = await copied(from, to, "SELECT * FROM events ORDER BY v", { key: "k" });
    expect(refusals.refused).toEqual([]);
    expect(await rows(to, "SELECT v FROM events ORDER BY v")).toEqual([{ v: "c" }, { v: "d" }]);
  });

  test.runIf(database === "sqlite")("a column without a type keeps all of them", async () => {
    const from = await sourceWith(
      "CREATE TABLE events (k PRIMARY KEY, v TEXT)",
      `INSERT INTO events VALUES ${keys}, (x'31', 'f'), ('\\x31', 'g'), (1e999, 'h'), ('Infinity', 'i')`,
    );
    const to = await sourceWith("CREATE TABLE events (k PRIMARY KEY, v TEXT)");
    const { refusals, warnings } = await copied(from, to, "SELECT * FROM events", { key: "k" });
    expect([refusals.refused, warnings]).toEqual([[], []]);
    const shown = "SELECT quote(k) AS k, v FROM events ORDER BY v";
    expect(await rows(to, shown)).toEqual(await rows(from, shown));
  });
});

test("a key column of JSON keeps values of all kinds apart, also within one statement", async () => {
  const place = await postgresPlace();
  await place.beside.execute("CREATE TABLE events (k jsonb PRIMARY KEY, v int)");
  const session = await fenced(place, { key: "k" });
  const keys = [1, "1", true, "true", 1.5, "1.5", [1], "[1]"];
  await session.write({ records: keys.map((k, v) => ({ k, v })) });
  await session.commit(commitOf());
  expect(await rows(place, "SELECT k, v FROM events ORDER BY v")).toEqual(keys.map((k, v) => ({ k, v })));
});
