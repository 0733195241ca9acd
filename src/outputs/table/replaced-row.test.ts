import { describe, expect, test } from "vitest";
import { commitOf, deliver, fenced, places, rows } from "../../../test/support/database-output.ts";

const replay = { key: "id", scope: "deadletters", cursorPath: ["u"], cursorType: "numeric_id" } as const;

describe.each(places)("%s: what a record that is replayed would replace", (_, createPlace) => {
  test("is nothing, a row that is not newer, or one of which that cannot be reported", async () => {
    const place = await createPlace();
    const empty = await fenced(place, replay);
    expect(await empty.replaces?.({ id: 1, u: 5, v: "a" })).toBe("nothing");
    await empty.close();
    await deliver(place, [{ id: 1, u: 5, v: "a" }], { key: "id" });
    const session = await fenced(place, replay);
    expect(await session.replaces?.({ id: 2, u: 5, v: "b" })).toBe("nothing");
    expect(await session.replaces?.({ id: 1, u: 6, v: "b" })).toBe("older");
    expect(await session.replaces?.({ id: 1, v: "b" })).toBe("anything");
    // A field that is new, and a key that no row can have, leave the session as it was.
    expect(await session.replaces?.({ id: 1, u: 6, w: { new: true } })).toBe("older");
    expect(await session.replaces?.({ id: "no number", u: 6 })).not.toBe("older");
    await session.write({
      records: [
        { id: 1, u: 4, v: "stale" },
        { id: 3, u: 1, v: "c" },
      ],
    });
    await session.commit(commitOf());
    expect(await rows(place, "SELECT * FROM events ORDER BY id")).toEqual([
      { id: 1, u: 5, v: "a" },
      { id: 3, u: 1, v: "c" },
    ]);
  });

  test("cannot be reported where no cursor is kept in a column, and an append replaces nothing", async () => {
    const place = await createPlace();
    await deliver(place, [{ id: 1, v: "a" }], { key: "id" });
    const session = await fenced(place, replay);
    expect(await session.replaces?.({ id: 1, v: "b" })).toBe("anything");
    expect(await session.replaces?.({ id: 2, v: "b" })).toBe("nothing");
    const { cursorPath: _, cursorType: __, key: ___, ...append } = replay;
    const appending = await fenced(place, { ...append, table: "added" });
    expect(await appending.replaces?.({ id: 1, v: "b" })).toBe("nothing");
  });
});
