import { describe, expect, test } from "vitest";
import {
  ids,
  inputOf,
  minutes,
  momentTypes,
  numbers,
  places,
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
  sqlite: ["datetime(updated_at) >= datetime($1)", "updated_at >= datetime($1, '-1 hour')"],
  postgres: ["to_char(updated_at, 'YYYYMMDD') >= to_char($1::timestamptz, 'YYYYMMDD')"],
  mysql: ["updated_at >= $1 - INTERVAL 5 MINUTE", "UNIX_TIMESTAMP(updated_at) >= UNIX_TIMESTAMP($1)"],
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
