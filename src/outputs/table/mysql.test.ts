import { expect, test } from "vitest";
import {
  commitOf,
  deliver,
  fenced,
  kinds,
  mysqlPlace,
  nextEpoch,
  rows,
  sequence,
} from "../../../test/support/database-output.ts";
import { describeMysql } from "../../../test/support/mysql-tests.ts";
import type { SqlConnection } from "../../databases/port.ts";
import { ExactNumber } from "../../model/exact-number.ts";

/** The ids of the sessions in the test's own database, but for the one that asks. */
async function sessions(beside: SqlConnection): Promise<number[]> {
  const found = await beside.query(
    "SELECT id FROM information_schema.processlist WHERE db = DATABASE() AND id <> CONNECTION_ID()",
  );
  return found.map(({ id }) => Number(id));
}

describeMysql("writing to MariaDB", () => {
  test("P6: keys that differ in case, accents or blanks at their end are different keys", async () => {
    const place = await mysqlPlace();
    const names = ["a", "A", "á", "a ", "a\t", " a", "", "😀", "ａ", "a\0"];
    const records = names.map((name, at) => ({ name, at }));
    await deliver(place, records, { key: "name" });
    await deliver(place, records, { key: "name" });
    const found = await rows(place, "SELECT name, at FROM events ORDER BY at");
    expect(found).toEqual(records);
  });

  test("keys of several columns fit into an index, and a text too long for one is refused by name", async () => {
    const place = await mysqlPlace();
    const key = ["a", "b", "c"];
    const long = "é".repeat(256);
    await deliver(place, [{ a: long, b: long, c: 1, v: "x" }], { key });
    await deliver(place, [{ a: long, b: long, c: "1", v: "y" }], { key });
    expect(await rows(place, "SELECT CHAR_LENGTH(a) AS a, c, v FROM events")).toEqual([
      { a: 256, c: "1", v: "y" },
    ]);
    const session = await fenced(place, { key });
    const records = [
      { a: "ok", b: "", c: "2" },
      { a: `${long}é`, b: "", c: "3" },
    ];
    await expect(session.write({ records })).rejects.toMatchObject({
      code: "RECORD_INVALID",
      message: expect.stringMatching(/the field `a` of the record with a .*it has 257 characters/),
    });
  });

  test.each([
    [
      "that is computed",
      [
        "CREATE TABLE events (id BIGINT PRIMARY KEY, email VARCHAR(50), low VARCHAR(50) AS (LOWER(email)) STORED UNIQUE)",
      ],
    ],
    [
      "that a trigger fills",
      [
        "CREATE TABLE events (id BIGINT PRIMARY KEY, email VARCHAR(50), low VARCHAR(50) UNIQUE)",
        "CREATE TRIGGER fill BEFORE INSERT ON events FOR EACH ROW SET NEW.low = LOWER(NEW.email)",
      ],
    ],
  ])("P2: so is one that would meet a unique key %s", async (_, statements) => {
    const place = await mysqlPlace();
    for (const statement of statements) await place.beside.execute(statement);
    const session = await fenced(place, { key: "id" });
    await session.write({
      records: [
        { id: 1, email: "A@b" },
        { id: 2, email: "a@B" },
      ],
    });
    await expect(session.commit(commitOf())).rejects.toMatchObject({
      code: "CONFIG_INCOHERENT",
      message: expect.stringContaining("keeps low unique in addition to id"),
    });
    expect(await rows(place, "SELECT id FROM events")).toEqual([]);
  });

  test("P2: an upsert that would meet another unique key is refused, since it would replace another record's row", async () => {
    const place = await mysqlPlace();
    await place.beside.execute(
      "CREATE TABLE events (id BIGINT PRIMARY KEY, email VARCHAR(50) UNIQUE, v INT)",
    );
    await deliver(place, [{ id: 1, v: 1 }], { key: "id" });
    const session = await fenced(place, { key: "id" });
    await session.write({ records: [{ id: 2, email: "a@b", v: 2 }] });
    await expect(session.commit(commitOf())).rejects.toMatchObject({
      code: "CONFIG_INCOHERENT",
      message: expect.stringContaining("keeps email unique in addition to id"),
    });
    expect(await rows(place, "SELECT id, v FROM events")).toEqual([{ id: 1, v: 1 }]);
    await place.beside.execute("DROP TABLE events");
    await place.beside.execute(
      "CREATE TABLE events (id BIGINT PRIMARY KEY, code INT NOT NULL DEFAULT 7 UNIQUE)",
    );
    const again = await fenced(place, { key: "id" });
    await again.write({ records: [{ id: 1 }] });
    await expect(again.commit(commitOf())).rejects.toMatchObject({ code: "CONFIG_INCOHERENT" });
  });

  test("rows that the server numbers can be upserted by a key of the records", async () => {
    const place = await mysqlPlace();
    await place.beside.execute(
      "CREATE TABLE events (row_no BIGINT AUTO_INCREMENT PRIMARY KEY, id VARCHAR(20) UNIQUE, v INT, spare INT UNIQUE, UNIQUE (id, v))",
    );
    await deliver(
      place,
      [
        { id: "a", v: 1 },
        { id: "b", v: 1 },
      ],
      { key: "id" },
    );
    await deliver(place, [{ id: "a", v: 2 }], { key: "id" });
    expect(await rows(place, "SELECT id, v FROM events ORDER BY id")).toEqual([
      { id: "a", v: 2 },
      { id: "b", v: 1 },
    ]);
  });

  test("a key of 0 is 0, also where the server would number it", async () => {
    const place = await mysqlPlace();
    await place.beside.execute("CREATE TABLE events (id BIGINT AUTO_INCREMENT PRIMARY KEY, v INT)");
    await deliver(place, [{ id: 0, v: 1 }], { key: "id" });
    await deliver(place, [{ id: 0, v: 2 }], { key: "id" });
    expect(await rows(place)).toEqual([{ id: 0, v: 2 }]);
  });

  test("P2: a table that has no transactions is refused", async () => {
    const place = await mysqlPlace();
    await place.beside.execute("CREATE TABLE events (id BIGINT) ENGINE=MyISAM");
    await expect(place.open()).rejects.toMatchObject({
      code: "CONFIG_INCOHERENT",
      message: expect.stringContaining("MyISAM"),
      hint: expect.stringContaining("ENGINE=InnoDB"),
    });
  });

  test("P7: numbers with more digits than a DECIMAL are kept as text, tiny and huge doubles too", async () => {
    const place = await mysqlPlace();
    const digits = "1".repeat(36);
    const fraction = `0.${"0".repeat(30)}1`;
    await deliver(place, [
      { id: 1, a: new ExactNumber(digits), b: 0.5, c: 1e-9, d: 1.5, e: new ExactNumber("1.25e30") },
    ]);
    await deliver(place, [{ id: 2, a: 1, b: new ExactNumber(fraction), c: 5e-324, d: 1e300, e: 1e21 }]);
    const texts = (await rows(place)).map((row) =>
      Object.fromEntries(Object.entries(row as object).map(([name, value]) => [name, String(value)])),
    );
    expect(texts).toEqual([
      { id: "1", a: digits, b: "0.5", c: "0.000000001", d: "1.5", e: "1250000000000000000000000000000" },
      { id: "2", a: "1", b: fraction, c: "5e-324", d: "1e+300", e: "1000000000000000000000" },
    ]);
  });

  test("P1: a widening that was stopped half-way is finished by whoever comes next", async () => {
    const place = await mysqlPlace();
    await deliver(place, [
      { id: 1, flag: true, n: 0.5 },
      { id: 2, flag: false, n: 10 },
    ]);
    // As it stands between the first step and the second.
    const pending = (from: string) => `COMMENT 'Tidemark is turning this to text from ${from}'`;
    await place.beside.execute(
      `ALTER TABLE events MODIFY COLUMN flag LONGTEXT ${pending("boolean")}, MODIFY COLUMN n LONGTEXT ${pending("decimal")}`,
    );
    expect(await rows(place, "SELECT flag FROM events ORDER BY id")).toEqual([{ flag: "1" }, { flag: "0" }]);
    await deliver(place, [{ id: 3, flag: "0", n: "0.50" }]);
    expect(await rows(place)).toEqual([
      { id: 1, flag: "true", n: "0.5" },
      { id: 2, flag: "false", n: "10" },
      { id: 3, flag: "0", n: "0.50" },
    ]);
    const [table] = await place.beside.query("SHOW CREATE TABLE events");
    expect(String(table?.["Create Table"])).not.toContain("turning");
  });

  test("P4: a run that was overtaken changes no rows, though it brings new columns", async () => {
    const place = await mysqlPlace();
    const older = await fenced(place);
    await older.write({ records: [{ id: 1, extra: "x" }] });
    const commit = commitOf();
    await fenced(place);
    await expect(older.commit(commit)).rejects.toMatchObject({ code: "RUN_SUPERSEDED" });
    expect(await rows(place)).toEqual([]);
  });

  test("P2: a commit that makes the table, and is refused then, leaves neither rows nor commit position", async () => {
    const place = await mysqlPlace();
    const session = await fenced(place);
    await session.write({ records: [{ id: 1 }] });
    await session.commit(commitOf());
    await session.write({ records: [{ id: 2, fresh: true }] });
    const refusal = new Error("the state says no");
    await expect(
      session.commit(
        commitOf({
          within: async () => {
            throw refusal;
          },
        }),
      ),
    ).rejects.toBe(refusal);
    expect(await rows(place, "SELECT id FROM events")).toEqual([{ id: 1 }]);
    expect((await (await place.open()).fence(nextEpoch()))?.sequence).toBe(sequence - 1);
  });

  test("P1: a commit whose connection breaks is reported as unavailable, and the commit position tells what became of it", async () => {
    const place = await mysqlPlace();
    const session = await fenced(place);
    await session.write({ records: [{ id: 1 }] });
    await session.commit(commitOf());
    await session.write({ records: [{ id: 2 }] });
    const broken = session.commit(
      commitOf({
        within: async () => {
          for (const id of await sessions(place.beside)) await place.beside.execute(`KILL ${id}`);
        },
      }),
    );
    await expect(broken).rejects.toMatchObject({ code: "OUTPUT_UNAVAILABLE", recoverable: true });
    const next = await place.open();
    expect((await next.fence(nextEpoch()))?.sequence).toBe(sequence - 1);
    expect(await rows(place)).toEqual([{ id: 1 }]);
  });

  test("a connection that waits for its source is not ended by the server's own limit", async () => {
    const place = await mysqlPlace();
    // Long enough for a busy machine to commit in it.
    const session = await fenced(place, { leaseSeconds: 3 });
    await session.write({ records: [{ id: 1 }] });
    await session.commit(commitOf());
    // The server's own clock says that it took longer.
    await place.beside.query("SELECT SLEEP(4)");
    await session.write({ records: [{ id: 2 }] });
    await session.commit(commitOf());
    expect(await rows(place)).toHaveLength(2);
  });

  test("P7: what waits outside memory comes to the user's own columns as it was", async () => {
    const place = await mysqlPlace();
    await place.beside.execute(
      "CREATE TABLE events (id BIGINT UNSIGNED PRIMARY KEY, bits BIT(64), at TIMESTAMP(6) NULL, doc JSON, price DECIMAL(65,0), f DOUBLE, b VARBINARY(9), yes BOOLEAN)",
    );
    const vast = new ExactNumber("18446744073709551615");
    const first = {
      id: vast,
      bits: vast,
      at: "2024-02-29T12:00:00.5+02:00",
      doc: { n: new ExactNumber("12345678901234567890.5") },
      price: new ExactNumber("9".repeat(65)),
      f: 0.1,
      b: "\\x00ff",
      yes: true,
    };
    const session = await fenced(place, { key: "id" });
    await session.write({ records: [first] });
    for (let id = 1; id < 12_000; id += 3_000) {
      await session.write({
        records: Array.from({ length: 3_000 }, (_, at) => ({ id: id + at, yes: false })),
      });
    }
    await session.commit(commitOf());
    const [row] = await rows(place, "SELECT * FROM events ORDER BY id DESC LIMIT 1");
    expect(row).toEqual({ ...first, at: "2024-02-29T10:00:00.5Z", yes: 1 });
    expect(await kinds(place)).toMatchObject({ bits: "integer", doc: "json", yes: "integer" });
  });

  test("P7: truth values and numbers that wait come to a column that has become text as the words they are", async () => {
    const place = await mysqlPlace();
    const session = await fenced(place);
    const batch = (from: number, record: object) =>
      Array.from({ length: 6_000 }, (_, at) => ({ id: from + at, ...record }));
    await session.write({ records: batch(0, { flag: true, n: 4, m: 0.5 }) });
    await session.write({ records: batch(6_000, { flag: false, n: 5.25, m: 7 }) });
    await session.write({ records: batch(12_000, { flag: "0", n: "007", m: "x" }) });
    await session.commit(commitOf());
    expect(
      await rows(
        place,
        "SELECT flag, n, m, COUNT(*) AS times FROM events GROUP BY flag, n, m ORDER BY MIN(id)",
      ),
    ).toEqual([
      { flag: "true", n: "4", m: "0.5", times: 6_000 },
      { flag: "false", n: "5.25", m: "7", times: 6_000 },
      { flag: "0", n: "007", m: "x", times: 6_000 },
    ]);
  });

  test("P13: what is more than memory should hold waits on the connection's side, out of everybody's way", async () => {
    const place = await mysqlPlace();
    const session = await fenced(place);
    for (let from = 0; from < 30_000; from += 5_000) {
      await session.write({ records: Array.from({ length: 5_000 }, (_, at) => ({ id: from + at })) });
    }
    expect(
      await rows(
        place,
        "SELECT count(*) AS n FROM information_schema.innodb_trx WHERE trx_rows_modified > 0",
      ),
    ).toEqual([{ n: 0 }]);
    expect(await place.beside.columns("events")).toBeNull();
    await session.commit(commitOf());
    expect(await rows(place, "SELECT count(*) AS n FROM events")).toEqual([{ n: 30_000 }]);
  });

  test("a record larger than the server takes is refused by name, and a large one is not", async () => {
    const place = await mysqlPlace();
    const session = await fenced(place);
    await session.write({ records: [{ id: 1, v: "x".repeat(9_000_000) }] });
    await session.commit(commitOf());
    await session.write({
      records: [
        { id: 2, v: "small" },
        { id: 3, v: "x".repeat(17_000_000) },
      ],
    });
    await expect(session.commit(commitOf())).rejects.toMatchObject({
      code: "OUTPUT_FAILED",
      recoverable: false,
      message: expect.stringMatching(/refused the record with id 3, .*max_allowed_packet/),
    });
    expect(await rows(place, "SELECT id, LENGTH(v) AS length FROM events")).toEqual([
      { id: 1, length: 9_000_000 },
    ]);
  });

  test("field names that the server would not keep are refused", async () => {
    const place = await mysqlPlace();
    const session = await fenced(place);
    for (const name of ["x".repeat(65), "ends with a space ", "smile 😀"]) {
      await expect(session.write({ records: [{ [name]: 1 }] })).rejects.toMatchObject({
        code: "RECORD_INVALID",
        message: expect.stringContaining("cannot be the name of a column"),
      });
    }
    await deliver(place, [{ ["é".repeat(64)]: 1, id: 1 }]);
    await expect(session.write({ records: [{ Name: 1, name: 2 }] })).rejects.toMatchObject({
      code: "RECORD_INVALID",
      message: expect.stringMatching(/`Name` and `name`/),
    });
  });

  test("rows and ledger go to the table's database", async () => {
    const place = await mysqlPlace();
    const [row] = await place.beside.query("SELECT DATABASE() AS name");
    const other = `${row?.name}_x`;
    await expect(place.open({ table: `${other}.Orders` })).rejects.toMatchObject({ code: "OUTPUT_FAILED" });
    await place.beside.execute(`CREATE DATABASE ${other}`);
    try {
      await deliver(place, [{ id: 1 }], { table: `${other}.Orders`, key: "id" });
      await deliver(place, [{ id: 1 }], { table: `${other}.Orders`, key: "id" });
      expect(await rows(place, `SELECT id FROM ${other}.Orders`)).toEqual([{ id: 1 }]);
      expect(await rows(place, `SELECT stream FROM ${other}._tidemark_positions`)).toHaveLength(1);
    } finally {
      await place.beside.execute(`DROP DATABASE ${other}`);
    }
  });

  test("partitions with names of any length have commit positions of their own", async () => {
    const place = await mysqlPlace();
    const session = await fenced(place);
    const names = ["p", "p ", "P", `${"x".repeat(5_000)}1`, `${"x".repeat(5_000)}2`];
    const { position } = commitOf();
    const partitions = names.map((partition, at) => ({
      partition,
      position: { ...position, watermark: String(at) },
    }));
    await session.commit(commitOf({ partitions }));
    const marks = [];
    for (const name of names) marks.push((await session.partition?.(name))?.position.watermark);
    expect(marks).toEqual(["0", "1", "2", "3", "4"]);
  });
});
