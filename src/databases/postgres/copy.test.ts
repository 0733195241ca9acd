import { expect, onTestFinished, test } from "vitest";
import { commitOf, deliver, fenced, postgresPlace, rows } from "../../../test/support/database-output.ts";
import type { FieldColumn } from "../table/column.ts";
import type { Target } from "../table/store.ts";
import { openPostgres } from "./connection.ts";
import { CopyIn } from "./copy.ts";

const column = (name: string, kind: FieldColumn["kind"], type: string, array = false): FieldColumn => ({
  name,
  field: name,
  kind,
  type,
  array,
});
const columns = [
  column("id", "integer", "bigint"),
  column("v", "text", "text"),
  column("list", "text", "text[]", true),
  column("json", "json", "jsonb"),
  column("bytes", "bytes", "bytea"),
];

/** A transaction on a connection that may copy into the table `events`. */
async function openCopy(key: readonly string[] = []) {
  const place = await postgresPlace();
  const connection = await openPostgres(place.url, "output");
  onTestFinished(() => connection.close());
  await connection.execute(
    `CREATE TABLE events (id bigint ${key.length > 0 ? "PRIMARY KEY" : ""}, v text, list text[], json jsonb, bytes bytea)`,
  );
  await connection.execute("BEGIN");
  const target: Target = { table: "events", columns, key };
  return { place, connection, copyIn: new CopyIn(connection), target };
}

test("P7: every value is copied as it is, whatever COPY itself would read in it", async () => {
  const { place, connection, copyIn, target } = await openCopy(["id"]);
  copyIn.made("events");
  const texts = ["", "\\N", "\\.", "a\tb\nc\rd\\e", "\\t", "NULL", "{}", '"', "é😀", " ", "1,2"];
  const given = texts.map((text, id) => ({
    id,
    v: text,
    list: [text, null, "\\"],
    json: { text },
    bytes: `\\x0${id.toString(16)}090a5c`,
  }));
  const long = { id: 9_007_199_254_740_993n, v: null };
  expect(await copyIn.insert(target, [...given, long])).toBe(0);
  await connection.execute("COMMIT");
  const stored = await rows(place, "SELECT v, list, json->>'text' AS json, bytes FROM events ORDER BY id");
  expect(stored).toEqual([
    ...given.map(({ v, list, bytes }) => ({ v, list, json: v, bytes })),
    { v: null, list: null, json: null, bytes: null },
  ]);
  expect(await rows(place, "SELECT id::text FROM events WHERE id > 100")).toEqual([{ id: String(long.id) }]);
});

test("a key that is there already is left to an upsert, with nothing of the copy left", async () => {
  const { connection, copyIn, target } = await openCopy(["id"]);
  copyIn.made("events");
  await connection.execute("INSERT INTO events VALUES (2, 'another session was first')");
  const records = [{ id: 1 }, { id: 2 }];
  expect(await copyIn.insert(target, records)).toBe(null);
  expect(await connection.query("SELECT id::int FROM events")).toEqual([{ id: 2 }]);
  // It does not try again.
  expect(await copyIn.insert(target, [{ id: 3 }])).toBe(null);
});

test("rows with a key are copied only into a table that the session has made, others also into one it found", async () => {
  const keyed = await openCopy(["id"]);
  keyed.copyIn.found("events", true);
  expect(await keyed.copyIn.insert(keyed.target, [{ id: 1 }])).toBe(null);
  const added = await openCopy();
  added.copyIn.found("events", true);
  expect(await added.copyIn.insert(added.target, [{ id: 1 }])).toBe(0);
  added.copyIn.found("events", false);
  expect(await added.copyIn.insert(added.target, [{ id: 2 }])).toBe(null);
});

test("P2: a first load in which keys come twice keeps the last of each", async () => {
  const place = await postgresPlace();
  const session = await fenced(place, { key: "id" });
  for (const page of [
    [1, 2, 3],
    [3, 4, 4],
    [1, 5],
  ]) {
    await session.write({ records: page.map((id, at) => ({ id, v: `${page} ${at}` })) });
    await session.commit(commitOf());
  }
  expect(await rows(place, "SELECT id::int, v FROM events ORDER BY id")).toEqual([
    { id: 1, v: "1,5 0" },
    { id: 2, v: "1,2,3 1" },
    { id: 3, v: "3,4,4 0" },
    { id: 4, v: "3,4,4 2" },
    { id: 5, v: "1,5 1" },
  ]);
});

test("a rule of the table, and a view with a trigger, see rows that are added as INSERT would show them", async () => {
  const place = await postgresPlace();
  await place.beside.execute("CREATE TABLE events (id bigint)");
  await place.beside.execute("CREATE TABLE seen (id bigint)");
  await place.beside.execute(
    "CREATE RULE tell AS ON INSERT TO events DO ALSO INSERT INTO seen VALUES (NEW.id)",
  );
  await deliver(place, [{ id: 1 }, { id: 2 }]);
  expect(await rows(place, "SELECT id::int FROM seen ORDER BY id")).toEqual([{ id: 1 }, { id: 2 }]);
  await place.beside.execute("CREATE VIEW shown AS SELECT id FROM seen");
  await deliver(place, [{ id: 3 }], { table: "shown", stream: "others" });
  expect(await rows(place, "SELECT id::int FROM seen ORDER BY id")).toHaveLength(3);
});

test("a record that the table refuses is named as an INSERT would name it", async () => {
  const place = await postgresPlace();
  await place.beside.execute("CREATE TABLE events (id bigint, v text CHECK (v <> 'bad'))");
  await expect(
    deliver(place, [
      { id: 1, v: "good" },
      { id: 2, v: "bad" },
    ]),
  ).rejects.toMatchObject({
    code: "OUTPUT_FAILED",
    message: expect.stringContaining("events_v_check"),
  });
  expect(await rows(place)).toEqual([]);
});
