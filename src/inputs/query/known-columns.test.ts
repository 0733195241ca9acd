import { describe, expect, test } from "vitest";
import {
  ids,
  inputOf,
  momentTypes,
  places,
  postgresPlace,
  read,
} from "../../../test/support/database-input.ts";

/** An error that names the columns there are, and the one that was meant. */
const unknown = (field: string, meant: string) =>
  expect.objectContaining({
    code: "FIELD_UNKNOWN",
    message: expect.stringMatching(new RegExp(`${field}.* is not among .*id, updated_at, name`)),
    hint: expect.stringContaining(`\`${meant}\``),
  });

describe.each(places)("%s", (database, createPlace) => {
  async function people() {
    const place = await createPlace();
    await place.run(`CREATE TABLE people (id INT, updated_at ${momentTypes[database]}, name VARCHAR(20))`);
    await place.run(
      "INSERT INTO people VALUES (1, '2024-01-01T00:00:00Z', 'a'), (2, '2024-01-02T00:00:00Z', 'b')",
    );
    return place;
  }
  const policies = ["fail", "deliver", "skip"] as const;

  test.each(policies)(
    "a cursor that the table does not have is refused, with the columns (%s)",
    async (onNullCursor) => {
      const place = await people();
      const timestamp = (field: string) => ({ statePersistence: { timestamp: { field }, onNullCursor } });
      await expect(
        read(inputOf(place, { table: "people", key: "id", ...timestamp("Updated_At") })),
      ).rejects.toEqual(unknown("Updated_At", "updated_at"));
      await expect(
        read(inputOf(place, { table: "people", key: "id", ...timestamp("update_at") })),
      ).rejects.toEqual(unknown("update_at", "updated_at"));
    },
  );

  test.each(policies)(
    "a cursor that the query's result does not have is refused (%s)",
    async (onNullCursor) => {
      const place = await people();
      const statePersistence = { timestamp: { field: "Updated_At", queryFormat: "iso8601" }, onNullCursor };
      const query = "SELECT id, updated_at, name FROM people WHERE updated_at >= $1";
      await expect(read(inputOf(place, { query, key: "id", statePersistence }))).rejects.toEqual(
        unknown("Updated_At", "updated_at"),
      );
      const aliased = "SELECT id AS number, updated_at AS changed FROM people WHERE updated_at >= $1";
      await expect(
        read(
          inputOf(place, {
            query: aliased,
            key: "number",
            statePersistence: { timestamp: { field: "updated_at" } },
          }),
        ),
      ).rejects.toMatchObject({ code: "FIELD_UNKNOWN", message: expect.stringContaining("number, changed") });
    },
  );

  test("a result without rows is looked at as well", async () => {
    const place = await people();
    await place.run("DELETE FROM people");
    const query = "SELECT id, updated_at, name FROM people WHERE updated_at >= $1";
    const config = { query, key: "id", statePersistence: { timestamp: { field: "updatedAt" } } };
    await expect(read(inputOf(place, config))).rejects.toEqual(unknown("updatedAt", "updated_at"));
  });

  test("a key that there is not is refused", async () => {
    const place = await people();
    const statePersistence = { id: { field: "id" } };
    await expect(
      read(inputOf(place, { table: "people", key: ["id", "Name"], statePersistence })),
    ).rejects.toEqual(unknown("Name", "name"));
    const query = "SELECT id, updated_at, name FROM people WHERE id >= $1";
    await expect(read(inputOf(place, { query, key: "ID", statePersistence }))).rejects.toEqual(
      unknown("ID", "id"),
    );
  });

  test("a name in the query's own case is a column of that name", async () => {
    const place = await people();
    const { identifier } = place.beside.dialect;
    const query = `SELECT id AS ${identifier("Id")} FROM people WHERE id >= $1`;
    const input = inputOf(place, { query, key: "Id", statePersistence: { id: { field: "Id" } } });
    expect((await read(input)).pages.flat()).toEqual([{ Id: 1 }, { Id: 2 }]);
  });
});

test("a column of JSON is led into by a dotted field", async () => {
  const place = await postgresPlace();
  await place.run("CREATE TABLE docs (id int, doc jsonb)");
  await place.run(`INSERT INTO docs VALUES (1, '{"n": 7}')`);
  const query = "SELECT id, doc FROM docs WHERE (doc->>'n')::int >= $1";
  expect(
    await ids(inputOf(place, { query, key: "id", statePersistence: { id: { field: "doc.n" } } })),
  ).toEqual([1]);
});

test("a key that there is not is refused with `cursor: xmin`", async () => {
  const place = await postgresPlace();
  await place.run("CREATE TABLE people (id int, updated_at int, name text)");
  const input = inputOf(place, {
    table: "people",
    cursor: "xmin",
    columns: ["id", "updated_at", "name", "Id"],
    key: "Id",
  });
  await expect(read(input)).rejects.toMatchObject({
    code: "QUERY_FAILED",
    message: expect.stringContaining("Id"),
  });
});
