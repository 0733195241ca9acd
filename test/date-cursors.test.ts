import { describe, expect, test } from "vitest";
import { endOfDates, endOfTimes } from "../src/databases/commit-safe/window-ends.ts";
import type { Input, ReadRequest } from "../src/engine/ports.ts";
import { sync } from "../src/engine/run/sync.ts";
import { parsePrecision } from "../src/model/precision.ts";
import { parseCursorFormat } from "../src/model/timestamp.ts";
import { openMemoryState } from "../src/state/storage/memory/memory.ts";
import { MemoryTable, memoryOutput } from "../testing/memory-output.ts";
import { simulatedIncremental } from "../testing/simulated-source.ts";
import { inputOf, mysqlPlace, postgresPlace, stream } from "./support/database-input.ts";
import { mysqlRuns } from "./support/mysql-tests.ts";

const databases = [
  ["postgres", postgresPlace, "current_date - 3", "current_date - 1"],
  ...(mysqlRuns
    ? [["mysql", mysqlPlace, "CURRENT_DATE - INTERVAL 3 DAY", "CURRENT_DATE - INTERVAL 1 DAY"] as const]
    : []),
] as const;

describe.each(databases)("%s: a cursor of type date", (_, createPlace, threeDaysAgo, yesterday) => {
  const configs = [
    ["a table", { table: "sale", cursor: "day" }],
    [
      "a query",
      { query: "SELECT * FROM sale WHERE day >= $1", statePersistence: { timestamp: { field: "day" } } },
    ],
    [
      "a query with an end",
      {
        query: "SELECT * FROM sale WHERE day >= $1 AND day <= $2",
        statePersistence: { timestamp: { field: "day" } },
      },
    ],
  ] as const;

  test.each(configs)(
    "gives the rows of today at once, and those that are added later by later runs (%s)",
    async (__, config) => {
      const place = await createPlace();
      await place.beside.execute("CREATE TABLE sale (id INT PRIMARY KEY, day DATE)");
      await place.beside.execute(
        `INSERT INTO sale VALUES (1, ${threeDaysAgo}), (2, ${yesterday}), (3, CURRENT_DATE)`,
      );
      const { run, ids } = stream(inputOf(place, { ...config, key: "id" }));
      expect(await run()).toMatchObject({ recordsWritten: 3 });
      await place.beside.execute("INSERT INTO sale VALUES (4, CURRENT_DATE)");
      expect(await run()).toMatchObject({ recordsWritten: 1 });
      expect(await run()).toMatchObject({ recordsWritten: 0, warnings: [] });
      expect(ids()).toEqual([1, 2, 3, 4]);
    },
  );
});

test("a window of dates ends with the earliest day that it can be anywhere", () => {
  expect(endOfDates("2026-11-30T05:00:00Z")).toEqual({ upper: "2026-11-29T00:00:00Z", readsPast: true });
  expect(endOfDates("2026-11-30T12:00:00Z")).toEqual({ upper: "2026-11-30T00:00:00Z", readsPast: true });
});

test("a window of local times ends before the hour that comes twice, in either of the two", () => {
  const field = {
    role: "timestamp",
    type: "timestamp_utc",
    path: ["at"],
    format: parseCursorFormat("iso8601", "Europe/Berlin"),
    bound: "inclusive",
    precision: parsePrecision("1us"),
  } as const;
  const before = { upper: "2025-10-25T23:59:59.999999Z", readsPast: true };
  expect(endOfTimes("2025-10-26T00:30:00Z", field)).toEqual(before);
  expect(endOfTimes("2025-10-26T01:30:00Z", field)).toEqual(before);
  expect(endOfTimes("2025-10-26T02:00:00Z", field)).toEqual({
    upper: "2025-10-26T01:59:59.999999Z",
    readsPast: false,
  });
});

test("records past the window's end are reported where they are too many to be known again", async () => {
  const rows = [1, 2, 3, 4].map((id) => ({ id, updated_at: "2026-01-02T00:00:00Z" }));
  const incremental = simulatedIncremental({ order: "ascending", key: [["id"]], maxTieSetSize: 2 });
  let upper = "2026-01-01T00:00:00Z";
  const input: Input = {
    kind: "days",
    incremental,
    open: async () => ({
      async *read(_: ReadRequest) {
        yield { records: rows, next: null };
      },
      safeUpper: async () => ({ type: "timestamp_utc", value: upper }) as const,
      readsPast: () => true,
      close: async () => {},
    }),
  };
  const table = new MemoryTable();
  const pipeline = {
    name: "days",
    key: { connector: "acme", stream: "days" },
    onConcurrentRun: "skip",
    leaseSeconds: 60,
    input,
    filters: [],
    output: memoryOutput(table, { appends: true }),
  } as const;
  const state = openMemoryState();
  for (const written of [2, 0]) {
    expect(await sync(pipeline, { state })).toMatchObject({
      recordsWritten: written,
      warnings: [{ code: "RECORDS_HELD_BACK", message: expect.stringContaining(upper) }],
    });
  }
  upper = "2026-01-03T00:00:00Z";
  expect(await sync(pipeline, { state })).toMatchObject({ recordsWritten: 2 });
  expect(table.rows.map(({ id }) => id)).toEqual([1, 2, 3, 4]);
});
