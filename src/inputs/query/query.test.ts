import { describe, expect, test } from "vitest";
import {
  ids,
  inputOf,
  minutes,
  momentTypes,
  numbers,
  places,
  postgresPlace,
  read,
  stream,
} from "../../../test/support/database-input.ts";

describe.each(places)("%s", (database, createPlace) => {
  const timestampType = momentTypes[database];
  const timestamp = { timestamp: { field: "updated_at", queryFormat: "iso8601" } };

  test("on the first run a placeholder is NULL where the query says what that means, else the lowest value", async () => {
    const place = await createPlace();
    await minutes(place, 4, timestampType);
    const guarded =
      "SELECT * FROM events WHERE updated_at > $1 OR ($1 IS NULL AND id > 2) ORDER BY updated_at";
    const typed = database === "postgres" ? guarded.replaceAll("$1", "$1::timestamptz") : guarded;
    expect(await ids(inputOf(place, { query: typed, statePersistence: timestamp }))).toEqual([3, 4]);
    const bare = "SELECT * FROM events WHERE updated_at > $1 ORDER BY updated_at";
    expect(await ids(inputOf(place, { query: bare, statePersistence: timestamp }))).toEqual([1, 2, 3, 4]);
    const byId = "SELECT * FROM events WHERE id > $1 ORDER BY id";
    expect(await ids(inputOf(place, { query: byId, statePersistence: { id: { field: "id" } } }))).toEqual([
      1, 2, 3, 4,
    ]);
  });

  test("P6: a query's own LIMIT is the page's size, and what lies behind it is read as well", async () => {
    const place = await createPlace();
    await minutes(place, 5, timestampType);
    const input = inputOf(place, {
      query: "SELECT * FROM events WHERE updated_at > $1 ORDER BY updated_at LIMIT 2; -- two at a time",
      statePersistence: timestamp,
    });
    const { pages } = await read(input, "2024-01-01T00:02:00.5Z");
    expect(pages.map((page) => page.map(({ id }) => id))).toEqual([
      [2, 3],
      [4, 5],
    ]);
  });

  test("P6: a query seen to compare strictly is asked one step lower, whatever is declared", async () => {
    const place = await createPlace();
    await minutes(place, 3, timestampType);
    const input = inputOf(place, {
      query: "SELECT * FROM events WHERE updated_at > $1",
      statePersistence: { timestamp: { ...timestamp.timestamp, bound: "inclusive" } },
    });
    expect(await ids(input, "2024-01-01T00:02:00.5Z")).toContain(2);
  });

  test("timestamp and id are bound together, also as one comparison of both", async () => {
    const place = await createPlace();
    await minutes(place, 5, timestampType);
    const input = inputOf(place, {
      query: "SELECT * FROM events WHERE (updated_at, id) > ($1, $2) ORDER BY updated_at, id",
      statePersistence: { ...timestamp, id: { field: "id" } },
    });
    expect(await ids(input)).toEqual([1, 2, 3, 4, 5]);
    expect(await ids(input, "2024-01-01T00:03:00.5Z", { secondaryCursors: { id: "3" } })).toEqual([3, 4, 5]);
  });

  test("P6: a tie with a lower id is read also where both bounds make one inclusive comparison", async () => {
    const place = await createPlace();
    await minutes(place, 5, timestampType);
    await place.beside.execute("INSERT INTO events SELECT 0, updated_at FROM events WHERE id = 4");
    const input = inputOf(place, {
      query: "SELECT * FROM events WHERE (updated_at, id) >= ($1, $2) ORDER BY updated_at, id",
      statePersistence: {
        timestamp: { ...timestamp.timestamp, bound: "inclusive", queryFormat: "yyyy-MM-dd'T'HH:mm:ss.S'Z'" },
        id: { field: "id", bound: "inclusive" },
      },
    });
    expect(await ids(input, "2024-01-01T00:04:00.5Z", { secondaryCursors: { id: "4" } })).toEqual([0, 4, 5]);
  });

  test("an offset goes where the query has it; a LIMIT next to it is the page's size", async () => {
    const place = await createPlace();
    await minutes(place, 5, timestampType);
    const input = inputOf(place, {
      query: "SELECT * FROM events ORDER BY id LIMIT 2 OFFSET $1",
      statePersistence: { offset: {} },
    });
    expect(await ids(input)).toEqual([1, 2, 3, 4, 5]);
    expect(await ids(input, "3")).toEqual([4, 5]);
    const byTable = inputOf(place, { table: "events", key: "id", statePersistence: { offset: {} } });
    expect(await ids(byTable, "3")).toEqual([4, 5]);
    const beside = inputOf(place, {
      query: "SELECT * FROM events WHERE updated_at >= $1 ORDER BY id LIMIT 2 OFFSET $2",
      statePersistence: { ...timestamp, offset: {} },
    });
    expect(await ids(beside, "2024-01-01T00:04:00.5Z", { secondaryCursors: { offset: "7" } })).toEqual([
      4, 5,
    ]);
  });

  test("P6: a query with a limit inside is read to its end, without the LIMIT or run again by its numbers", async () => {
    const place = await createPlace();
    await place.beside.execute(`CREATE TABLE events (id BIGINT, updated_at ${timestampType})`);
    const rows = numbers(1, 20).map(
      (id) => `(${id}, '2024-01-01T00:00:${String(Math.floor(id / 3)).padStart(2, "0")}Z')`,
    );
    await place.run(`INSERT INTO events VALUES ${rows.join(", ")}`);
    const byLimit = (limit: number) =>
      `WITH page AS (SELECT * FROM events WHERE updated_at > $1 ORDER BY updated_at, id LIMIT ${limit}) SELECT * FROM page ORDER BY updated_at, id`;
    const byNumber = (limit: number) =>
      `SELECT id, updated_at FROM (SELECT id, updated_at, row_number() OVER (ORDER BY updated_at, id) AS n FROM events WHERE updated_at > $1) page WHERE page.n <= ${limit} ORDER BY updated_at, id`;
    for (const [limit, query] of [4, 5, 7, 20, 50].flatMap((size) => [
      [size, byLimit] as const,
      [size, byNumber] as const,
    ])) {
      const input = inputOf(place, {
        query: query(limit),
        pageSize: 3,
        statePersistence: { ...timestamp, order: "ascending" },
      });
      expect(await ids(input)).toEqual(numbers(1, 20));
      const events = stream(input);
      await events.run();
      await events.run();
      expect(events.ids()).toEqual(numbers(1, 20));
    }
    const small = (query: (limit: number) => string) =>
      ids(inputOf(place, { query: query(2), statePersistence: timestamp }));
    expect(await small(byLimit)).toEqual(numbers(1, 20));
    await expect(small(byNumber)).rejects.toMatchObject({
      code: "PAGE_REPEATED",
      hint: expect.stringContaining("above 2"),
    });
  });
});

test.each(places.filter(([database]) => database !== "mysql"))(
  "P6: a limit by numbers whose size is not known is no failure in quiet runs, and one where it stands still: %s",
  async (database, createPlace) => {
    const place = await createPlace();
    await minutes(place, 4, momentTypes[database]);
    const reading = (limit: number) =>
      stream(
        inputOf(place, {
          query: `SELECT id, updated_at FROM (SELECT id, updated_at, row_number() OVER (ORDER BY updated_at, id) AS n FROM events WHERE updated_at > $1) x WHERE x.n <= (SELECT ${limit}) ORDER BY updated_at, id`,
          statePersistence: {
            timestamp: { field: "updated_at", queryFormat: "iso8601" },
            order: "ascending",
          },
        }),
      );
    const [wide, narrow] = [reading(50), reading(3)];
    for (const events of [wide, narrow]) {
      await events.run();
      await events.run();
      expect(events.ids()).toEqual([1, 2, 3, 4]);
    }
    // Five rows share the highest time, and then one more comes.
    for (const id of [5, 6, 7, 8]) {
      await place.beside.execute(`INSERT INTO events SELECT ${id}, updated_at FROM events WHERE id = 4`);
    }
    await place.beside.execute(
      "INSERT INTO events SELECT 9, '2024-01-01T00:09:00Z' FROM events WHERE id = 4",
    );
    await wide.run();
    expect(wide.ids().toSorted((a, b) => Number(a) - Number(b))).toEqual(numbers(1, 9));
    await expect(narrow.run()).rejects.toMatchObject({ code: "PAGE_REPEATED" });
    expect(narrow.ids()).not.toContain(9);
  },
);

test("an unguarded bound of a type without a lowest value is refused, saying how to guard it", async () => {
  const place = await postgresPlace();
  await place.beside.execute("CREATE TABLE events (id inet)");
  const input = inputOf(place, {
    query: "SELECT * FROM events WHERE id > $1",
    statePersistence: { id: { field: "id", type: "text" } },
  });
  await expect(ids(input)).rejects.toMatchObject({
    code: "CONFIG_INCOHERENT",
    hint: expect.stringContaining("COALESCE"),
  });
});
