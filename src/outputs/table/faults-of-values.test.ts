import { expect, test } from "vitest";
import {
  commitOf,
  fenced,
  KeptRefusals,
  mysqlPlace,
  type Place,
  postgresPlace,
  rows,
} from "../../../test/support/database-output.ts";
import { describeMysql } from "../../../test/support/mysql-tests.ts";

/** Writes three records, of which the second has a value at fault in `v`, and looks at what is refused. */
async function refusesOnly(
  place: Place,
  v: unknown,
  good: unknown,
  message: RegExp,
  field: string | null = "v",
) {
  const refusals = new KeptRefusals();
  const session = await fenced(place, { key: "id", refusals });
  const records = [
    { id: 1, w: "a", v: good },
    { id: 2, w: "b", v },
    { id: 3, w: "c", v: good },
  ];
  await session.write({ records });
  expect(await session.commit(commitOf())).toEqual({ written: 2 });
  expect(refusals.records).toEqual([records[1]]);
  expect(refusals.refused[0]).toMatchObject({
    name: "the record with id 2",
    failure: { message: expect.stringMatching(message), details: field === null ? {} : { field } },
  });
  expect(await rows(place, "SELECT id FROM events ORDER BY id")).toEqual([{ id: 1 }, { id: 3 }]);
  await session.close();
}

test.each<[string, unknown, unknown, RegExp]>([
  ["tsvector", "2024-01-01 10:00:00+02", "a", /tsvector/],
  ["tsquery", "a & & b", "a", /tsquery/],
  ["regclass", "nosuch", "pg_class", /nosuch/],
  ["regclass", "a..b", "pg_class", /name/],
  ["regtype", "nosuch", "integer", /nosuch/],
  ["regproc", "nosuch", "now", /nosuch/],
  ["regnamespace", "nosuch", "public", /nosuch/],
  ["jsonpath", "$.a[", "$.a", /jsonpath/],
  ["bit(8)", "101", "10101010", /bit string length 3/],
  ["numeric(8,2)", "Infinity", 1.5, /overflow/],
  ["varchar(9)[]", "{a", ["a"], /array/],
])(
  "PostgreSQL: a text that %s does not take is refused by record and field: %s",
  async (type, v, good, message) => {
    const place = await postgresPlace();
    await place.beside.execute(`CREATE TABLE events (id int PRIMARY KEY, w text, v ${type})`);
    await refusesOnly(place, v, good, message);
  },
);

test.each(["XY123", "42P01", "P0002"])(
  "PostgreSQL: what a trigger raises is the record's, whatever code it has: %s",
  async (code) => {
    const place = await postgresPlace();
    await place.beside.execute("CREATE TABLE events (id int PRIMARY KEY, w text, v text)");
    await place.beside.execute(
      `CREATE FUNCTION judge() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
         IF NEW.v = 'bad' THEN RAISE EXCEPTION 'not this one' USING ERRCODE = '${code}'; END IF; RETURN NEW; END $$`,
    );
    await place.beside.execute(
      "CREATE TRIGGER judge BEFORE INSERT ON events FOR EACH ROW EXECUTE FUNCTION judge()",
    );
    await refusesOnly(place, "bad", "good", /not this one/, null);
  },
);

test("P2: PostgreSQL: an error of a trigger's own statement fails the run, and is no record's", async () => {
  const place = await postgresPlace();
  await place.beside.execute("CREATE TABLE events (id int PRIMARY KEY, w text, v text)");
  await place.beside.execute(
    "CREATE FUNCTION judge() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO nosuch VALUES (1); RETURN NEW; END $$",
  );
  await place.beside.execute(
    "CREATE TRIGGER judge BEFORE INSERT ON events FOR EACH ROW EXECUTE FUNCTION judge()",
  );
  const refusals = new KeptRefusals();
  const session = await fenced(place, { key: "id", refusals });
  await session.write({ records: [{ id: 1, v: "a" }] });
  await expect(session.commit(commitOf())).rejects.toMatchObject({
    code: "OUTPUT_FAILED",
    message: expect.stringContaining("nosuch"),
  });
  expect(refusals.refused).toEqual([]);
});

test("PostgreSQL: a value at fault is found among records that wait outside memory", async () => {
  const place = await postgresPlace();
  await place.beside.execute("CREATE TABLE events (id int PRIMARY KEY, v tsvector)");
  const refusals = new KeptRefusals();
  const session = await fenced(place, { key: "id", refusals });
  for (let from = 0; from < 21_000; from += 7_000) {
    const records = Array.from({ length: 7_000 }, (_, at) => ({
      id: from + at,
      v: from + at === 5_000 ? "'" : "a",
    }));
    await session.write({ records });
  }
  expect(await session.commit(commitOf())).toEqual({ written: 20_999 });
  expect(refusals.refused).toMatchObject([
    { name: "the record with id 5000", reason: { details: { field: "v" } } },
  ]);
});

describeMysql("MariaDB", () => {
  test.each(["latin1", "utf8mb3", "ascii"])(
    "a key that %s has no letters for is refused, and no other",
    async (charset) => {
      const place = await mysqlPlace();
      await place.beside.execute(
        `CREATE TABLE events (id VARCHAR(50) CHARACTER SET ${charset} PRIMARY KEY, v TEXT)`,
      );
      const refusals = new KeptRefusals();
      const session = await fenced(place, { key: "id", refusals });
      await session.write({ records: ["a", "日😀", "b"].map((id) => ({ id, v: "x" })) });
      expect(await session.commit(commitOf())).toEqual({ written: 2 });
      expect(refusals.refused).toMatchObject([
        { name: 'the record with id "日😀"', reason: { details: { field: "id" } } },
      ]);
    },
  );

  test("a value is named by its field where the server names no column", async () => {
    const place = await mysqlPlace();
    await place.beside.execute("CREATE TABLE events (id INT PRIMARY KEY, w TEXT, v GEOMETRY)");
    await refusesOnly(place, "POINT(1 2)", null, /geometry/i);
  });

  test("P7: the largest FLOAT is taken", async () => {
    const place = await mysqlPlace();
    await place.beside.execute("CREATE TABLE events (id INT PRIMARY KEY, v FLOAT)");
    const session = await fenced(place, { key: "id" });
    await session.write({
      records: [
        { id: 1, v: 3.4028235e38 },
        { id: 2, v: -3.4028235e38 },
      ],
    });
    await session.commit(commitOf());
    const largest = Math.fround(3.4028235e38);
    expect(await rows(place, "SELECT id, v * 1e0 AS v FROM events ORDER BY id")).toEqual([
      { id: 1, v: largest },
      { id: 2, v: -largest },
    ]);
  });
});
