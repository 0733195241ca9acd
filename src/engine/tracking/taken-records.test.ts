import { expect, test } from "vitest";
import { type TakenRecords as Taken, TakenRecords } from "./taken-records.ts";

const identity = { key: [["id"]], content: true };
const record = (id: number, v = 0) => ({ id, v });

function taken(start?: string, most?: number) {
  const warnings: string[] = [];
  const warn = (code: string): void => void warnings.push(code);
  const all = new TakenRecords({ start, identity, warn, ...(most === undefined ? {} : { most }) });
  return { taken: all, warnings };
}

function namesOf(records: Taken, ...ids: number[]): string[] {
  return ids.map((id) => records.nameOf(record(id)));
}

test("what was taken is known by the next run, and a record that has changed is not", () => {
  const first = taken().taken;
  const kept = first.kept(namesOf(first, 1, 2));
  const { fresh, known } = taken(kept).taken.part([record(1), record(2, 1), record(3)]);
  expect(known).toEqual([record(1)]);
  expect(fresh).toEqual([record(2, 1), record(3)]);
});

test("a record counts as often as it was taken: without a key two of the same content are two", () => {
  const first = taken().taken;
  const { fresh, known } = taken(first.kept(namesOf(first, 1))).taken.part([record(1), record(1)]);
  expect([known.length, fresh.length]).toEqual([1, 1]);
});

test("names stay until the position is past them, and those that were met come back with a page that failed", () => {
  const first = taken().taken;
  const second = taken(first.kept(namesOf(first, 1, 2, 3))).taken;
  const { known } = second.part([record(1), record(2)]);
  second.putBack(known);
  expect(second.kept()).toHaveLength(36);
  second.part([record(1), record(2)]);
  const unit = {};
  second.add(unit, namesOf(second, 1, 2));
  expect(second.kept()).toHaveLength(36);
  second.passed(unit);
  expect(second.kept()).toBe(namesOf(second, 3).join(""));
  second.clear();
  expect(second.kept()).toBeUndefined();
});

test("no more names are kept than may be, in the position and in memory, and a run that stops says so", () => {
  const { taken: all, warnings } = taken(undefined, 3);
  const unit = {};
  all.add(unit, namesOf(all, 1, 2));
  all.warnWhereFull(0);
  expect(warnings).toEqual([]);
  all.add(unit, namesOf(all, 3, 4, 5));
  expect(all.kept(namesOf(all, 6))).toBe(namesOf(all, 1, 2, 3).join(""));
  all.warnWhereFull(0);
  expect(warnings).toEqual(["TAKEN_RECORDS_FULL"]);
});
