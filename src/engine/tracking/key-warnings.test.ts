import { expect, test } from "vitest";
import { Bench } from "../../../test/support/engine-bench.ts";
import type { Pipeline } from "../ports.ts";
import { KeyWarnings } from "./key-warnings.ts";

interface Settings {
  readonly key?: readonly string[] | null;
  readonly appends?: boolean;
  readonly upsertKey?: readonly string[];
  readonly filters?: Pipeline["filters"];
}

/** What is said of pages under these settings; a partition each where they are named. */
function told(pages: readonly (readonly object[])[], settings: Settings = {}, partitions: string[] = []) {
  const { key = ["id"], appends = true, upsertKey, filters = [] } = settings;
  const { pipeline } = new Bench({ appends });
  const { input, output } = pipeline;
  const incremental = { ...input.incremental, key: key === null ? null : key.map((name) => [name]) };
  const warnings: string[] = [];
  const doubts = new KeyWarnings(
    {
      ...pipeline,
      filters,
      input: { ...input, incremental },
      output: { ...output, ...(upsertKey === undefined ? {} : { upsertKey }) },
    },
    (code, message) => warnings.push(`${code} ${message}`),
  );
  pages.forEach((page, at) => {
    const records = page.map((record) => ({ ...record }));
    doubts.look({ page: records, fresh: records, written: records, partition: partitions[at] ?? null });
  });
  return warnings;
}

const early = "2026-01-01T00:00:00Z";
const late = "2026-01-02T00:00:00Z";
const upsert = { appends: false, upsertKey: ["number"] };

test("two records of one key and cursor that differ are reported where the output appends, on one page or on two", () => {
  const records = [
    { id: "a", updated_at: early, line: 1 },
    { id: "a", updated_at: early, line: 2 },
  ];
  const warning = expect.stringMatching(/^KEY_NOT_UNIQUE .*\(id\).*"line":1.*"line":2.*Declare a `key`/);
  expect(told([records])).toEqual([warning]);
  expect(told(records.map((record) => [record]))).toEqual([warning]);
  expect(told([records, records])).toHaveLength(1);
});

test("the same record again, another version of it, and the same key in another partition are no warning", () => {
  const record = { id: "a", updated_at: early, line: 1 };
  expect(told([[record, { line: 1, updated_at: early, id: "a" }]])).toEqual([]);
  expect(told([[record, { ...record, updated_at: late, line: 2 }]])).toEqual([]);
  expect(told([[record], [{ ...record, line: 2 }]], {}, ["de", "fr"])).toEqual([]);
  expect(told([[record, { ...record, line: 2 }]], { key: null })).toEqual([]);
});

test("records that the source tells apart and the key of a table does not are reported", () => {
  const records = [
    { repository: "a", number: 1 },
    { repository: "b", number: 1 },
  ];
  const key = ["repository", "number"];
  expect(told([records], { ...upsert, key })).toEqual([
    expect.stringMatching(/^KEY_COARSER .*`input.key`: repository, number.*\(number: 1\)/),
  ]);
  expect(told([records], { ...upsert, key, upsertKey: key })).toEqual([]);
  const parted = [[{ number: 1 }], [{ number: 1 }]];
  expect(told(parted, { ...upsert, key: ["number"] }, ["a", "b"])).toHaveLength(1);
  expect(told(parted, { ...upsert, key: ["number"] })).toEqual([]);
});

test("nothing is said behind a filter that may make several records of one, nor of records without their key", () => {
  const records = [
    { id: 1, number: 1 },
    { id: 2, number: 1 },
  ];
  const filter = (kind: string) =>
    ({ kind, apply: (all: readonly object[]) => all }) as Pipeline["filters"][0];
  expect(told([records], { ...upsert, filters: [filter("mapping")] })).toHaveLength(1);
  expect(told([records], { ...upsert, filters: [filter("script")] })).toEqual([]);
  expect(told([[{ number: 1 }, { number: 1 }]], upsert)).toEqual([]);
});

test("only the first 1,000 records of a run are looked at", () => {
  const many = Array.from({ length: 1000 }, (_, id) => ({ id, updated_at: early }));
  const twice = [
    { id: "a", updated_at: early, line: 1 },
    { id: "a", updated_at: early, line: 2 },
  ];
  expect(told([many, twice])).toEqual([]);
  expect(told([many.slice(1), twice])).toHaveLength(1);
});
