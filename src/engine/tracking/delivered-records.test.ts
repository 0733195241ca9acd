import { expect, test } from "vitest";
import { type DeliveredNames, emptyPosition } from "../../model/position.ts";
import { DeliveredRecords } from "./delivered-records.ts";

const perDay = 400;
const dayOf = (day: number) => `2026-01-${String(day).padStart(2, "0")}T`;
const recordsOf = (day: number) => Array.from({ length: perDay }, (_, at) => ({ id: day * 1000 + at }));
const cursorsOf = (day: number) =>
  Array.from({ length: perDay }, (_, at) => `${dayOf(day)}${new Date(at * 60_000).toISOString().slice(11)}`);

/** For a source that is asked by the day. */
function delivered(seen?: DeliveredNames, watermark: string | null = null): DeliveredRecords {
  return new DeliveredRecords({
    type: "timestamp_utc",
    precision: { unit: "time", nanoseconds: 1_000_000n },
    identity: { key: [["id"]], content: false },
    start: { ...emptyPosition, watermark, ...(seen === undefined ? {} : { seen }) },
    beginning: null,
    most: 10_000,
    reach: (bound) => `${bound.slice(0, 11)}00:00:00.000Z`,
  });
}

function takeDay(known: DeliveredRecords, day: number): void {
  known.raise(cursorsOf(day).at(-1) ?? "");
  known.addAscending(recordsOf(day), cursorsOf(day));
}

test("the position keeps the name of each record that the next request may bring again, once", () => {
  const known = delivered();
  for (const day of [1, 2, 3]) takeDay(known, day);
  expect(known.kept().names.length / 8).toBe(perDay);
  takeDay(known, 3);
  known.add(recordsOf(3)[0] ?? {}, cursorsOf(3)[0] ?? "");
  expect(known.kept().names.length / 8).toBe(perDay);
});

test("what lies below the next request's reach is let go of at each commit, and what came since is kept", () => {
  const known = delivered();
  for (const day of [1, 2, 3, 4]) {
    takeDay(known, day);
    known.kept();
  }
  const again = delivered(known.kept(), cursorsOf(4).at(-1) ?? "");
  const standings = new Set(recordsOf(4).map((record, at) => again.statusOf(record, cursorsOf(4)[at] ?? "")));
  expect([...standings]).toEqual(["delivered"]);
  expect(again.statusOf({ id: 1 }, cursorsOf(4)[0] ?? "")).toBe("new");
  expect(known.kept().names.length / 8).toBe(perDay);
  expect(again.kept().names).toBe(known.kept().names);
});
