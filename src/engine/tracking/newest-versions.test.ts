import { describe, expect, test } from "vitest";
import { at, Bench, record } from "../../../test/support/engine-bench.ts";
import type { SourceRecord } from "../../model/record.ts";
import { parseSliceStep } from "../../model/slices.ts";
import type { Filter, Incremental } from "../ports.ts";
import { NewestVersions } from "./newest-versions.ts";

const version = (id: number, second: number, status: string): SourceRecord => ({
  id,
  updated_at: at(second),
  status,
});

const feed = [
  version(1, 9, "shipped"),
  version(2, 8, "new"),
  version(3, 7, "new"),
  version(4, 6, "new"),
  version(1, 1, "created"),
  version(2, 8, "corrected"),
];

function benchOf(setup: ConstructorParameters<typeof Bench>[0] = {}): Bench {
  const incremental: Partial<Incremental> = { order: "unordered", ...setup.incremental };
  const bench = new Bench({
    reading: { order: "stored", paging: "offset" },
    appends: false,
    ...setup,
    incremental,
  });
  bench.source.records = feed;
  return bench;
}

const statusOf = (bench: Bench, id: number): unknown => bench.table.latest().get(id)?.status;

describe("an older version behind a newer one", () => {
  test.each(["unordered", "descending"] as const)("does not take its place: %s", async (order) => {
    const bench = benchOf({ incremental: { order } });
    const result = await bench.run();
    expect([statusOf(bench, 1), result.newCursor, result.recordsWritten]).toEqual(["shipped", at(9), 5]);
    expect(result.warnings).toEqual([]);
  });

  test("nor on one page, in one row after another of it", async () => {
    const bench = benchOf({ reading: { order: "stored", pageSize: 100 } });
    await bench.run();
    expect(statusOf(bench, 1)).toBe("shipped");
  });

  test("of two under the same cursor the last one counts", async () => {
    const bench = benchOf();
    await bench.run();
    expect(statusOf(bench, 2)).toBe("corrected");
  });

  test("in pages that are in order by themselves", async () => {
    const bench = benchOf({ reading: { order: "stored", paging: "offset", pageSize: 2 } });
    bench.source.records = [version(1, 8, "new"), record(2, 9), version(1, 3, "old"), record(3, 9)];
    await bench.run();
    expect(statusOf(bench, 1)).toBe("new");
  });

  test("in an output that appends every version is kept", async () => {
    const bench = benchOf({ appends: true });
    await bench.run();
    expect(bench.table.rows.filter(({ id }) => id === 1)).toHaveLength(2);
  });

  test("in slices that are read side by side", async () => {
    const slices = { step: parseSliceStep("P1M"), clamp: null, concurrency: 2 };
    const bench = benchOf({ incremental: { slices, start: { at: at(0) } } });
    const others = [2, 3, 4, 5, 6, 7].map((id) => record(id, id));
    const newer = { id: 1, updated_at: "2026-02-10T00:00:00Z", status: "shipped" };
    bench.source.records = [newer, ...others, version(1, 9, "created")];
    await bench.run();
    expect(statusOf(bench, 1)).toBe("shipped");
  });
});

describe("behind filters", () => {
  const filterOf = (apply: Filter["apply"]): Filter => ({ kind: "function", apply });

  test.each<[string, Filter["apply"], unknown]>([
    [
      "that leave out the newer version, the older one is written",
      (all) => all.filter(({ status }) => status !== "shipped"),
      "created",
    ],
    [
      "that leave records as they are, the newer one stays",
      (all) => all.filter(({ id }) => id !== 3),
      "shipped",
    ],
    ["that change each record, too", (all) => all.map((one) => ({ ...one, seen: true })), "shipped"],
  ])("%s", async (_, apply, expected) => {
    const bench = benchOf();
    const pipeline = { ...bench.pipeline, filters: [filterOf(apply)] };
    await new Bench({ pipeline }).run();
    expect(statusOf(bench, 1)).toBe(expected);
  });

  test("that drop one record and make two of another, a row keeps the version of its own record", async () => {
    const bench = benchOf();
    bench.source.records = [
      version(1, 5, "new"),
      record(2, 6),
      record(3, 7),
      record(4, 2),
      version(1, 9, "shipped"),
    ];
    const apply: Filter["apply"] = (all, { account }) =>
      all.flatMap((one) => {
        if (one.id === 4) return [];
        const made = one.status === "shipped" ? [{ ...one }, { ...one, id: 100 }] : [{ ...one }];
        account?.made(one, made);
        return made;
      });
    const pipeline = { ...bench.pipeline, filters: [filterOf(apply)] };
    await new Bench({ pipeline }).run();
    expect(statusOf(bench, 1)).toBe("shipped");
  });
});

test("cursors are compared as such, and not as texts", async () => {
  const bench = benchOf();
  const zoned = (text: string, status: string): SourceRecord => ({ id: 1, updated_at: text, status });
  bench.source.records = [
    zoned("2026-01-01T00:00:05.5Z", "newest"),
    zoned("2026-01-01T02:00:05+02:00", "old"),
    zoned("2026-01-01T00:00:05Z", "as old"),
  ];
  await bench.run();
  expect(statusOf(bench, 1)).toBe("newest");
});

test("what lies further apart than is remembered is reported, of a source that gives several versions", () => {
  const told: string[] = [];
  const versions = new NewestVersions({
    type: "timestamp_utc",
    key: [["id"]],
    filters: [],
    most: 2,
    warn: (code) => told.push(code),
  });
  const give = (id: number, second: number): number =>
    versions.ofPage([record(id, second)], [at(second)])({ records: [record(id, second)], origins: null })
      .length;
  expect([give(1, 9), give(2, 8), give(1, 3)]).toEqual([1, 1, 0]);
  expect(told).toEqual([]);
  for (let id = 3; id < 9; id++) give(id, 7);
  expect(give(1, 3)).toBe(1);
  expect(new Set(told)).toEqual(new Set(["VERSIONS_FORGOTTEN"]));
});
