import { describe, expect, test } from "vitest";
import { inputOf, momentTypes, places, stream } from "../../../test/support/database-input.ts";

describe.each(places.filter(([database]) => database !== "sqlite"))("%s", (database, createPlace) => {
  async function placeWith(...moments: readonly string[]) {
    const place = await createPlace();
    const type = database === "mysql" ? "DATETIME(6)" : momentTypes[database];
    await place.run(`CREATE TABLE events (id INT PRIMARY KEY, at ${type})`);
    for (const [at, moment] of moments.entries())
      await place.run(`INSERT INTO events VALUES (${at + 1}, '${moment}')`);
    return place;
  }
  const table = { table: "events", key: "id", cursor: "at" };

  test("rows dated in the future, which are left to a later run, are counted by every run", async () => {
    const place = await placeWith("2024-01-01T00:00:00Z", "8024-01-01T00:00:00Z", "9024-01-01T00:00:00Z");
    const { run, ids } = stream(inputOf(place, table));
    for (const recordsWritten of [1, 0]) {
      expect(await run()).toMatchObject({
        recordsWritten,
        warnings: [
          {
            code: "RECORDS_HELD_BACK",
            message: expect.stringMatching(/^2 rows of events are dated in the future \(`at` 8024-01-01/),
          },
        ],
      });
    }
    expect(ids()).toEqual([1]);
  });

  test("without such rows nothing is said, and `commitSafe: false` delivers them once", async () => {
    const quiet = stream(inputOf(await placeWith("2024-01-01T00:00:00Z"), table));
    expect(await quiet.run()).toMatchObject({ recordsWritten: 1, warnings: [] });
    const place = await placeWith("2024-01-01T00:00:00Z", "8024-01-01T00:00:00Z");
    const { run, ids } = stream(inputOf(place, { ...table, commitSafe: false }));
    expect(await run()).toMatchObject({ recordsWritten: 2, warnings: [] });
    expect(await run()).toMatchObject({ recordsWritten: 0, warnings: [] });
    expect(ids()).toEqual([1, 2]);
  });
});
