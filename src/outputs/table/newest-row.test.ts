import { describe, expect, test } from "vitest";
import { deliver, type Place, places, rows } from "../../../test/support/database-output.ts";
import type { CursorType } from "../../model/cursor.ts";

/** A cursor type, what the column is declared as, the higher value, and the lower one. */
type Case = readonly [CursorType, "text" | undefined, string | number, string | number];

const pairs: readonly Case[] = [
  ["timestamp_utc", "text", "2026-01-01T00:00:20.5Z", "2026-01-01T00:00:20Z"],
  ["timestamp_utc", "text", "2026-01-01T00:00:20.50Z", "2026-01-01T00:00:20.25Z"],
  ["timestamp_utc", "text", "2026-01-01T00:00:20.5Z", "2026-01-01T00:00:20.499999Z"],
  ["timestamp_utc", "text", "2026-01-01 00:00:21Z", "2026-01-01T00:00:20Z"],
  ["timestamp_utc", "text", "2026-01-01T00:00:20.5", "2026-01-01 00:00:20"],
  ["timestamp_utc", "text", "2026-01-01T00:00:20.5+02:00", "2026-01-01T00:00:20+02:00"],
  ["timestamp_utc", "text", "1767225600000", "999999999999"],
  ["numeric_id", "text", "10", "9"],
  ["numeric_id", "text", "-9", "-10"],
  ["numeric_id", "text", "-10", "-11"],
  ["numeric_id", "text", "-9", "-9.5"],
  ["numeric_id", "text", "1", "-2"],
  ["numeric_id", "text", "10.25", "10.2"],
  ["numeric_id", "text", "100000000000000000000", "99999999999999999999"],
  ["numeric_id", undefined, 10, 9],
  ["text", "text", "b", "B"],
  ["text", "text", "é", "z"],
];

const pipeline = { key: "id", scope: "backfill/1", cursorPath: ["u"] };

async function deliverPair(place: Place, pair: Case, warnings: string[]): Promise<void> {
  const [cursorType, kind, higher, lower] = pair;
  const columns = kind === undefined ? undefined : [{ name: "u", kind }];
  const live = [
    { id: 1, u: higher, v: "live" },
    { id: 2, u: lower, v: "live" },
    { id: 3, u: higher, v: "live" },
  ];
  await deliver(place, live, { key: "id" }, columns);
  const late = [
    { id: 1, u: lower, v: "late" },
    { id: 2, u: higher, v: "late" },
    { id: 3, u: higher, v: "late" },
  ];
  await deliver(place, late, { ...pipeline, cursorType, warnings }, columns);
}

describe.each(places)("%s", (database, createPlace) => {
  test.each(pairs)(
    "P11: a backfill by %s in a column of %s leaves a row with %s be that a record with %s would replace",
    async (...pair) => {
      const warnings: string[] = [];
      const place = await createPlace();
      await deliverPair(place, pair, warnings);
      expect(await rows(place, "SELECT id, v FROM events ORDER BY id")).toEqual([
        { id: 1, v: "live" },
        { id: 2, v: "late" },
        { id: 3, v: "late" },
      ]);
      expect(warnings).toEqual([]);
    },
  );

  test("P11: one time with other digits, or without its zeros, is one time to a backfill", async () => {
    const place = await createPlace();
    const columns = [{ name: "u", kind: "text" as const }];
    const at = "2026-01-01T00:00:20";
    await deliver(
      place,
      [
        { id: 1, u: `${at}.500Z`, v: "live" },
        { id: 2, u: `${at}.0Z`, v: "live" },
      ],
      { key: "id" },
      columns,
    );
    const late = [
      { id: 1, u: `${at}.5Z`, v: "late" },
      { id: 2, u: `${at}Z`, v: "late" },
    ];
    await deliver(place, late, { ...pipeline, cursorType: "timestamp_utc" }, columns);
    expect(await rows(place, "SELECT v FROM events")).toEqual([{ v: "late" }, { v: "late" }]);
  });

  test("P11: rows that hold other texts than the cursor's stop no backfill", async () => {
    const place = await createPlace();
    const columns = [{ name: "u", kind: "text" as const }];
    const odd = ["", "-", ".", "none", "2026-99-99", "1e5", "é", "-.-", "9".repeat(300)];
    for (const cursorType of ["timestamp_utc", "numeric_id", "text"] as const) {
      const stored = odd.map((u, id) => ({ id, u, v: "live" }));
      await deliver(place, stored, { key: "id" }, columns);
      const late = odd.map((_, id) => ({ id, u: odd.at(-1 - id), v: "late" }));
      await deliver(place, late, { ...pipeline, cursorType }, columns);
    }
    expect(await rows(place)).toHaveLength(odd.length);
  });

  test.each([
    ["timestamp_utc", "31.12.2025", "01.01.2026"],
    ["timestamp_utc", "2026-01-01T00:00:20+01:00", "2026-01-01T00:00:20+02:00"],
    ["timestamp_utc", "2026-01-01T00:00:20Z", "1767225620"],
    ["timestamp_utc", "2026-01-01T00:00Z", "2026-01-01T00:00:00Z"],
    ["numeric_id", "1e3", "999"],
  ] as const)("a backfill by %s says that it cannot order %s and %s", async (cursorType, one, other) => {
    const columns = [{ name: "u", kind: "text" as const }];
    for (const [stored, incoming] of [
      [one, other],
      [other, one],
    ]) {
      const place = await createPlace();
      const warnings: string[] = [];
      await deliver(place, [{ id: 1, u: stored, v: "live" }], { key: "id" }, columns);
      const late = [{ id: 1, u: incoming, v: "late" }];
      await deliver(place, late, { ...pipeline, cursorType, warnings }, columns);
      expect(warnings, database).toEqual([
        expect.stringMatching(/^BACKFILL_MAY_OVERWRITE .*column u of the table events/),
      ]);
    }
  });
});
