import { expect, onTestFinished, test } from "vitest";
import { commitWith } from "../../../test/support/committed-records.ts";
import {
  commitOf,
  deliver,
  fenced,
  placeAt,
  postgresPlace,
  rows,
  sqlitePlace,
} from "../../../test/support/database-output.ts";

test("PostgreSQL: U+0000 in a text, in JSON and in a name in JSON is refused by record and field, with what to do", async () => {
  for (const odd of ["a\0b", { note: "a\0b" }, [{ "a\0b": 1 }]]) {
    const place = await postgresPlace();
    const plain = typeof odd === "string" ? "ab" : { note: 1 };
    const records = [
      { id: 1, v: plain },
      { id: 2, v: odd },
      { id: 3, v: plain },
    ];
    for (const key of ["id", undefined]) {
      const session = await fenced(place, key === undefined ? { table: "added" } : { key });
      await session.write({ records });
      await expect(session.commit(commitOf())).rejects.toMatchObject({
        message: expect.stringMatching(
          /refused the record with id 2.*the field `v`: it holds the character U\+0000/,
        ),
        hint: expect.stringMatching(typeof odd === "string" ? /script/ : /script.*columns: \{ v: text \}/),
      });
    }
    const { refusals } = await commitWith(place, records, { key: "id" });
    expect(refusals.records).toEqual([records[1]]);
    expect(await rows(place, "SELECT id FROM events ORDER BY id")).toEqual([{ id: 1 }, { id: 3 }]);
  }
});

test("SQLite keeps U+0000 in a text", async () => {
  const place = await sqlitePlace();
  await deliver(place, [{ id: 1, v: "a\0b" }], { key: "id" });
  expect(await rows(place)).toEqual([{ id: 1, v: "a\0b" }]);
});

test("PostgreSQL: a value that a column's type cannot be read from is named by its field", async () => {
  const place = await postgresPlace();
  await place.beside.execute("CREATE TABLE events (id int PRIMARY KEY, at timestamptz, ip inet, tags int[])");
  const good = { id: 1, at: "2026-01-01T00:00:00Z", ip: "10.0.0.1", tags: [1] };
  const bad = [
    { ...good, id: 2, at: "soon" },
    { ...good, id: 3, ip: "10.0.0.1.1" },
    { ...good, id: 4, tags: ["x"] },
  ];
  const { refusals } = await commitWith(place, [good, ...bad], { key: "id" });
  expect(refusals.refused.map(({ record, reason }) => [record, reason.details?.field])).toEqual([
    [bad[0], "at"],
    [bad[1], "ip"],
    [bad[2], "tags"],
  ]);
  expect(await rows(place, "SELECT id FROM events")).toEqual([{ id: 1 }]);
});

test("PostgreSQL: a field by the name of a system column refuses its record", async () => {
  const place = await postgresPlace();
  const { refusals } = await commitWith(
    place,
    ["ctid", "xmin", "tableoid"].map((name, id) => ({ id, [name]: 1 })),
  );
  expect(refusals.refused).toHaveLength(3);
  expect(refusals.refused[0]?.reason.message).toContain("`ctid` cannot be the name of a column");
});

test("SQLite: fields by the names of the row's own number are columns like others", async () => {
  const place = await sqlitePlace();
  const records = Array.from({ length: 12_000 }, (_, at) => ({
    id: at,
    rowid: at + 5,
    _rowid_: `r${at}`,
    oid: at * 2,
  }));
  const session = await fenced(place, { key: "id" });
  for (let from = 0; from < records.length; from += 4_000)
    await session.write({ records: records.slice(from, from + 4_000) });
  await session.commit(commitOf());
  expect(await rows(place, "SELECT * FROM events ORDER BY id LIMIT 2")).toEqual(records.slice(0, 2));
});

test("PostgreSQL: a constraint that is deferred to the end of the transaction refuses its record too", async () => {
  const place = await postgresPlace();
  await place.beside.execute(
    `CREATE TABLE groups (id int PRIMARY KEY);
     INSERT INTO groups VALUES (1);
     CREATE TABLE events (id int PRIMARY KEY, grp int REFERENCES groups (id) DEFERRABLE INITIALLY DEFERRED)`,
  );
  const { refusals, committed } = await commitWith(
    place,
    [1, 2, 3].map((id) => ({ id, grp: id === 2 ? 5 : 1 })),
    { key: "id" },
  );
  expect(refusals.records).toEqual([{ id: 2, grp: 5 }]);
  expect(refusals.refused[0]?.reason.details).toMatchObject({ field: "grp" });
  expect(committed).toEqual({ written: 2 });
});

test("PostgreSQL: a row that a policy of the table does not admit is refused, and a missing right is not", async () => {
  const place = await postgresPlace();
  const role = `writer_${new URL(place.url).pathname.slice(1)}`;
  await place.beside.execute(
    `CREATE TABLE events (id int PRIMARY KEY, tenant int);
     ALTER TABLE events ENABLE ROW LEVEL SECURITY;
     CREATE POLICY own ON events USING (tenant = 1) WITH CHECK (tenant = 1);
     CREATE ROLE ${role} LOGIN PASSWORD 'writer'; GRANT ALL ON SCHEMA public TO ${role}; GRANT ALL ON events TO ${role}`,
  );
  onTestFinished(async () => {
    await place.beside.execute(`DROP OWNED BY ${role}; DROP ROLE ${role}`);
  });
  const url = new URL(place.url);
  url.username = role;
  url.password = "writer";
  const tenant = await placeAt(url.href);
  const records = [1, 2, 3].map((id) => ({ id, tenant: id === 2 ? 5 : 1 }));
  const { refusals, committed } = await commitWith(tenant, records, { key: "id" });
  expect(refusals.records).toEqual([{ id: 2, tenant: 5 }]);
  expect(committed).toEqual({ written: 2 });
  await place.beside.execute(`REVOKE INSERT ON events FROM ${role}`);
  await expect(commitWith(tenant, [{ id: 4, tenant: 1 }], { key: "id" })).rejects.toMatchObject({
    code: "OUTPUT_FAILED",
  });
});

test("SQLite: a foreign key that is deferred to the end of the transaction refuses its record too", async () => {
  const place = await sqlitePlace();
  await place.beside.execute("CREATE TABLE groups (id INTEGER PRIMARY KEY, a TEXT, b INT, UNIQUE (a, b))");
  await place.beside.execute("INSERT INTO groups VALUES (1, 'x', 5)");
  const deferred = "DEFERRABLE INITIALLY DEFERRED";
  await place.beside.execute(
    `CREATE TABLE events (id INTEGER PRIMARY KEY, grp TEXT REFERENCES groups ${deferred}, a TEXT, b INT,
       above INT REFERENCES events (id) ${deferred}, FOREIGN KEY (a, b) REFERENCES groups (a, b) ${deferred})`,
  );
  const { refusals, committed } = await commitWith(
    place,
    [
      { id: 1, grp: "1", a: "x", b: 5, above: 6 },
      { id: 2, grp: "5", a: "x", b: 5, above: null },
      { id: 3, grp: null, a: "x", b: null, above: 1 },
      { id: 4, grp: "1", a: "x", b: 6, above: 3 },
      { id: 5, grp: "1", a: null, b: 6, above: 99 },
      { id: 6, grp: "1", a: "x", b: 5, above: 1 },
    ],
    { key: "id" },
  );
  const refused = refusals.refused.map(({ record, reason }) => [Object(record).id, reason.details?.field]);
  expect(refused.toSorted()).toEqual([
    [2, "grp"],
    [4, "a"],
    [5, "above"],
  ]);
  expect(refusals.refused[0]?.reason.message).toMatch(/there is no row of \w+ that it refers to/);
  expect(committed).toEqual({ written: 3 });
  expect(await rows(place, "SELECT id FROM events ORDER BY id")).toEqual([{ id: 1 }, { id: 3 }, { id: 6 }]);
  await expect(
    deliver(place, [{ id: 7, grp: "5", a: null, b: null, above: null }], { key: "id" }),
  ).rejects.toMatchObject({ message: expect.stringMatching(/record with id 7: the field `grp`/) });
});
