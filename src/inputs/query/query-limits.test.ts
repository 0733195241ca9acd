import { describe, expect, test } from "vitest";
import {
  ids,
  inputOf,
  minutes,
  momentTypes,
  numbers,
  places,
  read,
  stream,
} from "../../../test/support/database-input.ts";

const page = "SELECT * FROM events WHERE updated_at >= $1";

/** Queries of which each part is limited by itself, or of which the limited rows are chosen from again. */
const limited: readonly (readonly [string, string, readonly number[]])[] = [
  [
    "limited parts of a UNION",
    `SELECT * FROM (${page} AND id < 4 ORDER BY updated_at LIMIT 2) a UNION ALL SELECT * FROM (${page} AND id >= 4 ORDER BY updated_at LIMIT 2) b ORDER BY updated_at`,
    numbers(1, 12),
  ],
  [
    "a condition on limited rows",
    `SELECT id, updated_at FROM (${page} ORDER BY updated_at LIMIT 3) a WHERE a.id > 7 ORDER BY updated_at`,
    numbers(8, 12),
  ],
  [
    "limited rows that are joined",
    `SELECT e.* FROM events e JOIN (SELECT id FROM events WHERE updated_at >= $1 ORDER BY updated_at LIMIT 3) a ON a.id = e.id AND e.id > 7 ORDER BY e.updated_at`,
    numbers(8, 12),
  ],
  [
    "a limited table expression",
    `WITH a AS (${page} ORDER BY updated_at LIMIT 3) SELECT id, updated_at FROM a WHERE id > 7 ORDER BY updated_at`,
    numbers(8, 12),
  ],
];

/** What calculations make of the lowest value there is: nothing, or what lies above every row. */
const calculated = {
  sqlite: [
    "datetime(updated_at) >= datetime($1)",
    "updated_at >= datetime($1, '-1 hour')",
    "updated_at >= iif(id = 1, $1, ifnull($1, ''))",
  ],
  postgres: [
    "to_char(updated_at, 'YYYYMMDD') >= to_char($1::timestamptz, 'YYYYMMDD')",
    "updated_at >= $1 AND updated_at < $1::timestamptz + interval '1 day'",
  ],
  mysql: [
    "updated_at >= $1 - INTERVAL 5 MINUTE",
    "UNIX_TIMESTAMP(updated_at) >= UNIX_TIMESTAMP($1)",
    "updated_at >= GREATEST($1, '2020-01-01')",
    "updated_at >= IF(id = 1, $1, IFNULL($1, 0))",
  ],
};

describe.each(places)("%s", (database, createPlace) => {
  const timestamp = { timestamp: { field: "updated_at", queryFormat: "iso8601" }, order: "ascending" };

  test.each(limited)("P6: no row is lost by %s", async (_, query, expected) => {
    const place = await createPlace();
    await minutes(place, 12, momentTypes[database]);
    const events = stream(inputOf(place, { query, statePersistence: timestamp }));
    await events.run();
    expect(events.ids()).toEqual(expected);
  });

  test.each(calculated[database])(
    "the first run of a query with %s is refused, and a later one is not",
    async (where) => {
      const place = await createPlace();
      await minutes(place, 4, momentTypes[database]);
      const query = `SELECT * FROM events WHERE ${where} ORDER BY updated_at`;
      const input = inputOf(place, { query, statePersistence: timestamp });
      await expect(ids(input)).rejects.toMatchObject({
        code: "CONFIG_INCOHERENT",
        message: expect.stringMatching(/^the query calculates with \$1 \(/),
        hint: expect.stringContaining("COALESCE($1, …)"),
      });
      await ids(input, "2024-01-01T00:02:00.5Z");
    },
  );

  test("a column that is called limit is no limit", async () => {
    const place = await createPlace();
    const { dialect } = place.beside;
    const limit = dialect.identifier("limit");
    await place.beside.execute(`CREATE TABLE events (id BIGINT, ${limit} BIGINT)`);
    await place.run("INSERT INTO events VALUES (1, 5), (2, 1), (3, 9)");
    const query =
      "SELECT e.id, e.limit FROM events e WHERE e.id >= $1 AND e.limit > 3 ORDER BY e.id, e.limit";
    const named = database === "sqlite" ? query.replaceAll("e.limit", `e.${limit}`) : query;
    const statePersistence = { id: { field: "id" } };
    expect(await ids(inputOf(place, { query: named, statePersistence }))).toEqual([1, 3]);
  });

  test("the first run of a query that gives no row says so, and a later one does not", async () => {
    const place = await createPlace();
    await minutes(place, 2, momentTypes[database]);
    const query =
      "SELECT * FROM events WHERE updated_at >= $1 AND (id = 9 OR $1 IS NULL) ORDER BY updated_at";
    const typed = database === "postgres" ? query.replaceAll("$1", "$1::timestamptz") : query;
    const input = inputOf(place, { query: typed, statePersistence: timestamp });
    const first = await read(input);
    expect(first.warnings).toEqual(["FIRST_RUN_EMPTY"]);
    expect((await read(input, "2024-01-01T00:02:00.5Z")).warnings).toEqual([]);
  });

  test("the first run of a query that calculates with an id is refused", async () => {
    const place = await createPlace();
    await minutes(place, 4, momentTypes[database]);
    const query = "SELECT * FROM events WHERE id > $1 - 100 ORDER BY id";
    const statePersistence = { id: { field: "id" } };
    await expect(ids(inputOf(place, { query, statePersistence }))).rejects.toMatchObject({
      code: "CONFIG_INCOHERENT",
      hint: expect.stringContaining("COALESCE($1, 0)"),
    });
    const guarded = query.replace("$1", "COALESCE($1, 0)");
    expect(await ids(inputOf(place, { query: guarded, statePersistence }))).toEqual([1, 2, 3, 4]);
  });
});
