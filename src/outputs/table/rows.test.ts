import { describe, expect, test } from "vitest";
import { deliver, fenced, places, rows } from "../../../test/support/database-output.ts";

describe.each(places)("%s", (database, createPlace) => {
  test("P11: a backfill leaves a row be that a live run has written since", async () => {
    const place = await createPlace();
    const at = (second: number) => `2026-01-01T00:00:0${second}Z`;
    await deliver(
      place,
      [
        { id: 1, updated_at: at(5), v: "live" },
        { id: 2, updated_at: at(2), v: "before" },
        { id: 3, updated_at: null, v: "before" },
      ],
      { key: "id" },
    );
    const many = Array.from({ length: 12_000 }, (_, index) => ({
      id: index + 10,
      updated_at: at(1),
      v: "x",
    }));
    const backfill = { key: "id", scope: "backfill/1", cursorPath: ["updated_at"] };
    await deliver(
      place,
      [
        { id: 1, updated_at: at(3), v: "late" },
        { id: 2, updated_at: at(2), v: "after" },
        { id: 3, updated_at: at(1), v: "after" },
        { id: 4, updated_at: at(1), v: "after" },
        ...many,
        { id: 1, updated_at: at(4), v: "late" },
      ],
      backfill,
    );
    const shown = await rows(place, "SELECT id, v FROM events WHERE id < 10 ORDER BY id");
    expect(shown).toEqual([
      { id: 1, v: "live" },
      { id: 2, v: "after" },
      { id: 3, v: "after" },
      { id: 4, v: "after" },
    ]);
  });

  test("a backfill into a table that has no column of the cursor says what may come of it", async () => {
    const place = await createPlace();
    const warnings: string[] = [];
    await deliver(place, [{ id: 1, v: "x" }], {
      key: "id",
      scope: "backfill/1",
      cursorPath: ["event", "timestamp"],
      warnings,
    });
    expect(warnings).toEqual([expect.stringContaining("BACKFILL_MAY_OVERWRITE")]);
  });

  test("an upsert replaces the whole record: what it lacks becomes NULL, the last of a batch wins", async () => {
    const place = await createPlace();
    await deliver(
      place,
      [
        { id: 1, a: "old", b: "old" },
        { id: 2, a: "kept" },
      ],
      { key: "id" },
    );
    await deliver(
      place,
      [
        { id: 1, a: "first" },
        { id: 3, a: "x" },
        { id: 1, a: "last" },
      ],
      { key: "id" },
    );
    expect(await rows(place)).toEqual([
      { id: 1, a: "last", b: null },
      { id: 2, a: "kept", b: null },
      { id: 3, a: "x", b: null },
    ]);
  });

  test("a column that the stream never filled is left as it is", async () => {
    const place = await createPlace();
    await place.beside.execute(
      "CREATE TABLE events (id BIGINT PRIMARY KEY, a TEXT, note TEXT DEFAULT 'mine')",
    );
    await deliver(place, [{ id: 1, a: "x" }], { key: "id" });
    await deliver(place, [{ id: 1, a: "y" }], { key: "id" });
    expect(await rows(place)).toEqual([{ id: 1, a: "y", note: "mine" }]);
  });

  test("a key of several fields tells rows apart by all of them", async () => {
    const place = await createPlace();
    const key = ["region", "id"];
    await deliver(
      place,
      [
        { region: "a", id: 1, v: 1 },
        { region: "a", id: 2, v: 2 },
      ],
      { key },
    );
    await deliver(
      place,
      [
        { region: "a", id: 1, v: 3 },
        { region: "b", id: 1, v: 4 },
      ],
      { key },
    );
    expect(await rows(place, "SELECT region, id, v FROM events ORDER BY region, id")).toEqual([
      { region: "a", id: 1, v: 3 },
      { region: "a", id: 2, v: 2 },
      { region: "b", id: 1, v: 4 },
    ]);
  });

  test("an append adds every record, also twice the same", async () => {
    const place = await createPlace();
    await deliver(place, [{ id: 1 }, { id: 1 }]);
    await deliver(place, [{ id: 1 }]);
    expect(await rows(place)).toHaveLength(3);
  });

  test("a record without its key is refused before anything is written, naming the key", async () => {
    const place = await createPlace();
    const session = await fenced(place, { key: ["region", "id"] });
    await expect(
      session.write({
        records: [
          { region: "a", id: 1 },
          { region: "b", id: null },
        ],
      }),
    ).rejects.toMatchObject({
      code: "RECORD_INVALID",
      message: expect.stringMatching(/`id`.*"region":"b"/),
    });
  });

  test("an upsert to a table that does not keep its key unique is refused, with the index to create", async () => {
    const place = await createPlace();
    await place.beside.execute("CREATE TABLE events (id BIGINT, region TEXT, v TEXT, UNIQUE (region, id))");
    if (database !== "mysql") {
      await place.beside.execute("CREATE UNIQUE INDEX partly ON events (id) WHERE region = 'x'");
    }
    const { identifier } = place.beside.dialect;
    const index = `CREATE UNIQUE INDEX ${identifier("events_key")} ON events (${identifier("id")})`;
    await expect(place.open({ key: "id" })).rejects.toMatchObject({
      code: "CONFIG_INCOHERENT",
      hint: expect.stringContaining(index),
    });
    await deliver(place, [{ id: 1, region: "a", v: "x" }], { key: ["id", "region"] });
    await place.beside.execute(index);
    await deliver(place, [{ id: 1, region: "a", v: "y" }], { key: "id" });
    expect(await rows(place)).toEqual([{ id: 1, region: "a", v: "y" }]);
  });
});
