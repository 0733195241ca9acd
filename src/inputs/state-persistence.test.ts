import { describe, expect, test } from "vitest";
import { z } from "zod";
import { keySchema } from "./path-schema.ts";
import {
  incrementalOf,
  parameterStatePersistenceSchema,
  placeStatePersistenceSchema,
} from "./state-persistence.ts";

const parse = (keys: unknown) => parameterStatePersistenceSchema.parse(keys);

/** `path: message` of every mistake. */
function mistakes(keys: unknown): string[] {
  const { error } = parameterStatePersistenceSchema.safeParse(keys);
  return (error?.issues ?? []).map(({ path, message }) => `${path.join(".")}: ${message}`);
}

const timestamp = { field: "event.timestamp", queryParam: "updated_after" };
const id = { field: "event.id", queryParam: "after_id" };

test("the keys of the reference's pipelines are taken as they stand", () => {
  const http = parse({
    timestamp: { enabled: true, ...timestamp },
    id: { enabled: true, ...id },
    storagePath: "./.cannectors-state",
  });
  expect(http.storagePath).toBe("./.cannectors-state");
  expect(incrementalOf(http, "event.id", "1ms")).toEqual({
    cursors: [
      {
        role: "timestamp",
        type: "timestamp_utc",
        path: ["event", "timestamp"],
        format: { kind: "iso8601", timezone: "UTC" },
        bound: "exclusive",
        precision: { unit: "time", nanoseconds: 1_000_000n },
      },
      {
        role: "id",
        type: "numeric_id",
        path: ["event", "id"],
        format: { kind: "iso8601", timezone: "UTC" },
        bound: "exclusive",
        precision: { unit: "number", amount: "1" },
      },
    ],
    order: "unordered",
    pagesPerCheckpoint: 1,
    resume: "token",
    key: [["event", "id"]],
    onNullCursor: "fail",
    lookback: null,
    safetyLag: null,
    maxTieSetSize: 10_000,
    dedupe: null,
    start: null,
    slices: null,
  });
  const database = placeStatePersistenceSchema.parse({ timestamp: { enabled: true, field: "updated_at" } });
  expect(incrementalOf(database, undefined, "1us").cursors[0]?.precision).toEqual({
    unit: "time",
    nanoseconds: 1000n,
  });
});

test("without any cursor every run reads everything", () => {
  expect(incrementalOf(parse({}), undefined, "1ms")).toMatchObject({ cursors: [], key: null });
  const disabled = parse({
    timestamp: { ...timestamp, enabled: false },
    offset: { enabled: false, queryParam: "o" },
  });
  expect(incrementalOf(disabled, undefined, "1ms").cursors).toEqual([]);
});

test("the first enabled of timestamp, id and offset leads, in whatever order they are declared", () => {
  const all = parse({ offset: { queryParam: "o" }, id, timestamp });
  expect(incrementalOf(all, undefined, "1ms").cursors.map(({ role }) => role)).toEqual([
    "timestamp",
    "id",
    "offset",
  ]);
  const two = parse({ offset: { queryParam: "o" }, id, timestamp: { ...timestamp, enabled: false } });
  expect(incrementalOf(two, undefined, "1ms").cursors.map(({ role }) => role)).toEqual(["id", "offset"]);
});

test.each([
  ["iso8601", 1_000_000n],
  ["epoch_s", 1_000_000_000n],
  ["epoch_ms", 1_000_000n],
  ["epoch_us", 1000n],
  ["epoch_ns", 1n],
  ["dd.MM.yyyy HH:mm", 1_000_000_000n],
])("a timestamp in %s has the precision of its format", (format, nanoseconds) => {
  const { cursors } = incrementalOf(parse({ timestamp: { ...timestamp, format } }), undefined, "1ms");
  expect(cursors[0]?.precision).toEqual({ unit: "time", nanoseconds });
});

test("declared precisions, text ids and lengths are taken over", () => {
  const incremental = incrementalOf(
    parse({
      id: { ...id, type: "text" },
      timestamp: { ...timestamp, granularity: "1us" },
      lookback: "PT1H",
      settle: "30s",
    }),
    ["a", "b.c"],
    "1ms",
  );
  expect(incremental.cursors.map(({ type }) => type)).toEqual(["timestamp_utc", "text"]);
  expect(incremental.cursors[0]?.precision).toEqual({ unit: "time", nanoseconds: 1000n });
  expect(incremental.lookback).toEqual({ unit: "time", nanoseconds: 3_600_000_000_000n });
  expect(incremental.safetyLag).toEqual({ unit: "time", nanoseconds: 30_000_000_000n });
  expect(incremental.key).toEqual([["a"], ["b", "c"]]);
  expect(incrementalOf(parse({ timestamp, lookback: "PT0S" }), undefined, "1ms").lookback).toBeNull();
});

describe("errors are found before anything runs", () => {
  test.each<[unknown, string]>([
    [{ timestamp: { ...timestamp, feild: "x" } }, 'timestamp: Unrecognized key: "feild"'],
    [{ timestamp, slice: {} }, ': Unrecognized key: "slice"'],
    [{ timestamp, until: { queryParam: "u", bound: "strict" } }, "until.bound: Invalid option"],
    [{ timestamp: { field: "a" } }, "timestamp.queryParam: Invalid input"],
    [{ timestamp: { queryParam: "a" } }, "timestamp.field: Invalid input"],
    [
      { timestamp: { ...timestamp, field: "a..b" } },
      "timestamp.field: a path is names joined by single dots",
    ],
    [{ timestamp: { ...timestamp, format: "YYYY" } }, "timestamp.format: The date pattern"],
    [
      { timestamp: { ...timestamp, timezone: "Mars/Base" } },
      'timestamp.timezone: "Mars/Base" is not a time zone',
    ],
    [{ timestamp: { ...timestamp, granularity: "1" } }, "timestamp.granularity: The precision 1 is a number"],
    [
      { timestamp: { ...timestamp, granularity: "0s" } },
      "timestamp.granularity: a precision is more than nothing",
    ],
    [{ id: { ...id, granularity: "1s" } }, "id.granularity: The precision 1s is a length of time"],
    [{ timestamp, dedupe: "window" }, "dedupe: goes with `lookback`"],
    [{ timestamp, lookback: "P1M" }, 'lookback: "P1M" is not a precision'],
    [{ timestamp, lookback: "5" }, "lookback: needs a length of time"],
    [{ id, lookback: "PT5M" }, "lookback: needs a plain number"],
    [{ id: { ...id, type: "text" }, lookback: "PT5M" }, "lookback: needs an enabled `timestamp`, or"],
    [{ offset: { queryParam: "o" }, lookback: "5" }, "lookback: needs an enabled `timestamp`, or"],
    [{ lookback: "PT5M" }, "lookback: needs an enabled `timestamp`, or"],
    [{ id, settle: "PT5M" }, "settle: needs an enabled `timestamp`"],
    [{ timestamp, settle: "5" }, "settle: needs an enabled `timestamp`"],
    [{ offset: { queryParam: "o" }, until: { queryParam: "u" } }, "until: needs an enabled"],
    [{ pagesPerCheckpoint: 0 }, "pagesPerCheckpoint: Too small"],
  ])("%j", (keys, expected) => {
    const found = mistakes(keys);
    expect(found).toHaveLength(1);
    expect(found[0]).toContain(expected);
  });

  test("a key is a path or a list of them", () => {
    expect(keySchema.safeParse([]).success).toBe(false);
    expect(keySchema.safeParse(".a").success).toBe(false);
    expect(keySchema.parse(["a", "b.c"])).toEqual(["a", "b.c"]);
  });
});

test("every key has a description in the JSON Schema", () => {
  const schema = z.toJSONSchema(parameterStatePersistenceSchema, { io: "input" });
  const bare: string[] = [];
  const walk = (node: unknown, path: string): void => {
    if (typeof node !== "object" || node === null || !("properties" in node)) return;
    for (const [name, child] of Object.entries(node.properties ?? {})) {
      if (typeof child !== "object" || child === null || !("description" in child))
        bare.push(`${path}.${name}`);
      walk(child, `${path}.${name}`);
    }
  };
  walk(schema, "");
  expect(bare).toEqual([]);
});
