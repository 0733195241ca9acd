import { expect, test } from "vitest";
import {
  ids,
  inputOf,
  postgresPlace,
  read,
  sqlitePlace,
  stream,
} from "../../../test/support/database-input.ts";

test("in SQLite, text timestamps of unusual forms are read from the day before, which is reported for a query", async () => {
  const place = await sqlitePlace();
  await place.beside.execute(
    "CREATE TABLE events (id INTEGER PRIMARY KEY, updated_at DATETIME DEFAULT CURRENT_TIMESTAMP)",
  );
  await place.beside.execute(
    "INSERT INTO events VALUES (1, '2024-01-01 10:00:00'), (2, '2024-01-03 09:00:00'), (3, '2024-01-03T08:00:00.5Z'), (4, '2024-01-03 10:00:00'), (5, '2024-01-02T23:30:00-05:00')",
  );
  const input = inputOf(place, { table: "events", cursor: "updated_at" });
  const first = await read(input);
  expect(first).toMatchObject({ warnings: [] });
  expect(first.pages.flat()).toHaveLength(5);
  const second = await read(input, "2024-01-03T04:00:00Z");
  expect(second.pages.flat().map(({ id }) => id)).toEqual([5, 2, 4, 3]);
  expect(second.warnings).toEqual([]);
  const query = "SELECT * FROM events WHERE updated_at >= $1 ORDER BY updated_at";
  const byQuery = inputOf(place, { query, statePersistence: { timestamp: { field: "updated_at" } } });
  expect((await read(byQuery, "2024-01-03T04:00:00Z")).warnings).toEqual(["BOUND_WIDE"]);
  const declared = inputOf(place, {
    table: "events",
    statePersistence: { timestamp: { field: "updated_at", queryFormat: "yyyy-MM-dd HH:mm:ss" } },
  });
  expect((await read(declared, "2024-01-03T09:00:00Z")).pages.flat().map(({ id }) => id)).toEqual([2, 4, 3]);
});

test("in SQLite, a first run finds the rows whatever their cursor is stored as", async () => {
  const place = await sqlitePlace();
  await place.beside.execute("CREATE TABLE events (id, at)");
  await place.beside.execute("INSERT INTO events VALUES (1, 1700000000000), (2, 1700000001500)");
  const epoch = { timestamp: { field: "at", format: "epoch_ms" } };
  const query = "SELECT * FROM events WHERE at > $1 ORDER BY at";
  expect(await ids(inputOf(place, { query, statePersistence: epoch }))).toEqual([1, 2]);
  expect(await ids(inputOf(place, { query, statePersistence: epoch }), "2023-11-14T22:13:21.5Z")).toEqual([
    2,
  ]);
  // Declared wrongly, it is an error and not an empty success.
  const wrong = stream(inputOf(place, { query, statePersistence: { timestamp: { field: "at" } } }));
  await expect(wrong.run()).rejects.toMatchObject({ code: "CURSOR_INVALID" });
});

test("in PostgreSQL, timestamps without a zone are compared in the zone that is declared", async () => {
  const place = await postgresPlace();
  await place.beside.execute("CREATE TABLE events (id int, updated_at timestamp, day date)");
  await place.beside.execute(
    "INSERT INTO events VALUES (1, '2024-06-30 23:59:59', '2024-06-30'), (2, '2024-07-01 00:00:00.000001', '2024-07-01'), (3, '2024-07-01 08:00', '2024-07-02')",
  );
  const paris = inputOf(place, {
    table: "events",
    key: "id",
    statePersistence: { timestamp: { field: "updated_at", timezone: "Europe/Paris" } },
  });
  expect(await ids(paris, "2024-06-30T22:00:00.000001Z")).toEqual([2, 3]);
  const events = stream(paris);
  await events.run();
  await place.beside.execute("INSERT INTO events VALUES (4, '2024-07-01 08:00', NULL)");
  await events.run();
  expect(events.ids()).toEqual([1, 2, 3, 4]);
  const days = inputOf(place, {
    query: "SELECT * FROM events WHERE day > $1 ORDER BY day",
    statePersistence: { timestamp: { field: "day" } },
  });
  expect(await ids(days, "2024-07-01T00:00:00Z")).toEqual([2, 3]);
});

test("in PostgreSQL, the summer hour that comes twice loses nothing", async () => {
  const place = await postgresPlace();
  await place.beside.execute("CREATE TABLE events (id int, updated_at timestamp)");
  await place.beside.execute(
    "INSERT INTO events VALUES (1, '2024-10-27 01:59'), (2, '2024-10-27 02:30'), (3, '2024-10-27 02:45')",
  );
  const events = stream(
    inputOf(place, {
      table: "events",
      key: "id",
      statePersistence: { timestamp: { field: "updated_at", timezone: "Europe/Paris" } },
    }),
  );
  await events.run();
  await place.beside.execute(
    "INSERT INTO events VALUES (4, '2024-10-27 02:45'), (5, '2024-10-27 02:50'), (6, '2024-10-27 03:00')",
  );
  await events.run();
  expect(events.ids()).toEqual([1, 2, 3, 4, 5, 6]);
});

test.each([
  ["yyyy-MM-dd'T'HH:mm:ssXXX", "-05:00", undefined, ["CURSOR_ORDER_DIFFERS"]],
  ["yyyy-MM-dd'T'HH:mm:ssXXX", "-05:00", "America/Bogota", []],
  ["yyyy-MM-dd'T'HH:mm:ssXXX", "+02:00", undefined, []],
  ["yyyy-MM-dd'T'HH:mm:ssXXX", "Z", undefined, []],
  ["yyyy-MM-dd'T'HH:mm:ss", "-05:00", undefined, ["CURSOR_ORDER_DIFFERS"]],
  ["yyyy-MM-dd'T'HH:mm:ss", "", undefined, []],
  ["yyyy-MM-dd'T'HH:mm:ss", "-04:00", "America/Santiago", []],
  [undefined, "-05:00", undefined, []],
] as const)(
  "rows of text whose offset is behind that of the bound are told of: queryFormat %s, %s, timezone %s",
  async (queryFormat, offset, timezone, warnings) => {
    const place = await sqlitePlace();
    await place.beside.execute("CREATE TABLE events (id INTEGER PRIMARY KEY, updated_at TEXT)");
    await place.beside.execute(`INSERT INTO events VALUES (1, '2026-01-01T10:00:05${offset}')`);
    const timestamp = {
      field: "updated_at",
      ...(queryFormat === undefined ? {} : { queryFormat }),
      ...(timezone === undefined ? {} : { timezone }),
    };
    const input = inputOf(place, { table: "events", key: "id", statePersistence: { timestamp } });
    expect((await read(input)).warnings).toEqual(warnings);
  },
);
