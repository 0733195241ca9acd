import fc from "fast-check";
import { describe, expect, onTestFinished, test } from "vitest";
import {
  claimed,
  commitOf,
  deliver,
  KeptRefusals,
  type Place,
  placeAt,
  places,
  postgresPlace,
  rows,
  sqlitePlace,
} from "../../../test/support/database-output.ts";
import type { Committed } from "../../engine/ports.ts";
import type { SourceRecord } from "../../model/record.ts";

const checked =
  "CREATE TABLE events (id INTEGER PRIMARY KEY, v VARCHAR(20) NOT NULL, n INTEGER CHECK (n < 100))";

/** One commit of these records, and what it came to. */
async function commitWith(
  place: Place,
  records: readonly SourceRecord[],
  options: Parameters<Place["open"]>[0] = {},
): Promise<{ committed: Committed | undefined; refusals: KeptRefusals }> {
  const refusals = new KeptRefusals();
  const session = await claimed(place, { refusals, ...options });
  await session.write({ records });
  const committed = (await session.commit(commitOf())) ?? undefined;
  await session.close();
  return { committed, refusals };
}

describe.each(places)("%s refuses records", (database, createPlace) => {
  test("the record at fault is named with its field, though it is not the batch's first, and nothing is written", async () => {
    for (const key of ["id", undefined]) {
      const place = await createPlace();
      await place.beside.execute(checked);
      const records = [1, 2, 3, 4, 5].map((id) => ({ id, v: id === 4 ? null : `value ${id}`, n: id }));
      const session = await claimed(place, key === undefined ? {} : { key });
      await session.write({ records });
      await expect(session.commit(commitOf())).rejects.toMatchObject({
        code: "OUTPUT_FAILED",
        message: expect.stringMatching(/the table events refused the record with id 4.*the field `v`/),
        hint: expect.stringContaining("onError: deadLetter"),
        details: { table: "events", field: "v" },
      });
      expect(await rows(place)).toEqual([]);
    }
  });

  test("where the run goes on, the other records of the batch are written in the same transaction", async () => {
    const place = await createPlace();
    await place.beside.execute(checked);
    const records = Array.from({ length: 300 }, (_, id) => ({
      id,
      v: `value ${id}`,
      n: id % 150 === 120 ? 777 : 1,
    }));
    const { committed, refusals } = await commitWith(place, records, { key: "id" });
    expect(committed).toEqual({ written: 298 });
    expect(refusals.records).toEqual([records[120], records[270]]);
    expect(refusals.settled).toBe(2);
    expect(refusals.refused[0]).toMatchObject({
      name: "the record with id 120",
      reason: { code: "OUTPUT_FAILED", details: { table: "events" } },
    });
    expect(await rows(place, "SELECT id FROM events ORDER BY id")).toHaveLength(298);
    const [entry] = await place.beside.query("SELECT records FROM _tidemark_positions");
    expect(entry).toEqual({ records: 298 });
  });

  test("P2: a commit is refused whole where the failure is about no record", async () => {
    const place = await createPlace();
    const refusals = new KeptRefusals();
    const session = await claimed(place, { key: "id", refusals });
    await session.write({ records: [{ id: 1, v: "a" }] });
    await session.commit(commitOf());
    await place.beside.execute("DROP TABLE events");
    await place.beside.execute("CREATE TABLE events (id INTEGER PRIMARY KEY)");
    await session.write({ records: [{ id: 2, v: "b" }] });
    await expect(session.commit(commitOf())).rejects.toMatchObject({ code: "OUTPUT_FAILED" });
    expect(refusals.refused).toEqual([]);
  });

  test("a version of a record that is refused leaves the one before it", async () => {
    const place = await createPlace();
    await place.beside.execute(checked);
    const records = [
      { id: 1, v: "old", n: 1 },
      { id: 2, v: "two", n: 1 },
      { id: 1, v: "new", n: 500 },
    ];
    const { refusals, committed } = await commitWith(place, records, { key: "id" });
    expect(refusals.records).toEqual([records[2]]);
    expect(committed).toEqual({ written: 2 });
    expect(await rows(place, "SELECT id, v FROM events ORDER BY id")).toEqual([
      { id: 1, v: "old" },
      { id: 2, v: "two" },
    ]);
  });

  test("a record that lacks another of its batch is not refused, wherever the other stands", async () => {
    const place = await createPlace();
    await place.beside.execute(
      "CREATE TABLE events (id INTEGER PRIMARY KEY, boss INTEGER, v VARCHAR(9) NOT NULL, FOREIGN KEY (boss) REFERENCES events (id))",
    );
    const records = [
      { id: 4, boss: 3, v: "d" },
      { id: 3, boss: 2, v: "c" },
      { id: 9, boss: 8, v: "no such boss" },
      { id: 2, boss: 1, v: "b" },
      { id: 7, boss: 1, v: null },
      { id: 1, boss: null, v: "a" },
    ].map((record) => ({ ...record, v: record.v?.slice(0, 9) ?? null }));
    const { refusals, committed } = await commitWith(place, records, { key: "id" });
    expect(await rows(place, "SELECT id FROM events ORDER BY id")).toEqual(
      [1, 2, 3, 4].map((id) => ({ id })),
    );
    expect(new Set(refusals.records)).toEqual(new Set([records[2], records[4]]));
    expect(committed).toEqual({ written: 4 });
  });

  test("a record is refused by another unique key, and no other row is touched", async () => {
    if (database === "mysql") return;
    const place = await createPlace();
    await place.beside.execute("CREATE TABLE events (id INTEGER PRIMARY KEY, nick VARCHAR(20) UNIQUE)");
    await place.beside.execute("INSERT INTO events VALUES (2, 'abc')");
    const { refusals } = await commitWith(
      place,
      [
        { id: 44, nick: "abc" },
        { id: 45, nick: "xyz" },
      ],
      { key: "id" },
    );
    expect(refusals.refused).toMatchObject([{ record: { id: 44 }, reason: { details: { field: "nick" } } }]);
    expect(await rows(place)).toEqual([
      { id: 2, nick: "abc" },
      { id: 45, nick: "xyz" },
    ]);
  });

  test("a field that can be no column's name refuses its record and makes no column of the others in it", async () => {
    const place = await createPlace();
    const odd = { id: 2, extra: 1, "half \ud800": 1 };
    const { refusals, committed } = await commitWith(place, [{ id: 1, v: "a" }, odd, { id: 3, v: "c" }], {
      key: "id",
    });
    expect(refusals.refused).toMatchObject([
      { record: odd, reason: { code: "RECORD_INVALID", hint: expect.stringContaining("mapping") } },
    ]);
    expect(committed).toEqual({ written: 2 });
    expect(await rows(place)).toEqual([
      { id: 1, v: "a" },
      { id: 3, v: "c" },
    ]);
    await expect(
      (await claimed(place, { key: "id" })).write({ records: [{ id: 5, v: "e" }, odd] }),
    ).rejects.toMatchObject({
      code: "RECORD_INVALID",
      message: expect.stringMatching(
        /the record with id 2 cannot be written to the table events: the field `half/,
      ),
    });
  });

  test("P7: half of a surrogate pair is refused by record and field, not replaced", async () => {
    const place = await createPlace();
    const records = [
      { id: 1, v: "fine 😀" },
      { id: 2, v: "half \ud83d" },
      { id: 3, v: "é" },
    ];
    const { refusals } = await commitWith(place, records, { key: "id" });
    expect(refusals.refused).toMatchObject([
      {
        record: { id: 2 },
        reason: { details: { field: "v" }, message: expect.stringContaining("half of a surrogate pair") },
      },
    ]);
    expect(await rows(place)).toEqual([records[0], records[2]]);
  });

  test("P13: of more than memory holds, the record at fault is found too, and comes back as it was", async () => {
    const place = await createPlace();
    await place.beside.execute(checked);
    const records = Array.from({ length: 12_000 }, (_, id) => ({ id, v: `v ${id}`, n: 1 }));
    const bad = { id: 7, v: "x", n: 200, note: null };
    const write = async (refusals?: KeptRefusals) => {
      const session = await claimed(place, { key: "id", ...(refusals === undefined ? {} : { refusals }) });
      const given = records.map((record, at) => (at === 7 ? bad : record));
      for (let from = 0; from < given.length; from += 4_000)
        await session.write({ records: given.slice(from, from + 4_000) });
      return session;
    };
    await expect((await write()).commit(commitOf())).rejects.toMatchObject({
      message: expect.stringContaining("refused the record with id 7"),
    });
    expect(await rows(place, "SELECT count(*) AS n FROM events")).toEqual([{ n: 0 }]);
    const refusals = new KeptRefusals();
    expect(await (await write(refusals)).commit(commitOf())).toEqual({ written: 11_999 });
    expect(refusals.records).toEqual([bad]);
    expect(await rows(place, "SELECT count(*) AS n FROM events")).toEqual([{ n: 11_999 }]);
  });
});

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
      const session = await claimed(place, key === undefined ? { table: "added" } : { key });
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
  const session = await claimed(place, { key: "id" });
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

test("rows that a trigger, a rule or a view leaves out do not count as written", async () => {
  const postgres = await postgresPlace();
  await postgres.beside.execute(
    `CREATE FUNCTION odd() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN IF NEW.id % 2 = 0 THEN RETURN NULL; END IF; RETURN NEW; END';
     CREATE TABLE events (id int PRIMARY KEY, v text);
     CREATE TRIGGER odd BEFORE INSERT ON events FOR EACH ROW EXECUTE FUNCTION odd();
     CREATE TABLE ruled (id int PRIMARY KEY, v text);
     CREATE RULE none AS ON INSERT TO ruled WHERE NEW.id > 3 DO INSTEAD NOTHING`,
  );
  const records = [1, 2, 3, 4, 5].map((id) => ({ id, v: "a" }));
  for (const key of ["id", undefined]) {
    await postgres.beside.execute("TRUNCATE events");
    const told: string[] = [];
    const { committed } = await commitWith(postgres, records, {
      warnings: told,
      ...(key === undefined ? {} : { key }),
    });
    expect(committed).toEqual({ written: 3 });
    expect(told.map((warning) => warning.split(" ")[0])).toEqual(["ROWS_LEFT_OUT"]);
    expect(await rows(postgres)).toHaveLength(3);
  }
  expect((await commitWith(postgres, records, { table: "ruled" })).committed).toEqual({ written: 3 });
  const sqlite = await sqlitePlace();
  await sqlite.beside.execute("CREATE TABLE events (id INTEGER PRIMARY KEY, v TEXT)");
  await sqlite.beside.execute(
    "CREATE TRIGGER odd BEFORE INSERT ON events WHEN NEW.id % 2 = 0 BEGIN SELECT RAISE(IGNORE); END",
  );
  expect((await commitWith(sqlite, records, { key: "id" })).committed).toEqual({ written: 3 });
});

test("rows that were there already count as written, also where nothing but the key is written", async () => {
  for (const [, createPlace] of places) {
    const place = await createPlace();
    await deliver(place, [{ id: 1 }, { id: 2 }], { key: "id" });
    expect((await commitWith(place, [{ id: 1 }, { id: 3 }], { key: "id" })).committed).toEqual({
      written: 2,
    });
  }
});

test("P2: of any records with any at fault, exactly those at fault are refused", async () => {
  const place = await sqlitePlace();
  await place.beside.execute(checked);
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(fc.nat(15), fc.boolean()), { maxLength: 60 }),
      fc.boolean(),
      async (drawn, upserts) => {
        await place.beside.execute("DROP TABLE events");
        await place.beside.execute(upserts ? checked : checked.replace("PRIMARY KEY", ""));
        const records = drawn.map(([id, isBad], at) => ({ id, v: `version ${at}`, n: isBad ? 100 : 1 }));
        const { refusals, committed } = await commitWith(place, records, upserts ? { key: "id" } : {});
        const good = records.filter(({ n }) => n < 100);
        expect(refusals.records).toEqual(records.filter(({ n }) => n === 100));
        expect(committed).toEqual({ written: good.length });
        const expected = upserts ? [...new Map(good.map((record) => [record.id, record])).values()] : good;
        expect(
          new Set((await rows(place, "SELECT v FROM events")).map((row) => JSON.stringify(row))),
        ).toEqual(new Set(expected.map(({ v }) => JSON.stringify({ v }))));
      },
    ),
    { numRuns: 60 },
  );
});
