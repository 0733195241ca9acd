import { expect, test } from "vitest";
import { at, Bench, key } from "../../../test/support/engine-bench.ts";
import { identityOf } from "../../model/identity.ts";
import type { SourceRecord } from "../../model/record.ts";
import { parseSliceStep } from "../../model/slices.ts";
import { TieSet } from "../tracking/tie-set.ts";

const open = (id: number, second: number | null, status: string): SourceRecord => ({
  id,
  updated_at: second === null ? null : at(second),
  status,
});

/** What the output holds of record 1 after each run, while its content changes and its cursor does not. */
async function over(contents: readonly string[], bench: Bench, second: number | null = 5) {
  const held: unknown[] = [];
  const written: number[] = [];
  for (const status of contents) {
    bench.source.records = [open(0, 1, "still"), open(1, second, status), open(2, second, "still")];
    const result = await bench.run();
    held.push(bench.table.rows.findLast(({ id }) => id === 1)?.status);
    written.push(result.recordsWritten);
  }
  return { held, written };
}

const contents = ["open", "closed", "open", "open", "closed"];

test.each(["ascending", "unordered"] as const)(
  "P6: an upsert takes a record that returns to a former content under its cursor: %s",
  async (order) => {
    const bench = new Bench({ appends: false, reading: { order: "stored" }, incremental: { order } });
    expect(await over(contents, bench)).toEqual({ held: contents, written: [3, 1, 1, 0, 1] });
    const stored = await bench.state.get(key);
    expect(stored?.position.tieSet.map(({ cursor }) => cursor)).toEqual([at(5), at(5)]);
  },
);

test("P6: so it does with records that have no cursor", async () => {
  const incremental = { order: "unordered", onNullCursor: "deliver" } as const;
  const bench = new Bench({ appends: false, reading: { order: "stored" }, incremental });
  expect((await over(contents, bench, null)).held).toEqual(contents);
});

test("P6: and with records of the future, in slices as well", async () => {
  const slices = { step: parseSliceStep("P1M"), clamp: null, concurrency: 1 };
  for (const incremental of [{}, { slices, start: { at: "2026-01-01T00:00:00Z" } }]) {
    const bench = new Bench({ appends: false, reading: { order: "stored" }, incremental });
    bench.source.records = [];
    const held: unknown[] = [];
    for (const status of contents) {
      bench.source.records = [open(0, 1, "still"), { id: 1, updated_at: "2999-01-01T00:00:00Z", status }];
      await bench.run();
      held.push(bench.table.rows.findLast(({ id }) => id === 1)?.status);
    }
    expect(held).toEqual(contents);
  }
});

test("P6: where an earlier version kept two contents of a record, it is delivered again and one is kept", () => {
  const identity = { key: [["id"]], content: true };
  const kept = ["a", "b"].map((status) => ({
    identity: identityOf(open(1, 5, status), identity),
    cursor: at(5),
    count: 1,
  }));
  const ties = new TieSet({ type: "timestamp_utc", start: kept, identity, most: 10, warn: () => {} });
  expect(ties.takesOnce(open(1, 5, "b"), at(5))).toBe(true);
  expect(ties.takesOnce(open(1, 5, "b"), at(5))).toBe(false);
  expect(ties.from(at(5))).toEqual([kept[1]]);
  expect(ties.within()).toEqual([kept[1]]);
});
