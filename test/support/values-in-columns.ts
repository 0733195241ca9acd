import { expect } from "vitest";
import { deliver, fenced, type Place, rows } from "./database-output.ts";

/** Each of the values is refused for the column, by record and field, before anything is written. */
export async function refused(place: Place, type: string, values: readonly unknown[]): Promise<void> {
  await place.beside.execute("DROP TABLE IF EXISTS events");
  await place.beside.execute(`CREATE TABLE events (id INTEGER PRIMARY KEY, v ${type})`);
  const session = await fenced(place, { key: "id" });
  for (const v of values) {
    await expect(
      session.write({ records: [{ id: 1 }, { id: 2, v }] }),
      `${type}: ${String(v)}`,
    ).rejects.toMatchObject({
      code: "RECORD_INVALID",
      message: expect.stringMatching(/the field `v` of the record with id 2: /),
      details: { table: "events", column: "v", field: "v" },
    });
  }
  await session.close();
}

/** Each of the values is taken, and read back so. */
export async function taken(
  place: Place,
  type: string,
  values: readonly (readonly [given: unknown, read: unknown])[],
): Promise<void> {
  await place.beside.execute("DROP TABLE IF EXISTS events");
  await place.beside.execute(`CREATE TABLE events (id INTEGER PRIMARY KEY, v ${type})`);
  await deliver(
    place,
    values.map(([v], id) => ({ id, v })),
    { key: "id" },
  );
  expect(await rows(place)).toEqual(values.map(([, v], id) => ({ id, v })));
}
