import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  inputOf,
  type Place,
  read,
  rollbackPlace,
  sqlitePlace,
} from "../../../test/support/database-input.ts";
import { systemClock } from "../../clock.ts";
import { stringifyJson } from "../../model/json.ts";
import { openSql } from "../open.ts";

const byId = { key: "id", pageSize: 2, statePersistence: { id: { field: "n" } } };

/** Reads page by page, and has the application commit a row after each. */
async function readBesideWriter(place: Place, config: object): Promise<unknown[]> {
  const { signal } = new AbortController();
  const session = await inputOf(place, config).open({
    key: { connector: "acme", stream: "events" },
    clock: systemClock,
    signal,
    warn: () => {},
  });
  const ids: unknown[] = [];
  try {
    const window = { lower: null, upper: null };
    for await (const { records } of session.read({ window, secondaryCursors: {}, resume: null, signal })) {
      ids.push(...records.map(({ id }) => id));
      await place.beside.execute(`INSERT INTO events VALUES (${100 + ids.length}, ${100 + ids.length})`);
    }
  } finally {
    await session.close();
  }
  return ids;
}

describe("a SQLite file with a rollback journal", () => {
  const rows = "INSERT INTO events VALUES (1, 10), (2, 10), (3, 10), (4, 20), (5, 30)";
  const reads = [
    ["a table with an index on the cursor", "CREATE INDEX by_n ON events (n)", { ...byId, table: "events" }],
    ["a table without an index", "SELECT 1", { ...byId, table: "events" }],
    ["a view", "CREATE VIEW seen AS SELECT * FROM events", { ...byId, table: "seen" }],
    [
      "a query",
      "SELECT 1",
      { ...byId, query: "SELECT * FROM events WHERE n >= $1 ORDER BY n, id -- all of it" },
    ],
    [
      "a query that begins with WITH",
      "SELECT 1",
      { ...byId, query: "WITH e AS (SELECT * FROM events) SELECT * FROM e WHERE n >= $1 ORDER BY n, id;" },
    ],
  ] as const;

  test.each(reads)(
    "is free for writers while %s is read, and the read sees what there was",
    async (_, also, config) => {
      const place = await rollbackPlace();
      await place.beside.execute("CREATE TABLE events (id INTEGER, n INTEGER)");
      await place.beside.execute(rows);
      await place.beside.query(also);
      expect(await readBesideWriter(place, config)).toEqual([1, 2, 3, 4, 5]);
      expect(await place.beside.query("SELECT count(*) AS n FROM events")).toEqual([{ n: 8 }]);
    },
  );

  test("is free for writers while a table is read by its primary key", async () => {
    const place = await rollbackPlace();
    await place.beside.execute("CREATE TABLE events (id INTEGER PRIMARY KEY, n INTEGER)");
    await place.beside.execute(rows);
    const config = { table: "events", key: "id", pageSize: 2, statePersistence: { id: { field: "id" } } };
    expect(await readBesideWriter(place, config)).toEqual([1, 2, 3, 4, 5]);
  });

  test("is not written to, and has its copies removed", async () => {
    const place = await rollbackPlace();
    await place.beside.execute("CREATE TABLE events (id INTEGER, n INTEGER)");
    await place.beside.execute(rows);
    const connection = await openSql(place.url, { role: "input" });
    for await (const _ of connection.stream("SELECT * FROM events", [], { pageSize: 1 })) break;
    for await (const _ of connection.stream("SELECT * FROM events", [], { pageSize: 1 }));
    expect(await connection.query("SELECT name FROM temp.sqlite_schema")).toEqual([]);
    await expect(connection.execute("INSERT INTO events VALUES (9, 9)")).rejects.toMatchObject({
      message: expect.stringContaining("readonly"),
    });
    await connection.close();
  });
});

test("P6: pages of a table come as one read of a snapshot gives them", async () => {
  const values = fc.constantFrom("NULL", "1", "2", "3", "9007199254740993", "2.5", "-7");
  const layouts = fc.constantFrom(
    ["(id INTEGER PRIMARY KEY, n)", "CREATE INDEX by_n ON events (n)"],
    ["(id INT, n NUMERIC)", "CREATE INDEX by_n ON events (n)"],
    ["(id INT PRIMARY KEY, n) WITHOUT ROWID", "CREATE INDEX by_n ON events (n)"],
    ["(id INT, n INT, rowid INT)", "CREATE INDEX by_n ON events (n)"],
    ["(id INT, n INT)", "CREATE INDEX by_n ON events (n DESC)"],
    ["(id INT, n INT)", "SELECT 1"],
  );
  const [paged, whole] = [await rollbackPlace(), await sqlitePlace()];
  await fc.assert(
    fc.asyncProperty(
      layouts,
      fc.array(values, { maxLength: 12 }),
      fc.constantFrom("1", "2", "2.5", "9007199254740993", null),
      fc.constantFrom("3", null),
      fc.integer({ min: 1, max: 4 }),
      async ([columns, index], cursors, lower, upper, pageSize) => {
        const results = [];
        for (const place of [paged, whole]) {
          await place.beside.execute("DROP TABLE IF EXISTS events");
          await place.beside.execute(`CREATE TABLE events ${columns}`);
          await place.beside.query(index ?? "");
          for (const [id, n] of cursors.entries())
            await place.beside.execute(`INSERT INTO events (id, n) VALUES (${id}, ${n})`);
          const config = {
            table: "events",
            key: "id",
            pageSize,
            statePersistence: { id: { field: "n" }, onNullCursor: "deliver" },
          };
          const window = {
            lower: lower === null ? null : ({ type: "numeric_id", value: lower } as const),
            upper: upper === null ? null : ({ type: "numeric_id", value: upper } as const),
          };
          const { pages } = await read(inputOf(place, config), null, { window });
          expect(pages.every(({ length }) => length <= pageSize)).toBe(true);
          results.push(pages.flat().map((row) => stringifyJson(row)));
        }
        expect(results[0]).toEqual(results[1]);
      },
    ),
    { numRuns: 60 },
  );
});
