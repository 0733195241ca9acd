import { describe, expect, onTestFinished, test } from "vitest";
import {
  ids,
  inputOf,
  minutes,
  momentTypes,
  places,
  postgresPlace,
  read,
  sqlitePlace,
  stream,
} from "../../../test/support/database-input.ts";
import { systemClock } from "../../clock.ts";
import { stringifyJson } from "../../model/json.ts";

describe.each(places)("%s", (database, createPlace) => {
  const timestampType = momentTypes[database];
  const timestamp = { timestamp: { field: "updated_at", queryFormat: "iso8601" } };

  test("a table is read in ascending order, page by page, every digit kept", async () => {
    const place = await createPlace();
    await place.beside.execute(
      `CREATE TABLE events (id BIGINT, updated_at ${timestampType}, n ${database === "postgres" ? "numeric" : "TEXT"})`,
    );
    await place.run(
      `INSERT INTO events VALUES (9007199254740993, '2024-01-01T00:00:03.000001Z', '0.12345678901234567890'), (2, '2024-01-01T00:00:01Z', '2'), (3, '2024-01-01T00:00:02Z', '3')`,
    );
    const input = inputOf(place, { table: "events", cursor: "updated_at", key: "id", pageSize: 2 });
    expect(input.incremental).toMatchObject({ order: "ascending", cursors: [{ bound: "inclusive" }] });
    const { pages } = await read(input);
    expect(pages.map((page) => page.length)).toEqual([2, 1]);
    const text = stringifyJson(pages[1]?.[0]).replaceAll('"0.1234', "0.1234").replaceAll('7890"', "7890");
    expect(text).toBe(
      '{"id":9007199254740993,"updated_at":"2024-01-01T00:00:03.000001Z","n":0.12345678901234567890}',
    );
  });

  test("a table's rows from the bound on are read, with columns and a condition", async () => {
    const place = await createPlace();
    await minutes(place, 9, timestampType);
    const input = inputOf(place, {
      table: "events",
      columns: ["id", "updated_at"],
      where: "id <> 7 -- not that one",
      statePersistence: timestamp,
    });
    expect(await ids(input, "2024-01-01T00:05:00.5Z")).toEqual([5, 6, 8, 9]);
    expect(await ids(input)).toEqual([1, 2, 3, 4, 5, 6, 8, 9]);
  });

  test("a numeric cursor past 2^53 is bound with every digit", async () => {
    const place = await createPlace();
    await place.beside.execute("CREATE TABLE events (id BIGINT)");
    await place.run("INSERT INTO events VALUES (9007199254740992), (9007199254740993), (9007199254740994)");
    const byTable = inputOf(place, { table: "events", statePersistence: { id: { field: "id" } } });
    expect((await ids(byTable, "9007199254740993")).map(String)).toEqual([
      "9007199254740993",
      "9007199254740994",
    ]);
    const byQuery = inputOf(place, {
      query: "SELECT id FROM events WHERE id > $1 ORDER BY id",
      statePersistence: { id: { field: "id" } },
    });
    expect((await ids(byQuery, "9007199254740993")).map(String)).toEqual([
      "9007199254740993",
      "9007199254740994",
    ]);
  });

  test("rows without a cursor: the first of them fails the run, or all come once, or none", async () => {
    const place = await createPlace();
    await minutes(place, 3, timestampType);
    await place.run("INSERT INTO events VALUES (8, NULL), (9, NULL)");
    const config = (onNullCursor: string) =>
      inputOf(place, { table: "events", key: "id", statePersistence: { ...timestamp, onNullCursor } });
    await expect(stream(config("fail")).run()).rejects.toMatchObject({
      code: "CURSOR_NULL",
      message: expect.stringContaining('"id":8'),
    });
    const skipping = stream(config("skip"));
    await skipping.run();
    expect(skipping.ids()).toEqual([1, 2, 3]);
    const delivering = stream(config("deliver"));
    await delivering.run();
    await place.run("INSERT INTO events VALUES (10, NULL), (11, '2024-01-01T01:00:00Z')");
    await delivering.run();
    await delivering.run();
    expect(delivering.ids()).toEqual([8, 9, 1, 2, 3, 10, 11]);
  });

  test("text ids are read in the order of their code points", async () => {
    const place = await createPlace();
    const collated = {
      postgres: 'text COLLATE "en-x-icu"',
      sqlite: "TEXT COLLATE NOCASE",
      mysql: "VARCHAR(9) CHARACTER SET latin1 COLLATE latin1_swedish_ci",
    }[database];
    await place.beside.execute(`CREATE TABLE events (id ${collated})`);
    await place.run("INSERT INTO events VALUES ('a'), ('B'), ('é'), ('Z'), ('b')");
    const input = inputOf(place, {
      table: "events",
      key: "id",
      statePersistence: { id: { field: "id", type: "text" } },
    });
    expect(await ids(input)).toEqual(["B", "Z", "a", "b", "é"]);
    expect(await ids(input, "a")).toEqual(["a", "b", "é"]);
  });

  test("`until` sends the window's end as well", async () => {
    const place = await createPlace();
    await minutes(place, 5, timestampType);
    const window = {
      lower: { type: "timestamp_utc", value: "2024-01-01T00:02:00.5Z" },
      upper: { type: "timestamp_utc", value: "2024-01-01T00:04:00.5Z" },
    } as const;
    const statePersistence = { ...timestamp, until: {} };
    const byTable = inputOf(place, { table: "events", statePersistence });
    expect(await ids(byTable, undefined, { window })).toEqual([2, 3, 4]);
    expect(await ids(byTable, undefined, { window: { ...window, lower: null } })).toEqual([1, 2, 3, 4]);
    const byQuery = inputOf(place, {
      query: "SELECT * FROM events WHERE updated_at >= $1 AND updated_at <= $2 ORDER BY id",
      statePersistence,
    });
    expect(await ids(byQuery, undefined, { window })).toEqual([2, 3, 4]);
  });

  test("what plainly cannot be the cursor is refused before a row is read", async () => {
    const place = await createPlace();
    await place.beside.execute("CREATE TABLE events (id BIGINT, code TEXT)");
    await expect(ids(inputOf(place, { table: "events", cursor: "id" }))).rejects.toMatchObject({
      code: "CONFIG_INCOHERENT",
      hint: expect.stringContaining("epoch_ms"),
    });
    const numeric = { id: { field: "code" } };
    await expect(ids(inputOf(place, { table: "events", statePersistence: numeric }))).rejects.toMatchObject({
      code: "CONFIG_INCOHERENT",
    });
    await expect(ids(inputOf(place, { table: "nowhere", cursor: "id" }))).rejects.toMatchObject({
      code: "QUERY_FAILED",
      message: expect.stringContaining("nowhere"),
    });
    await expect(ids(inputOf(place, { query: "SELECT * FROM nowhere" }))).rejects.toMatchObject({
      code: "QUERY_FAILED",
    });
  });

  test("without a cursor every run reads everything, and an abort ends it", async () => {
    const place = await createPlace();
    await minutes(place, 5, timestampType);
    const input = inputOf(place, { table: "events", key: "id", pageSize: 2 });
    expect(await ids(input)).toEqual([1, 2, 3, 4, 5]);
    const stop = new AbortController();
    stop.abort(new Error("enough"));
    await expect(ids(input, undefined, { signal: stop.signal })).rejects.toThrow("enough");
  });
});

test("`cursor` is short for a timestamp, with all that goes with one", async () => {
  const place = await sqlitePlace();
  const statePersistence = { lookback: "P1D", settle: "PT5M", until: {} };
  const input = inputOf(place, { table: "events", cursor: "updated_at", statePersistence });
  expect(input.incremental).toMatchObject({
    cursors: [{ role: "timestamp", path: ["updated_at"] }],
    lookback: { unit: "time" },
    safetyLag: { unit: "time" },
  });
  expect(() => inputOf(place, { table: "events", statePersistence })).toThrow(/needs an enabled `timestamp`/);
});

test("the source's own clock is reported", async () => {
  const place = await postgresPlace();
  await place.beside.execute("CREATE TABLE events (id int)");
  const session = await inputOf(place, { table: "events" }).open({
    key: { connector: "acme", stream: "events" },
    clock: systemClock,
    signal: new AbortController().signal,
    warn: () => {},
  });
  onTestFinished(() => session.close());
  const before = Date.now();
  const now = await session.now?.();
  expect(now).toBeGreaterThan(before - 5_000);
  expect(now).toBeLessThan(Date.now() + 5_000);
});
