import { expect, test } from "vitest";
import { type Difference, mostRecords, RecordComparison } from "./verify-records.ts";
import { axisOf, differs, type Entry, IntervalSums } from "./verify-sums.ts";

const cursor = "2026-01-01T00:00:00Z";
const entries = (count: number): Entry[] =>
  Array.from({ length: count }, (_, index) => ({ key: String(index + 1), cursor }));

/** Compares both sides as a comparison of a source and an upsert does, or of a source and an output that appends. */
function compared(source: readonly Entry[], output: readonly Entry[], { appends = false } = {}) {
  const sums = new IntervalSums(axisOf("timestamp_utc"));
  for (const entry of source) sums.add(entry, "source");
  for (const entry of output) sums.add(entry, "output");
  const found: Difference[] = [];
  const records = new RecordComparison({
    sums,
    type: "timestamp_utc",
    appends,
    found: (difference) => found.push(difference),
  });
  if (records.isLarge) {
    for (const entry of source) records.narrow(entry, "source");
    for (const entry of output) records.narrow(entry, "output");
  }
  for (const entry of source) records.source(entry);
  for (const entry of output) records.output(entry);
  records.finish();
  return { found, unlisted: [...records.unlisted.values()].reduce((sum, count) => sum + count, 0) };
}

test("P13: one record of more than can be held is found, though all share a cursor", () => {
  const source = entries(mostRecords + 10_000);
  const { found, unlisted } = compared(source, source.toSpliced(123_455, 1));
  expect([found, unlisted]).toEqual([[{ kind: "missing", key: "123456", source: cursor, output: null }], 0]);
});

test("P13: what there is no room for is counted", () => {
  const { found, unlisted } = compared(entries(mostRecords + 5_000), []);
  expect([found.length, unlisted]).toEqual([mostRecords, 5_000]);
});

test("P13: intervals widen as the range grows, and lose nothing", () => {
  const source = Array.from({ length: 30_000 }, (_, index) => ({
    key: String(index),
    cursor: String((index * 7919) % 1_000_003),
  }));
  const sums = new IntervalSums(axisOf("numeric_id"));
  for (const entry of source) sums.add(entry, "source");
  for (const entry of source.toReversed()) sums.add(entry, "output");
  expect(sums.cells().length).toBeLessThanOrEqual(4096);
  expect(sums.cells().filter(differs)).toEqual([]);
  const [one = { key: "", cursor: "0" }] = source;
  sums.add({ ...one, key: "another" }, "output");
  expect(sums.cells().filter(differs)).toHaveLength(1);
});

test.each<[string, string, Difference[]]>([
  ["aaab", "aaa", [{ kind: "missing", key: "b", source: cursor, output: null }]],
  ["aaa", "a", Array(2).fill({ kind: "missing", key: "a", source: cursor, output: null })],
  ["aa", "aaaab", [..."aab"].map((key) => ({ kind: "extra", key, source: null, output: cursor }))],
])("of an output that appends, equal records are counted: %s and %s", (source, output, expected) => {
  const entriesOf = (keys: string): Entry[] => [...keys].map((key) => ({ key, cursor }));
  const { found } = compared(entriesOf(source), entriesOf(output), { appends: true });
  expect(found).toEqual(expected);
});
