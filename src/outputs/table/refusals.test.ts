import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { commitWith } from "../../../test/support/committed-records.ts";
import {
  commitOf,
  deliver,
  fenced,
  KeptRefusals,
  places,
  postgresPlace,
  rows,
  sqlitePlace,
} from "../../../test/support/database-output.ts";

const checked =
  "CREATE TABLE events (id INTEGER PRIMARY KEY, v VARCHAR(20) NOT NULL, n INTEGER CHECK (n < 100))";

describe.each(places)("%s refuses records", (database, createPlace) => {
  test("the record at fault is named with its field, though it is not the batch's first, and nothing is written", async () => {
    for (const key of ["id", undefined]) {
      const place = await createPlace();
      await place.beside.execute(checked);
      const records = [1, 2, 3, 4, 5].map((id) => ({ id, v: id === 4 ? null : `value ${id}`, n: id }));
      const session = await fenced(place, key === undefined ? {} : { key });
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
    const session = await fenced(place, { key: "id", refusals });
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

  test("a record that lacks another of its batch is not refused, wherever the other is", async () => {
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
      (await fenced(place, { key: "id" })).write({ records: [{ id: 5, v: "e" }, odd] }),
    ).rejects.toMatchObject({
      code: "RECORD_INVALID",
      message: expect.stringMatching(
        /the record with id 2 cannot be written to the table events: the field `half/,
      ),
    });
  });

  test("of a batch, as many records count as taken as are not refused: none where all of them are", async () => {
    const session = await fenced(await createPlace(), { key: "id", refusals: new KeptRefusals() });
    const odd = { id: 2, "half \ud800": 1 };
    expect(await session.write({ records: [odd] })).toBe(0);
    expect(await session.write({ records: [{ id: 1 }, odd, { id: 3 }] })).toBe(2);
    expect(await session.commit(commitOf())).toEqual({ written: 2 });
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
      const session = await fenced(place, { key: "id", ...(refusals === undefined ? {} : { refusals }) });
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
