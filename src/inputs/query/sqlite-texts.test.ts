import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { describe, expect, onTestFinished, test } from "vitest";
import { refusingStream } from "../../../test/support/refusing-stream.ts";
import { createDatabaseInput } from "./input.ts";
import { databaseInputSchema } from "./schema.ts";

/** A file of SQLite that a script of SQL has made. */
function made(sql: string): string {
  const folder = mkdtempSync(join(tmpdir(), "tidemark-texts-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const database = new DatabaseSync(join(folder, "source.db"));
  database.exec(sql);
  database.close();
  return `sqlite:${join(folder, "source.db")}`;
}

async function read(connectionString: string, source: object) {
  const config = { type: "database", connectionString, key: "id", ...source };
  const stream = refusingStream(createDatabaseInput(databaseInputSchema.parse(config)));
  const result = await stream.run();
  expect(result.status).toBe("completed");
  return { ids: stream.ids(), letters: stream.letters };
}

const byId = { statePersistence: { id: { field: "id" } } };
const rows = `
  CREATE TABLE t (id INTEGER PRIMARY KEY, "odd ""name" TEXT, V TEXT, n INTEGER);
  CREATE INDEX t_n ON t (n);
  INSERT INTO t VALUES
    (1, 'a', 'b', 1), (2, 'a', CAST(x'ff41' AS TEXT), 1), (3, char(65533), 'b', 1),
    (4, CAST(x'f09f98' AS TEXT), char(65533), 2), (5, char(65533), 'x' || char(0) || char(65533), 2),
    (6, CAST(x'eda080' AS TEXT), 'b', 2), (7, '😀', 'ü', 3), (8, 'a', CAST(x'c3' AS TEXT), 3), (9, 'a', 'b', 3);`;

describe.each(["delete", "wal"])("texts of a file with the journal %s", (journal) => {
  test.each([
    ["a table, in pages", { table: "t", ...byId, pageSize: 2 }],
    ["a table, in one page", { table: "t", ...byId }],
    ["a table by a cursor with ties", { table: "t", statePersistence: { id: { field: "n" } }, pageSize: 2 }],
    ["some columns of a table", { table: "t", columns: ["V", 'odd "name', "id"], ...byId, pageSize: 3 }],
    ["a query", { query: "SELECT * FROM t WHERE id > $1 ORDER BY id", ...byId, pageSize: 2 }],
    [
      "a query that ends with a comment",
      { query: "WITH x AS (SELECT * FROM t) SELECT * FROM x WHERE id > $1 ORDER BY n, id -- all", ...byId },
    ],
  ])(
    "P7: texts that are no UTF-8 are refused by record and field, and U+FFFD itself is delivered, from %s",
    async (_, source) => {
      const { ids, letters } = await read(made(`PRAGMA journal_mode = ${journal}; ${rows}`), source);
      expect(ids.map(Number).sort()).toEqual([1, 3, 5, 7, 9]);
      const refused = letters.map(({ record, field, code }) => [Object(record).id, field, code]);
      expect(refused.sort()).toEqual([
        [2, "V", "RECORD_INVALID"],
        [4, 'odd "name', "RECORD_INVALID"],
        [6, 'odd "name', "RECORD_INVALID"],
        [8, "V", "RECORD_INVALID"],
      ]);
      expect(letters[0]?.reason).toMatch(/bytes that are no text.*UTF-8/);
    },
  );
});

test.each(["UTF-16le", "UTF-16be"])(
  "P7: half of a surrogate pair in a file of %s is refused by record and field, and whole ones are delivered",
  async (encoding) => {
    const half = (hex: string) => (encoding === "UTF-16be" ? hex : hex.replace(/(..)(..)/g, "$2$1"));
    const sql = `PRAGMA encoding = '${encoding}'; CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT);
      INSERT INTO t VALUES (1, '😀ü'), (2, CAST(x'${half("d8000041")}' AS TEXT)), (3, char(65533)),
        (4, CAST(x'${half("0041dc000041")}' AS TEXT)), (5, CAST(x'${half("d83d")}' AS TEXT)), (6, 'a');`;
    const { ids, letters } = await read(made(sql), { table: "t", ...byId });
    expect(ids).toEqual([1, 3, 6]);
    expect(letters.map(({ record, field }) => [Object(record).id, field])).toEqual([
      [2, "v"],
      [4, "v"],
      [5, "v"],
    ]);
  },
);

test("P7: a text with U+FFFD of a query that gives other rows at every run is refused, since nobody can tell", async () => {
  const query =
    "SELECT id, CASE WHEN id = 1 THEN 'a' ELSE hex(randomblob(8)) || char(65533) END AS v FROM t WHERE id > $1";
  const { ids, letters } = await read(made(rows), { query, ...byId });
  expect(ids).toEqual([1]);
  expect(letters[0]?.reason).toMatch(/it cannot be checked/);
});
