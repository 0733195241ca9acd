import { describe, expect, test } from "vitest";
import {
  commitOf,
  deliver,
  fenced,
  kinds,
  places,
  postgresPlace,
  rows,
  sqlitePlace,
} from "../../../test/support/database-output.ts";
import type { Column } from "../../databases/port.ts";
import { ExactNumber } from "../../model/exact-number.ts";
import { parseJson, stringifyJson } from "../../model/json.ts";
import type { SourceRecord } from "../../model/record.ts";

describe.each(places)("%s", (database, createPlace) => {
  test("the table is made from the records, and gains columns as they bring new fields", async () => {
    const place = await createPlace();
    await deliver(place, [
      { id: 1, name: "a", price: 1.5, ok: true, tags: ["x"], empty: null },
      { id: 2, name: "b", place: { lat: 1 } },
    ]);
    await deliver(place, [{ id: 3, late: "now" }]);
    expect(await kinds(place)).toEqual({
      id: "integer",
      name: "text",
      price: "decimal",
      // BOOLEAN is TINYINT(1) there, and is read as the numbers that it holds.
      ok: database === "mysql" ? "integer" : "boolean",
      tags: "json",
      place: "json",
      late: "text",
    });
    expect(await rows(place, "SELECT id, name, late FROM events ORDER BY id")).toEqual([
      { id: 1, name: "a", late: null },
      { id: 2, name: "b", late: null },
      { id: 3, name: null, late: "now" },
    ]);
  });

  test("field names are columns as they are, whatever they hold", async () => {
    const place = await createPlace();
    const record = {
      id: 1,
      "event.id": "a",
      'say "hi"': "b",
      select: "c",
      naïve: "d",
      __proto__x: "e",
      rowid: 7,
    };
    await deliver(place, [record], { key: "id" });
    expect(await rows(place)).toEqual([record]);
  });

  test("P7: numbers keep every digit, in plain columns and inside JSON", async () => {
    const place = await createPlace();
    const text =
      '{"id":1,"big":9223372036854775807,"beyond":123456789012345678901234567890,"fine":0.12345678901234567890123,"plain":0.1,"sum":0.30000000000000004,"doc":{"n":12345678901234567890.5}}';
    await deliver(place, [parseJson(text) as SourceRecord]);
    const [row] = await rows(place);
    const read = stringifyJson(row).replace(/"(-?\d[\d.]*)"/g, "$1");
    const doc = database === "sqlite" ? '"{\\"n\\":12345678901234567890.5}"' : '{"n":12345678901234567890.5}';
    expect(read).toBe(text.replace('{"n":12345678901234567890.5}', doc));
  });

  test("P7: a column is widened when a later value needs it, and what is there stays what it was", async () => {
    const place = await createPlace();
    await deliver(place, [{ id: 1, n: 1, m: 0.1, flag: true, code: 12 }], { key: "id" });
    await deliver(place, [{ id: 2, n: 0.5, m: 2, flag: false, code: 13 }], { key: "id" });
    const exact = new ExactNumber("123456789012345678901234567890.123456789");
    await deliver(place, [{ id: 3, n: exact, m: exact, flag: "0", code: "007" }], { key: "id" });
    const texts = (await rows(place)).map((row) =>
      Object.fromEntries(Object.entries(row as object).map(([name, value]) => [name, String(value)])),
    );
    expect(texts).toEqual([
      { id: "1", n: "1", m: "0.1", flag: "true", code: "12" },
      { id: "2", n: "0.5", m: "2", flag: "false", code: "13" },
      { id: "3", n: exact.text, m: exact.text, flag: "0", code: "007" },
    ]);
  });

  test("a key is widened too, with its index", async () => {
    const place = await createPlace();
    await deliver(
      place,
      [
        { id: 1, v: "a" },
        { id: 2, v: "b" },
      ],
      { key: "id" },
    );
    await place.beside.execute("CREATE INDEX by_v ON events (v)");
    await deliver(
      place,
      [
        { id: "x-3", v: "c" },
        { id: "2", v: "d" },
      ],
      { key: "id" },
    );
    expect(await rows(place)).toEqual([
      { id: "1", v: "a" },
      { id: "2", v: "d" },
      { id: "x-3", v: "c" },
    ]);
    await expect(place.beside.execute("CREATE INDEX by_v ON events (v)")).rejects.toThrow(
      /already exists|Duplicate key name/,
    );
  });

  test("a batch that widens the table in its middle is written whole", async () => {
    const place = await createPlace();
    await deliver(place, [
      { id: 1, v: 1 },
      { id: 2, v: "0x" },
      { id: 3, v: 2, w: [1] },
      { id: 4, v: "1e5" },
    ]);
    expect(
      (await rows(place, "SELECT id, v FROM events ORDER BY id")).map((row) =>
        String((row as SourceRecord).v),
      ),
    ).toEqual(["1", "0x", "2", "1e5"]);
  });

  test("columns that the pipeline declares, or the source knows, decide the type", async () => {
    const place = await createPlace();
    const options = { columns: { made: "timestamp" as const, code: "text" as const } };
    const hints: Column[] = [
      { name: "seen", kind: "timestamp" },
      { name: "nothing", kind: "integer" },
      { name: "changed", kind: "timestamp" },
    ];
    await deliver(
      place,
      [
        {
          id: 1,
          made: "2024-02-29T12:00:00.123456Z",
          code: 5,
          seen: "2024-02-29T12:00:00Z",
          nothing: null,
          changed: "later",
        },
      ],
      options,
      hints,
    );
    const expected = database === "sqlite" ? "text" : "timestamp";
    // A DATETIME does not say that it is UTC.
    const zone = database === "mysql" ? "" : "Z";
    expect(await kinds(place)).toMatchObject({
      made: expected,
      code: "text",
      seen: expected,
      nothing: "integer",
      changed: "text",
    });
    expect(await rows(place)).toEqual([
      {
        id: 1,
        made: `2024-02-29T12:00:00.123456${zone}`,
        code: "5",
        seen: `2024-02-29T12:00:00${zone}`,
        nothing: null,
        changed: "later",
      },
    ]);
  });

  test("types of the user's own table are kept, and the database judges what goes there", async () => {
    const place = await createPlace();
    await place.beside.execute("CREATE TABLE events (id INTEGER PRIMARY KEY, n INTEGER NOT NULL)");
    await deliver(place, [{ id: 1, n: "12" }], { key: "id" });
    expect(await rows(place)).toEqual([{ id: 1, n: 12 }]);
    const session = await fenced(place, { key: "id" });
    await session.write({
      records: [
        { id: 2, n: 5 },
        { id: 3, n: null },
      ],
    });
    await expect(session.commit(commitOf())).rejects.toMatchObject({
      code: "OUTPUT_FAILED",
      message: expect.stringMatching(
        /the table events refused the record with id [23]: .*(NOT NULL|not-null|cannot be null)/,
      ),
    });
    expect(await rows(place)).toHaveLength(1);
  });

  test("with `createTable: false` the table is left as it is", async () => {
    const place = await createPlace();
    await expect(place.open({ createTable: false })).rejects.toMatchObject({ code: "CONFIG_INCOHERENT" });
    await place.beside.execute("CREATE TABLE events (id BIGINT)");
    const session = await fenced(place, { createTable: false });
    await expect(session.write({ records: [{ id: 1, other: 2 }] })).rejects.toMatchObject({
      code: "RECORD_INVALID",
      message: expect.stringContaining("`other`"),
    });
  });

  test("a table that has gone is reported, and made anew", async () => {
    const place = await createPlace();
    await deliver(place, [{ id: 1 }]);
    await place.beside.execute("DROP TABLE events");
    const warnings: string[] = [];
    await deliver(place, [{ id: 2 }], { warnings });
    expect(warnings).toEqual([expect.stringMatching(/^OUTPUT_TABLE_MISSING 1 records were written/)]);
    expect(await rows(place)).toEqual([{ id: 2 }]);
    const quiet: string[] = [];
    await deliver(place, [{ id: 3 }], { warnings: quiet });
    expect(quiet).toEqual([]);
  });
});

test("to SQLite, two fields that differ only in case are refused by name", async () => {
  const place = await sqlitePlace();
  const session = await fenced(place);
  await expect(session.write({ records: [{ id: 1, Name: "a", name: "b" }] })).rejects.toMatchObject({
    code: "RECORD_INVALID",
    message: expect.stringMatching(/`Name` and `name`/),
  });
  await deliver(place, [{ id: 1, Name: "a" }]);
  // The name may have changed since an earlier run, and not within one.
  await deliver(place, [{ id: 2, name: "b" }]);
  const mixed = await fenced(place);
  await expect(
    mixed.write({
      records: [
        { id: 3, name: "c" },
        { id: 4, Name: "d" },
      ],
    }),
  ).rejects.toMatchObject({
    code: "RECORD_INVALID",
  });
  expect(await rows(place)).toEqual([
    { id: 1, Name: "a" },
    { id: 2, Name: "b" },
  ]);
});

test("to PostgreSQL, a field name longer than it keeps is refused", async () => {
  const place = await postgresPlace();
  const session = await fenced(place);
  await expect(session.write({ records: [{ ["é".repeat(40)]: 1 }] })).rejects.toMatchObject({
    code: "RECORD_INVALID",
    message: expect.stringContaining("80 bytes"),
  });
});

test("PostgreSQL's own types take what they can read, lists go to arrays", async () => {
  const place = await postgresPlace();
  await place.beside.execute(
    `CREATE TABLE events (id uuid PRIMARY KEY, at timestamptz, tags text[], counts int[],
    doc json, blob bytea, price numeric(8,2), short varchar(3), wide citext_like)`.replace(
      ", wide citext_like",
      "",
    ),
  );
  const id = "7b7d8a6e-98f4-4a6e-8d6b-0d0c6a2f1a11";
  await deliver(
    place,
    [
      {
        id,
        at: "2024-02-29T12:00:00+02:00",
        tags: ["a,b", 'c"d', null],
        counts: [],
        doc: "text",
        blob: "\\x00ff",
        price: 1.5,
      },
      {
        id: id.toUpperCase(),
        at: null,
        tags: ["NULL"],
        counts: [1, 2],
        doc: { a: [1] },
        blob: null,
        price: null,
      },
    ],
    { key: "id" },
  );
  expect(await rows(place)).toEqual([
    { id, at: null, tags: ["NULL"], counts: [1, 2], doc: { a: [1] }, blob: null, price: null, short: null },
  ]);
  const session = await fenced(place, { key: "id" });
  await expect(session.write({ records: [{ id, short: "too long" }] })).rejects.toMatchObject({
    code: "RECORD_INVALID",
    message: expect.stringMatching(/column short \(character varying\(3\)\) .* has 8 characters/),
  });
});

test("to PostgreSQL, rows and ledger go to the table's schema", async () => {
  const place = await postgresPlace();
  await expect(place.open({ table: "sales.Orders" })).rejects.toMatchObject({
    code: "OUTPUT_FAILED",
    message: expect.stringContaining('schema "sales" does not exist'),
  });
  await place.beside.execute("CREATE SCHEMA sales");
  await deliver(place, [{ id: 1 }], { table: "sales.Orders", key: "id" });
  await deliver(place, [{ id: 1 }], { table: "sales.Orders", key: "id" });
  expect(await rows(place, 'SELECT id FROM sales."Orders"')).toEqual([{ id: 1 }]);
  expect(await rows(place, "SELECT stream FROM sales._tidemark_positions")).toHaveLength(1);
});
