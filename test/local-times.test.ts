import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { CursorField, Input, ReadRequest } from "../src/engine/ports.ts";
import { sync } from "../src/engine/run/sync.ts";
import { parsePrecision } from "../src/model/precision.ts";
import {
  formatLowerBound,
  formatTimestamp,
  millisecondsToTimestamp,
  parseCursorFormat,
} from "../src/model/timestamp.ts";
import { openMemoryState } from "../src/state/storage/memory/memory.ts";
import { MemoryTable, memoryOutput } from "../testing/memory-output.ts";
import { simulatedIncremental } from "../testing/simulated-source.ts";
import {
  inputOf,
  momentTypes,
  mysqlPlace,
  postgresPlace,
  sqlitePlace,
  stream,
} from "./support/database-input.ts";
import { mysqlRuns } from "./support/mysql-tests.ts";

const format = parseCursorFormat("yyyy-MM-dd HH:mm:ss", "Europe/Berlin");
/** The local time as clocks in a zone show it at a moment, in minutes after midnight UTC of a day. */
const wallOf = (day: string, minute: number, zone = "Europe/Berlin"): string =>
  formatTimestamp(
    millisecondsToTimestamp(Date.parse(`${day}T00:00:00Z`) + minute * 60_000),
    parseCursorFormat("yyyy-MM-dd HH:mm:ss", zone),
  );

const field: CursorField = {
  role: "timestamp",
  type: "timestamp_utc",
  path: ["at"],
  format,
  bound: "inclusive",
  precision: parsePrecision("1s"),
};

interface Row {
  readonly id: number;
  readonly at: string;
}

type Reading = { order: "ascending" | "unordered"; sortedBy: "wall" | "written" | "newest" };

/** A source that keeps local times as texts, as columns without a zone and many APIs do. */
function sourceOf(rows: readonly Row[], { order, sortedBy }: Reading): Input {
  const incremental = simulatedIncremental({ cursors: [field], order, key: [["id"]] });
  return {
    kind: "local",
    incremental,
    open: async () => ({
      async *read({ window }: ReadRequest) {
        const from = window.lower === null ? "" : formatLowerBound(window.lower.value, format);
        const found = rows.filter(({ at }) => at >= from);
        if (sortedBy === "wall") found.sort((a, b) => (a.at === b.at ? a.id - b.id : a.at < b.at ? -1 : 1));
        if (sortedBy === "newest") found.reverse();
        for (let first = 0; first < found.length; first += 3) {
          yield { records: found.slice(first, first + 3).map((row) => ({ ...row })), next: null };
        }
      },
      close: async () => {},
    }),
  };
}

const readings: Reading[] = [
  { order: "ascending", sortedBy: "wall" },
  { order: "ascending", sortedBy: "written" },
  { order: "unordered", sortedBy: "written" },
  { order: "unordered", sortedBy: "newest" },
];

describe("P6: local times without an offset lose and repeat nothing", () => {
  const nights = [
    ["when the clocks are put back", "2025-10-26", (minute: number) => wallOf("2025-10-26", minute)],
    // Such a source writes 02:30 in a night that has none.
    [
      "when they are put forward",
      "2025-03-30",
      (minute: number) =>
        wallOf(
          "2025-03-30",
          minute,
          minute >= 60 && minute < 120 && minute % 2 === 0 ? "+01:00" : "Europe/Berlin",
        ),
    ],
  ] as const;

  test.each(nights)("%s", async (_, __, wall) => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...readings),
        fc.uniqueArray(fc.integer({ min: -60, max: 240 }), { minLength: 2, maxLength: 25 }),
        fc.array(fc.nat({ max: 25 }), { maxLength: 6 }),
        async (reading, minutes, runsAt) => {
          const rows: Row[] = [];
          const table = new MemoryTable();
          const state = openMemoryState();
          const pipeline = {
            name: "events",
            key: { connector: "acme", stream: "events" },
            onConcurrentRun: "skip",
            leaseSeconds: 60,
            input: sourceOf(rows, reading),
            filters: [],
            output: memoryOutput(table, { appends: true }),
          } as const;
          const written = minutes.toSorted((a, b) => a - b);
          for (const [at, minute] of written.entries()) {
            rows.push({ id: at, at: wall(minute) });
            if (runsAt.includes(at)) await sync(pipeline, { state });
          }
          await sync(pipeline, { state });
          await sync(pipeline, { state });
          const delivered = table.rows.map(({ id }) => Number(id)).toSorted((a, b) => a - b);
          expect(delivered).toEqual(rows.map(({ id }) => id));
        },
      ),
      { numRuns: 300 },
    );
  });

  test("the watermark rests before the hour that comes twice, and goes on after it without a warning", async () => {
    const rows: Row[] = [{ id: 1, at: "2025-10-26 02:30:00" }];
    const state = openMemoryState();
    const pipeline = {
      name: "events",
      key: { connector: "acme", stream: "events" },
      onConcurrentRun: "skip",
      leaseSeconds: 60,
      input: sourceOf(rows, { order: "ascending", sortedBy: "written" }),
      filters: [],
      output: memoryOutput(new MemoryTable(), { appends: true }),
    } as const;
    expect((await sync(pipeline, { state })).newCursor).toBe("2025-10-25T23:59:59Z");
    rows.push({ id: 2, at: "2025-10-26 02:10:00" });
    expect(await sync(pipeline, { state })).toMatchObject({
      recordsWritten: 1,
      newCursor: "2025-10-25T23:59:59Z",
      warnings: [],
    });
    rows.push({ id: 3, at: "2025-10-26 03:00:00" });
    expect(await sync(pipeline, { state })).toMatchObject({
      recordsWritten: 1,
      newCursor: "2025-10-26T02:00:00Z",
    });
  });
});

const localPlaces = [
  ["sqlite", sqlitePlace, "TEXT"],
  ["postgres", postgresPlace, "timestamp"],
  ...(mysqlRuns ? [["mysql", mysqlPlace, "DATETIME(3)"] as const] : []),
] as const;

test.each(localPlaces)(
  "P6: %s: rows of the second time are delivered, by table and by query",
  async (_, createPlace, type) => {
    const place = await createPlace();
    await place.beside.execute(`CREATE TABLE job (id INT PRIMARY KEY, at ${type})`);
    const timestamp = { field: "at", timezone: "Europe/Berlin", queryFormat: "yyyy-MM-dd HH:mm:ss" };
    const streams = [
      { table: "job", key: "id", statePersistence: { timestamp } },
      {
        query: "SELECT * FROM job WHERE at >= $1 ORDER BY at",
        key: "id",
        statePersistence: { timestamp, order: "ascending" },
      },
      { query: "SELECT * FROM job WHERE at > $1", key: "id", statePersistence: { timestamp } },
      {
        table: "job",
        key: "id",
        statePersistence: { timestamp, start: "2025-10-25T00:00:00Z", slices: { step: "P30D" } },
      },
    ].map((config) => stream(inputOf(place, config)));
    const night = [["02:30", "02:50"], ["02:10", "02:40"], ["03:05"]];
    let id = 0;
    for (const times of night) {
      for (const time of times)
        await place.beside.execute(`INSERT INTO job VALUES (${++id}, '2025-10-26 ${time}:00')`);
      for (const { run } of streams) await run();
    }
    for (const { ids } of streams) expect(ids().toSorted()).toEqual([1, 2, 3, 4, 5]);
  },
);

test("a moment of a zone's own, with an offset, is not held to be unclear", async () => {
  const place = await postgresPlace();
  await place.run(`CREATE TABLE job (id int, at ${momentTypes.postgres})`);
  await place.run("INSERT INTO job VALUES (1, '2025-10-26T00:30:00Z')");
  const { run } = stream(inputOf(place, { table: "job", key: "id", cursor: "at" }));
  expect((await run()).newCursor).toBe("2025-10-26T00:30:00Z");
});
