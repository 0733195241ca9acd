import { describe, expect, test } from "vitest";
import { incrementalOf, parameterStatePersistenceSchema } from "./state-persistence.ts";

const timestamp = { field: "at", queryParam: "since" };
const id = { field: "id", queryParam: "after" };
const until = { queryParam: "until" };

/** `path: message` of every mistake. */
function mistakes(keys: unknown): string[] {
  const { error } = parameterStatePersistenceSchema.safeParse(keys);
  return (error?.issues ?? []).map(({ path, message }) => `${path.join(".")}: ${message}`);
}

function incremental(keys: unknown) {
  return incrementalOf(parameterStatePersistenceSchema.parse(keys), "id", "1ms");
}

describe("slices", () => {
  test("are read as the engine takes them", () => {
    const daily = incremental({ timestamp, until, slices: { step: "P1D" } });
    expect(daily.slices).toEqual({
      step: { unit: "time", nanoseconds: 86_400_000_000_000n },
      clamp: null,
      concurrency: 1,
    });
    const monthly = incremental({
      timestamp,
      until,
      slices: { step: "P1M", clamp: "month", concurrency: 8 },
    });
    expect(monthly.slices).toEqual({ step: { unit: "months", months: 1 }, clamp: "month", concurrency: 8 });
    for (const step of [1000, "1000"]) {
      expect(incremental({ id, until, slices: { step } }).slices).toMatchObject({
        step: { unit: "number", amount: "1000" },
      });
    }
  });

  test("a further offset pages within each of them", () => {
    expect(mistakes({ timestamp, offset: { queryParam: "o" }, until, slices: { step: "P1D" } })).toEqual([]);
  });

  const daily = { step: "P1D" };
  test.each<[object, string]>([
    [{ timestamp, slices: daily }, "slices: needs `until`"],
    [{ offset: { queryParam: "o" }, slices: daily, until: undefined }, "slices: needs `until`"],
    [
      { id: { ...id, type: "text" }, until, slices: daily },
      "slices: needs an enabled `timestamp`, or a numeric",
    ],
    [{ timestamp, until, slices: {} }, "slices.step: "],
    [{ timestamp, until, slices: { step: "soon" } }, 'slices.step: "soon" is not a precision'],
    [{ timestamp, until, slices: { step: "P0D" } }, 'slices.step: "P0D" is no step'],
    [{ timestamp, until, slices: { step: "100" } }, "slices.step: needs a length of time"],
    [{ id, until, slices: daily }, "slices.step: needs a plain number"],
    [{ id, until, slices: { step: "P1M" } }, "slices.step: needs a plain number"],
    [{ id, until, slices: { step: 100, clamp: "day" } }, "slices.clamp: only goes with a `timestamp`"],
    [{ timestamp, until, slices: { ...daily, clamp: "year" } }, "slices.clamp: "],
    [{ timestamp, until, slices: { ...daily, concurrency: 0 } }, "slices.concurrency: "],
    [{ timestamp, until, slices: { ...daily, concurency: 2 } }, 'slices: Unrecognized key: "concurency"'],
    [{ timestamp, until, slices: daily, onNullCursor: "deliver" }, "onNullCursor: cannot be `deliver`"],
    [{ timestamp, id, until, slices: daily }, "id: cannot go along"],
    [
      { timestamp: { ...timestamp, queryFormat: "yyyy-MM-dd" }, until, slices: { step: "PT6H" } },
      "slices.step: is finer than `queryFormat: yyyy-MM-dd` can say; the least is `1d`",
    ],
    [
      { timestamp: { ...timestamp, queryFormat: "epoch_s", granularity: "1ms" }, until, slices: daily },
      "timestamp.granularity: is finer than `queryFormat: epoch_s` can say, so slices would never meet; write `1s`",
    ],
    [
      { timestamp: { ...timestamp, format: "epoch_ms", granularity: "1us" }, until, slices: daily },
      "timestamp.granularity: is finer than `format: epoch_ms` can say, so slices would never meet; write `1ms`",
    ],
    [
      {
        timestamp: { ...timestamp, granularity: "1s" },
        until: { ...until, format: "yyyy-MM-dd HH:mm" },
        slices: daily,
      },
      "timestamp.granularity: is finer than `until.format: yyyy-MM-dd HH:mm` can say, so slices would never meet; write `1m`",
    ],
  ])("%j", (keys, expected) => {
    const found = mistakes(keys);
    expect(found.length).toBeGreaterThan(0);
    expect(found[0]).toContain(expected);
  });

  test("a granularity as fine as the formats is taken, and without slices any is", () => {
    const fine = { ...timestamp, format: "dd.MM.yyyy HH:mm:ss.SSS", granularity: "1ms" };
    expect(mistakes({ timestamp: fine, until, slices: daily })).toEqual([]);
    expect(mistakes({ timestamp: { ...timestamp, queryFormat: "epoch_s", granularity: "1ms" } })).toEqual([]);
  });
});

describe("start", () => {
  test.each<[object, unknown]>([
    [{ timestamp, start: "2026-01-31T01:00:00+01:00" }, { at: "2026-01-31T00:00:00Z" }],
    [{ timestamp, start: "2026-01-31" }, { at: "2026-01-31T00:00:00Z" }],
    [
      { timestamp: { ...timestamp, timezone: "Europe/Berlin" }, start: "2026-01-31" },
      { at: "2026-01-30T23:00:00Z" },
    ],
    [{ timestamp, start: "P30D" }, { before: { unit: "time", nanoseconds: 2_592_000_000_000_000n } }],
    [
      { timestamp: { ...timestamp, format: "epoch_s" }, start: 1_767_225_600 },
      { at: "2026-01-01T00:00:00Z" },
    ],
    [{ timestamp: { ...timestamp, format: "epoch_s" }, start: "2026-01-01" }, { at: "2026-01-01T00:00:00Z" }],
    [
      { timestamp: { ...timestamp, format: "dd.MM.yyyy" }, start: "31.01.2026" },
      { at: "2026-01-31T00:00:00Z" },
    ],
    [{ id, start: "9007199254740993" }, { at: "9007199254740993" }],
    [{ id: { ...id, type: "text" }, start: "P1" }, { at: "P1" }],
    [{ offset: { queryParam: "o" }, start: 500 }, { at: "500" }],
    [{ timestamp }, null],
  ])("%j", (keys, expected) => {
    expect(incremental(keys).start).toEqual(expected);
  });

  test.each<[object, string]>([
    [{ start: "P30D" }, "start: needs an enabled `timestamp`, `id` or `offset`"],
    [{ timestamp, start: "yesterday" }, "start: "],
    [{ timestamp, start: "P1M" }, "months and years have no fixed length"],
    [{ timestamp: { ...timestamp, format: "dd.MM.yyyy" }, start: "soon" }, "dd.MM.yyyy"],
    [{ id, start: "P30D" }, "start: "],
    [{ offset: { queryParam: "o" }, start: -1 }, "start: "],
  ])("%j is refused", (keys, expected) => {
    const found = mistakes(keys);
    expect(found).toHaveLength(1);
    expect(found[0]).toContain(expected);
  });
});
