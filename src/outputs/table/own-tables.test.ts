import { describe, expect, test } from "vitest";
import {
  commitOf,
  deliver,
  fenced,
  places,
  postgresPlace,
  rows,
} from "../../../test/support/database-output.ts";
import { openSql } from "../../databases/open.ts";

describe.each(places)("%s, into a table of the user's own", (database, createPlace) => {
  const computed = (column: string) =>
    `${column} INTEGER ${database === "mysql" ? "AS (qty * 2)" : "GENERATED ALWAYS AS (qty * 2)"} STORED`;

  test("a column that the database computes is left to it", async () => {
    const place = await createPlace();
    await place.beside.execute(
      `CREATE TABLE events (id INTEGER PRIMARY KEY, ${computed("total")}, qty INTEGER, note VARCHAR(9))`,
    );
    await deliver(place, [{ id: 1, total: 99, qty: 2, note: "a" }], { key: "id" });
    await deliver(place, [{ id: 1, total: 99, qty: 3, note: "b" }], { key: "id" });
    await deliver(place, [{ id: 2, total: 99, qty: 4, note: "c" }]);
    expect(await rows(place)).toEqual([
      { id: 1, total: 6, qty: 3, note: "b" },
      { id: 2, total: 8, qty: 4, note: "c" },
    ]);
  });

  test("a key that the database computes is refused before anything is written", async () => {
    const place = await createPlace();
    await place.beside.execute(`CREATE TABLE events (qty INTEGER, ${computed("total")})`);
    await place.beside.execute("CREATE UNIQUE INDEX by_total ON events (total)");
    await expect(place.open({ key: "total" })).rejects.toMatchObject({
      code: "CONFIG_INCOHERENT",
      message: expect.stringContaining("computes `total` itself"),
    });
  });

  test("truth values go to a column of numbers as 1 and 0", async () => {
    const place = await createPlace();
    await place.beside.execute(
      "CREATE TABLE events (id INTEGER PRIMARY KEY, a SMALLINT, b DECIMAL(3, 1), c FLOAT)",
    );
    await deliver(
      place,
      [
        { id: 1, a: true, b: true, c: false },
        { id: 2, a: 7, b: false, c: true },
      ],
      { key: "id" },
    );
    await deliver(place, [{ id: 3, a: false, b: null, c: true }]);
    expect(await rows(place)).toEqual([
      { id: 1, a: 1, b: 1, c: 0 },
      { id: 2, a: 7, b: 0, c: 1 },
      { id: 3, a: 0, b: null, c: 1 },
    ]);
  });
});

test("P7: char(n) and bit(n) of PostgreSQL take the whole value, as keys and in lists, by COPY and by INSERT", async () => {
  const place = await postgresPlace();
  await place.beside.execute(
    `CREATE DOMAIN code AS char(3);
     CREATE DOMAIN currency AS code;
     CREATE TABLE events (code char(3) PRIMARY KEY, flags bit(8), mask varbit(9), countries char(2)[], cur currency);`,
  );
  const records = ["EUR", "EST", "USD"].map((code) => ({
    code,
    flags: "10101010",
    mask: "101",
    countries: ["DE", "DK", null],
    cur: code,
  }));
  await deliver(place, records, { key: "code" });
  await deliver(place, records, { key: "code" });
  const expected = [records[1], records[0], records[2]].map((record) => ({
    ...record,
    countries: "{DE,DK,NULL}",
  }));
  const shown = "SELECT code, flags, mask, countries::text, cur FROM events ORDER BY code";
  expect(await rows(place, shown)).toEqual(expected);
  await place.beside.execute("TRUNCATE events");
  await deliver(place, records);
  expect(await rows(place, shown)).toEqual(expected);
});

test("P7: what waits outside memory comes to char(n) and bit(n) of PostgreSQL whole", async () => {
  const place = await postgresPlace();
  await place.beside.execute("CREATE TABLE events (code char(5) PRIMARY KEY, flags bit(4))");
  const session = await fenced(place, { key: "code" });
  const batch = (from: number) =>
    Array.from({ length: 6_000 }, (_, at) => ({ code: String(10_000 + from + at), flags: "1010" }));
  for (let from = 0; from < 18_000; from += 6_000) await session.write({ records: batch(from) });
  await session.commit(commitOf());
  expect(
    await rows(place, "SELECT count(*)::int AS n, min(code) AS least, max(flags::text) AS flags FROM events"),
  ).toEqual([{ n: 18_000, least: "10000", flags: "1010" }]);
});

test("a column of a composite type takes the text that PostgreSQL has for it, also in a list and in a domain", async () => {
  const place = await postgresPlace();
  await place.beside.execute(
    `CREATE TYPE amount AS (value numeric, currency text);
     CREATE DOMAIN price AS amount CHECK ((VALUE).value > 0);
     CREATE TABLE events (id int PRIMARY KEY, price price, paid amount, parts amount[], note text);`,
  );
  const record = {
    id: 1,
    price: "(10.00,EUR)",
    paid: '(1.50,"a ""b"",c")',
    parts: '{"(1,EUR)",NULL,"(,)"}',
    note: "x",
  };
  await deliver(place, [record], { key: "id" });
  await deliver(place, [record], { key: "id" });
  expect(await rows(place)).toEqual([record]);
});

test("an identity column of PostgreSQL takes the records' own numbers", async () => {
  const place = await postgresPlace();
  await place.beside.execute("CREATE TABLE events (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, v text)");
  await deliver(place, [{ id: 7, v: "a" }], { key: "id" });
  await deliver(
    place,
    [
      { id: 7, v: "b" },
      { id: 9, v: "c" },
    ],
    { key: "id" },
  );
  await deliver(place, [{ id: 11, v: "d" }]);
  expect(await rows(place)).toEqual([
    { id: 7, v: "b" },
    { id: 9, v: "c" },
    { id: 11, v: "d" },
  ]);
});

test("an identity column next to the key of an upsert is refused by name, since no row can be given another number", async () => {
  const place = await postgresPlace();
  await place.beside.execute(
    "CREATE TABLE events (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, code text UNIQUE)",
  );
  const session = await fenced(place, { key: "code" });
  await expect(session.write({ records: [{ id: 7, code: "a" }] })).rejects.toMatchObject({
    code: "CONFIG_INCOHERENT",
    message: expect.stringContaining("`id` (GENERATED ALWAYS AS IDENTITY)"),
    hint: expect.stringContaining("SET GENERATED BY DEFAULT"),
  });
  await deliver(place, [{ code: "a" }], { key: "code" });
  expect(await rows(place)).toEqual([{ id: 1, code: "a" }]);
});

test("P7: composites, arrays and ranges with times in them come back as they were", async () => {
  const place = await postgresPlace();
  await place.beside.execute(
    `CREATE TYPE mood AS ENUM ('', 'a''b', 'x"y', 'Ü,{}', 'back\\slash');
     CREATE TYPE part AS (x int, at timestamptz, local timestamp, day date, n numeric, t text);
     CREATE DOMAIN inner_moment AS timestamptz; CREATE DOMAIN moment AS inner_moment;
     CREATE TABLE source (id int PRIMARY KEY, mood mood, moods mood[], part part, parts part[], moment moment,
       moments moment[], days date[], locals timestamp[], grid int[][], texts text[], span tstzrange,
       spans tstzmultirange, days_range daterange, ranges tsrange[], lengths interval[], bits bit(3)[], bytes bytea[],
       docs jsonb[], times timestamptz[], numbers numeric[], code char(5), codes char(5)[]);
     CREATE TABLE events (LIKE source INCLUDING ALL)`,
  );
  const at = "2024-07-01 10:00:00.123456+02";
  const row = `row(1, '${at}', '2024-07-01 10:00:00.5', '0044-03-15 BC', '1.50', 'a,"b(c)')::part`;
  await place.beside.execute(
    `INSERT INTO source VALUES (1, 'a''b', array['', 'x"y', 'Ü,{}', 'back\\slash']::mood[], ${row},
       array[row(1, 'infinity', '-infinity', 'infinity', 'NaN', NULL)::part, NULL, ${row}], '${at}',
       array['${at}'::moment, NULL], '{infinity,2024-01-01}', '{"2024-07-01 10:00:00.5",NULL}', '{{1,2},{3,NULL}}',
       '{a,NULL,"null",""}', '[${at},infinity)', '{[${at},2024-07-02 10:00+02),[2024-08-01,)}', '[2024-01-01,infinity)',
       '{"[2024-07-01 10:00,)",empty}', '{"1 day 2 hours",NULL}', '{101,NULL}', '{"\\\\x00ff",NULL}',
       array['{"a":1.50}'::jsonb, 'null', '[1]'], '{infinity,-infinity,"2024-01-01 BC"}', '{NaN,1.25,Infinity}',
       'ab', '{ab,"c  "}'); INSERT INTO source (id) VALUES (2)`,
  );
  const source = await openSql(place.url, { role: "input" });
  for await (const { rows: records, columns } of source.stream("TABLE source", [], { pageSize: 9 })) {
    const session = await fenced(place, { key: "id" });
    await session.write({ records, columns });
    await session.commit(commitOf());
    await session.close();
  }
  await source.close();
  const changed = "(TABLE source EXCEPT ALL TABLE events) UNION ALL (TABLE events EXCEPT ALL TABLE source)";
  expect(await place.beside.query(`SELECT * FROM (${changed}) AS changed`)).toEqual([]);
  const texts = "SELECT e::text = s::text AS same FROM events e JOIN source s USING (id)";
  expect(await place.beside.query(texts)).toEqual([{ same: true }, { same: true }]);
});
