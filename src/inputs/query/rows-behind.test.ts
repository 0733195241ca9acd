import { describe, expect, test } from "vitest";
import { type Place, places } from "../../../test/support/database-input.ts";
import { definePipeline, type SyncOptions, sync } from "../../index.ts";
import { openMemoryState } from "../../state/storage/memory/memory.ts";

/** A stream that reads the table `tr` again and again. Returns what a run warns of. */
function streamOf(place: Place, input: object) {
  const state = openMemoryState();
  const pipeline = definePipeline({
    name: "copy",
    input: { type: "database", connectionString: place.url, table: "tr", key: "id", ...input },
    output: { type: "console" },
  });
  const options: SyncOptions = { state };
  return async () =>
    (await sync(pipeline, options)).warnings.map(({ code, message }) => `${code} ${message}`);
}

const counted = {
  sqlite: "id INTEGER PRIMARY KEY AUTOINCREMENT",
  postgres: "id serial PRIMARY KEY",
  mysql: "id int AUTO_INCREMENT PRIMARY KEY",
} as const;
const emptied = {
  sqlite: ["DELETE FROM tr", "DELETE FROM sqlite_sequence"],
  postgres: ["TRUNCATE tr RESTART IDENTITY"],
  mysql: ["TRUNCATE tr"],
} as const;
const byId = { statePersistence: { id: { field: "id" } } };

describe.each(places)("of a table of %s", (database, createPlace) => {
  async function filled(id: string = counted[database]): Promise<Place> {
    const place = await createPlace();
    await place.run(`CREATE TABLE tr (${id}, v varchar(10), u varchar(30))`);
    await place.run(
      "INSERT INTO tr (v, u) VALUES ('a', '2024-01-01T00:00:00Z'), ('b', '2024-01-02T00:00:00Z'), ('c', '2024-01-03T00:00:00Z')",
    );
    return place;
  }

  test("every run warns that ids which began again lie below the watermark, until they have passed it", async () => {
    const place = await filled();
    const run = streamOf(place, byId);
    expect(await run()).toEqual([]);
    for (const statement of emptied[database]) await place.run(statement);
    expect(await run()).toEqual([]);
    await place.run("INSERT INTO tr (v) VALUES ('x')");
    const warned = [
      expect.stringMatching(
        /^ROWS_BEHIND the highest id of tr is 1, and the next row gets 2, .*watermark 3.*--full-refresh/,
      ),
    ];
    expect(await run()).toEqual(warned);
    expect(await run()).toEqual(warned);
    await place.run("INSERT INTO tr (v) VALUES ('y'), ('z'), ('w')");
    expect(await run()).toEqual([]);
    expect(await run()).toEqual([]);
  });

  test("a last row that is gone is reported once for its watermark, and quiet runs of a table are not warned of", async () => {
    const place = await filled();
    const runs = [
      streamOf(place, byId),
      streamOf(place, { cursor: "u" }),
      streamOf(place, { where: "id > 2", ...byId }),
    ];
    for (const run of [...runs, ...runs]) expect((await run()).join()).not.toContain("ROWS_BEHIND");
    await place.run("DELETE FROM tr WHERE id = 3");
    const [ids, times, others] = runs;
    expect((await ids?.())?.join()).toMatch(/ROWS_BEHIND no row of tr has id 3, .*the highest is 2\b/);
    expect((await times?.())?.join()).toMatch(
      /ROWS_BEHIND no row of tr has u 2024-01-03T00:00:00Z, .*2024-01-02/,
    );
    for (const run of [ids, times, others]) expect((await run?.())?.join()).not.toContain("ROWS_BEHIND");
  });
});
