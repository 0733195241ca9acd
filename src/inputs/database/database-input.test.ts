import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { createTestDatabase } from "../../../test/support/postgres.ts";
import { systemClock } from "../../clock.ts";
import type { Input, Pipeline, ReadRequest } from "../../engine/ports.ts";
import { sync } from "../../engine/sync.ts";
import { stringifyJson } from "../../model/json.ts";
import type { SourceRecord } from "../../model/record.ts";
import { openSql } from "../../sql/open.ts";
import type { SqlConnection } from "../../sql/port.ts";
import { openMemoryState } from "../../state/memory/memory.ts";
import { MemoryTable, memoryOutput } from "../../testing/memory-output.ts";
import { createDatabaseInput } from "./input.ts";
import { databaseInputSchema } from "./schema.ts";

interface Place {
  readonly url: string;
  readonly beside: SqlConnection;
}

async function placeAt(url: string): Promise<Place> {
  const beside = await openSql(url, { role: "output" });
  onTestFinished(() => beside.close());
  return { url, beside };
}

async function sqlitePlace(): Promise<Place> {
  const folder = mkdtempSync(join(tmpdir(), "tidemark-input-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return placeAt(`sqlite:${join(folder, "data.db")}`);
}

async function postgresPlace(): Promise<Place> {
  const database = await createTestDatabase();
  onTestFinished(() => database.drop());
  return placeAt(database.url);
}

const places = [
  ["sqlite", sqlitePlace],
  ["postgres", postgresPlace],
] as const;

function inputOf(place: Place, config: object): Input {
  return createDatabaseInput(
    databaseInputSchema.parse({ type: "database", connectionString: place.url, ...config }),
  );
}

interface Reading {
  readonly pages: SourceRecord[][];
  readonly warnings: string[];
}

/** Reads once, as the engine would from a watermark. */
async function read(
  input: Input,
  lower: string | null = null,
  more: Partial<ReadRequest> = {},
): Promise<Reading> {
  const warnings: string[] = [];
  const session = await input.open({
    key: { connector: "acme", stream: "events" },
    clock: systemClock,
    signal: new AbortController().signal,
    warn: (code) => warnings.push(code),
  });
  try {
    const type = input.incremental.cursors[0]?.type ?? "offset";
    const window = { lower: lower === null ? null : { type, value: lower }, upper: null };
    const request: ReadRequest = {
      window,
      companions: {},
      resume: null,
      since: null,
      signal: new AbortController().signal,
      ...more,
    };
    const pages: SourceRecord[][] = [];
    for await (const { records } of session.read(request)) pages.push([...records]);
    return { pages, warnings };
  } finally {
    await session.close();
  }
}

async function ids(input: Input, lower?: string, more?: Partial<ReadRequest>): Promise<unknown[]> {
  return (await read(input, lower, more)).pages.flat().map(({ id }) => id);
}

/** A stream that is synced again and again into memory. */
function stream(input: Input) {
  const table = new MemoryTable();
  const state = openMemoryState();
  const pipeline: Pipeline = {
    name: "events",
    key: { connector: "acme", stream: "events" },
    onConcurrentRun: "skip",
    leaseSeconds: 60,
    input,
    filters: [],
    output: memoryOutput(table, { appends: true }),
  };
  return {
    run: () => sync(pipeline, { state }),
    ids: () => table.rows.map(({ id }) => id),
  };
}

const numbers = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, at) => from + at);

/** Rows 1 … count, each minute one. */
async function minutes(place: Place, count: number, type: string): Promise<void> {
  await place.beside.execute(`CREATE TABLE events (id BIGINT, updated_at ${type})`);
  const values = numbers(1, count).map(
    (id) => `(${id}, '2024-01-01T00:${String(id).padStart(2, "0")}:00.5Z')`,
  );
  await place.beside.execute(`INSERT INTO events VALUES ${values.join(", ")}`);
}

describe.each(places)("%s", (database, createPlace) => {
  const timestampType = database === "postgres" ? "timestamptz" : "TEXT";
  const timestamp = { timestamp: { field: "updated_at", queryFormat: "iso8601" } };

  test("a table is read in ascending order, page by page, every digit kept", async () => {
    const place = await createPlace();
    await place.beside.execute(
      `CREATE TABLE events (id BIGINT, updated_at ${timestampType}, n ${database === "postgres" ? "numeric" : "TEXT"})`,
    );
    await place.beside.execute(
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
    await place.beside.execute(
      "INSERT INTO events VALUES (9007199254740992), (9007199254740993), (9007199254740994)",
    );
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

  test("P6: a query seen to compare strictly is asked one granule lower, whatever is declared", async () => {
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
    expect(await ids(input, "2024-01-01T00:03:00.5Z", { companions: { id: "3" } })).toEqual([3, 4, 5]);
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
    expect(await ids(input, "2024-01-01T00:04:00.5Z", { companions: { id: "4" } })).toEqual([0, 4, 5]);
  });

  test("an offset goes where the query has it; a LIMIT beside it is the page's size", async () => {
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
    expect(await ids(beside, "2024-01-01T00:04:00.5Z", { companions: { offset: "7" } })).toEqual([4, 5]);
  });

  test("P6: a query with its LIMIT inside is run again until nothing new comes", async () => {
    const place = await createPlace();
    await place.beside.execute(`CREATE TABLE events (id BIGINT, updated_at ${timestampType})`);
    const rows = numbers(1, 20).map(
      (id) => `(${id}, '2024-01-01T00:00:${String(Math.floor(id / 3)).padStart(2, "0")}Z')`,
    );
    await place.beside.execute(`INSERT INTO events VALUES ${rows.join(", ")}`);
    const query = (limit: number) =>
      `WITH page AS (SELECT * FROM events WHERE updated_at > $1 ORDER BY updated_at, id LIMIT ${limit}) SELECT * FROM page ORDER BY updated_at, id`;
    for (const limit of [4, 5, 7, 20, 50]) {
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
    const small = inputOf(place, { query: query(3), statePersistence: timestamp });
    await expect(ids(small)).rejects.toMatchObject({
      code: "PAGE_REPEATED",
      hint: expect.stringContaining("above 3"),
    });
  });

  test("rows without a cursor: the first of them fails the run, or all come once, or none", async () => {
    const place = await createPlace();
    await minutes(place, 3, timestampType);
    await place.beside.execute("INSERT INTO events VALUES (8, NULL), (9, NULL)");
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
    await place.beside.execute("INSERT INTO events VALUES (10, NULL), (11, '2024-01-01T01:00:00Z')");
    await delivering.run();
    await delivering.run();
    expect(delivering.ids()).toEqual([8, 9, 1, 2, 3, 10, 11]);
  });

  test("text ids are read in the order of their code points", async () => {
    const place = await createPlace();
    const collated = database === "postgres" ? 'text COLLATE "en-x-icu"' : "TEXT COLLATE NOCASE";
    await place.beside.execute(`CREATE TABLE events (id ${collated})`);
    await place.beside.execute("INSERT INTO events VALUES ('a'), ('B'), ('é'), ('Z'), ('b')");
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

test("in SQLite, text timestamps of unknown form are read from the day before, and that is told", async () => {
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
  expect(second.warnings).toEqual(["BOUND_WIDE"]);
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

test("the source's own clock is told", async () => {
  const place = await postgresPlace();
  await place.beside.execute("CREATE TABLE events (id int)");
  const session = await inputOf(place, { table: "events" }).open({
    key: { connector: "acme", stream: "events" },
    clock: systemClock,
    signal: new AbortController().signal,
    warn: () => {},
  });
  onTestFinished(() => session.close());
  expect(Math.abs(((await session.now?.()) ?? 0) - Date.now())).toBeLessThan(5_000);
});
