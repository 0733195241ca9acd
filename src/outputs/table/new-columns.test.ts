import { describe, expect, test } from "vitest";
import {
  commitOf,
  deliver,
  fenced,
  kinds,
  places,
  postgresPlace,
  rows,
} from "../../../test/support/database-output.ts";
import type { ColumnKind } from "../../databases/port.ts";

describe.each(places)("%s, into a table that Tidemark makes", (database, createPlace) => {
  test("truth values, numbers and texts of one field are the same texts, whichever comes first and wherever pages end", async () => {
    for (const values of [
      [true, 5, "x", false],
      [5, true, "x", 0.5],
      [false, 0.5, true, 1],
      [1, true, "007"],
    ]) {
      const alone = await createPlace();
      for (const [id, v] of values.entries()) await deliver(alone, [{ id, v }], { key: "id" });
      const together = await createPlace();
      await deliver(
        together,
        values.map((v, id) => ({ id, v })),
        { key: "id" },
      );
      for (const place of [alone, together]) {
        expect(await rows(place)).toEqual(values.map((v, id) => ({ id, v: String(v) })));
        expect((await kinds(place)).v).toBe("text");
      }
    }
  });

  test("truth values among the numbers of a source that has numbers for them are 1 and 0", async () => {
    const hints = (kind: ColumnKind) => [{ name: "v", kind }];
    const place = await createPlace();
    const session = await fenced(place, { key: "id" });
    for (const [id, v] of [true, 2, false].entries())
      await session.write({ records: [{ id, v }], columns: hints("boolean") });
    await session.commit(commitOf());
    expect(await rows(place)).toEqual([1, 2, 0].map((v, id) => ({ id, v })));
    expect((await kinds(place)).v).toBe("integer");
    const made = await createPlace();
    await deliver(made, [{ id: 0, v: true }], { key: "id" });
    const later = await fenced(made, { key: "id" });
    await later.write({ records: [{ id: 1, v: 0 }], columns: hints("integer") });
    await later.write({ records: [{ id: 2, v: 3 }], columns: hints("integer") });
    await later.commit(commitOf());
    expect(await rows(made)).toEqual([1, 0, 3].map((v, id) => ({ id, v })));
  });

  test("truth values that wait outside memory come to a column that has become text as words", async () => {
    const place = await createPlace();
    const session = await fenced(place, { key: "id" });
    for (const [at, v] of [true, 2, 0.5].entries()) {
      await session.write({
        records: Array.from({ length: 6_000 }, (_, row) => ({ id: at * 6_000 + row, v })),
      });
    }
    await session.commit(commitOf());
    expect(await rows(place, "SELECT v, count(*) AS n FROM events GROUP BY v ORDER BY v")).toEqual(
      ["0.5", "2", "true"].map((v) => ({ v, n: 6_000 })),
    );
  });

  test("two runs that make one column for truth values and for numbers keep both as texts", async () => {
    for (const values of [
      [true, 5],
      [5, true],
    ]) {
      const place = await createPlace();
      const first = await fenced(place, { key: "id" });
      const second = await place.open({ key: "id", stream: "other" });
      await second.fence(commitOf().epoch);
      await first.write({ records: [{ id: 0, v: values[0] }] });
      await second.write({ records: [{ id: 1, v: values[1] }] });
      await first.commit(commitOf());
      await second.commit(commitOf());
      expect(await rows(place)).toEqual(values.map((v, id) => ({ id, v: String(v) })));
    }
  });

  test("the source's type decides, whichever row comes first", async () => {
    const days = ["0044-03-15 BC", "2024-01-01", "infinity"];
    for (const order of [days, days.toReversed()]) {
      const place = await createPlace();
      const hints = [{ name: "born", kind: "date" as const }];
      const session = await fenced(place, { key: "id" });
      const writing = session.write({
        records: order.map((born, id) => ({ id, born })),
        columns: hints,
      });
      if (database === "mysql") {
        await expect(writing).rejects.toMatchObject({
          code: "RECORD_INVALID",
          message: expect.stringMatching(/column born \(date\)/),
        });
        continue;
      }
      await writing;
      await session.close();
      await deliver(
        place,
        order.map((born, id) => ({ id, born })),
        { key: "id" },
        hints,
      );
      expect((await kinds(place)).born).toBe(database === "postgres" ? "date" : "text");
      expect(await rows(place)).toEqual(order.map((born, id) => ({ id, born })));
    }
  });

  test("numbers that JSON has only words for are numbers where the source has them, whichever row comes first", async () => {
    const hints = [
      { name: "a", kind: "decimal" as const },
      { name: "b", kind: "float" as const },
    ];
    const records = [
      { id: 0, a: "Infinity", b: "-Infinity" },
      { id: 1, a: 1.5, b: 0.5 },
    ];
    for (const order of [records, records.toReversed()]) {
      const place = await createPlace();
      if (database === "mysql") {
        const session = await fenced(place, { key: "id" });
        await expect(session.write({ records: order, columns: hints })).rejects.toMatchObject({
          code: "RECORD_INVALID",
          message: expect.stringContaining("of the record with id 0"),
        });
        continue;
      }
      await deliver(place, order, { key: "id" }, hints);
      expect(await rows(place)).toEqual(records);
      expect(await kinds(place)).toMatchObject({ a: "decimal", b: "float" });
    }
  });
});

test("a boolean column of an earlier version keeps MySQL's 0 and 1 as they are, and becomes a number for others", async () => {
  const place = await postgresPlace();
  const hints = [{ name: "v", kind: "integer" as const }];
  await deliver(place, [{ id: 1, v: true }], { key: "id" });
  await deliver(place, [{ id: 2, v: 0 }], { key: "id" }, hints);
  expect(await rows(place)).toEqual([
    { id: 1, v: true },
    { id: 2, v: false },
  ]);
  await deliver(place, [{ id: 3, v: 2 }], { key: "id" }, hints);
  expect(await rows(place)).toEqual([
    { id: 1, v: 1 },
    { id: 2, v: 0 },
    { id: 3, v: 2 },
  ]);
});

test("dates of a script or a connector go to columns of days and times", async () => {
  for (const [, createPlace] of places) {
    const place = await createPlace();
    await place.beside.execute("CREATE TABLE events (id INTEGER PRIMARY KEY, day DATE, at TIMESTAMP(3))");
    const at = new Date("2024-02-29T12:00:00.500Z");
    const day = new Date("2024-02-29T00:00:00.000Z");
    await deliver(place, [{ id: 1, day, at }], { key: "id" });
    const [row] = await rows(place);
    expect(String(JSON.stringify(row))).toMatch(/"day":"2024-02-29.*"at":"2024-02-29T12:00:00.50*Z?"/);
    if (place.beside.dialect.name === "sqlite") continue;
    const session = await fenced(place, { key: "id" });
    await expect(session.write({ records: [{ id: 2, day: at, at }] })).rejects.toMatchObject({
      code: "RECORD_INVALID",
      details: { field: "day" },
    });
  }
});

test("a column of bytes that was made from SQLite's takes no text for bytes", async () => {
  for (const [database, createPlace] of places) {
    if (database === "sqlite") continue;
    const place = await createPlace();
    const hints = [{ name: "v", kind: "bytes" as const }];
    await deliver(place, [{ id: 1, v: "\\x00ff" }], { key: "id" }, hints);
    const session = await fenced(place, { key: "id" });
    for (const v of ["abc", 5]) {
      await expect(session.write({ records: [{ id: 2, v }], columns: hints })).rejects.toMatchObject({
        code: "RECORD_INVALID",
        details: { field: "v" },
      });
    }
  }
});
