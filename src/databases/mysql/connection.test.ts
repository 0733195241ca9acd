import fc from "fast-check";
import { expect, onTestFinished, test } from "vitest";
import { describeMysql, ownMysqlDatabase } from "../../../test/support/mysql-tests.ts";
import { stringifyJson } from "../../model/json.ts";
import { openSql } from "../open.ts";
import type { SqlConnection, SqlRow } from "../port.ts";
import type { SqlRole } from "../roles.ts";

async function open(url: string, role: SqlRole = "output"): Promise<SqlConnection> {
  const connection = await openSql(url, { role });
  onTestFinished(() => connection.close());
  return connection;
}

async function streamed(connection: SqlConnection, sql: string): Promise<SqlRow[]> {
  const rows: SqlRow[] = [];
  for await (const page of connection.stream(sql, [], { pageSize: 100 })) rows.push(...page.rows);
  return rows;
}

/** Every number as it would stand in JSON, so that digits can be compared. */
function literals(row: SqlRow | undefined): unknown {
  return JSON.parse(stringifyJson(row), (_key, value, { source }: { source?: string }) => source ?? value);
}

describeMysql("a connection to MariaDB", () => {
  test("P7: values of every type come back with every digit, asked for or streamed", async () => {
    const connection = await open(await ownMysqlDatabase());
    await connection.execute(`CREATE TABLE t (
      big BIGINT, vast BIGINT UNSIGNED, tiny TINYINT, flag BOOLEAN, small SMALLINT UNSIGNED, mid MEDIUMINT,
      year YEAR, exact DECIMAL(65,30), price DECIMAL(10,2), dbl DOUBLE, flt FLOAT, bits BIT(64), one BIT(1),
      at DATETIME(6), whole DATETIME, stamp TIMESTAMP(6) NULL, day DATE, zero DATETIME, partly DATE, span TIME(6),
      doc JSON, txt TEXT CHARACTER SET utf8mb4, latin VARCHAR(20) CHARACTER SET latin1, blobs BLOB, bin VARBINARY(8), word ENUM('é', 'x'),
      words SET('a', 'b'), place POINT, uid UUID, none INT)`);
    await connection.execute(`INSERT INTO t VALUES (
      -9223372036854775808, 18446744073709551615, -128, TRUE, 65535, -8388608,
      2026, 12345678901234567890123456789012345.000000000000000000000000000001, 12.30, 0.30000000000000004, 16777217.5,
      b'1111111111111111111111111111111111111111111111111111111111111111', b'1',
      '2024-02-29 23:30:00.123450', '2024-02-29 23:30:00', '2024-02-29 23:30:00.000001', '2024-02-29',
      '0000-00-00', '2024-00-00', '-838:59:58.5', '{"n": 12345678901234567890.5}', 'a\\\\b''c\\n€😀',
      'é', x'00ff5c27', x'00', 'é', 'a,b', POINT(1, 2), '7b7d8a6e-98f4-4a6e-8d6b-0d0c6a2f1a11', NULL)`);
    const expected = {
      big: "-9223372036854775808",
      vast: "18446744073709551615",
      tiny: "-128",
      flag: "1",
      small: "65535",
      mid: "-8388608",
      year: "2026",
      exact: "12345678901234567890123456789012345.000000000000000000000000000001",
      price: "12.3",
      dbl: "0.30000000000000004",
      flt: "16777218",
      bits: "18446744073709551615",
      one: "true",
      at: '"2024-02-29T23:30:00.12345"',
      whole: '"2024-02-29T23:30:00"',
      stamp: '"2024-02-29T23:30:00.000001Z"',
      day: '"2024-02-29"',
      zero: '"0000-00-00 00:00:00"',
      partly: '"2024-00-00"',
      span: '"-838:59:58.5"',
      doc: { n: "12345678901234567890.5" },
      txt: JSON.stringify("a\\b'c\n€😀"),
      latin: '"é"',
      blobs: '"\\\\x00ff5c27"',
      bin: '"\\\\x00"',
      word: '"é"',
      words: '"a,b"',
      place: '"\\\\x000000000101000000000000000000f03f0000000000000040"',
      uid: '"7b7d8a6e-98f4-4a6e-8d6b-0d0c6a2f1a11"',
      none: "null",
    };
    const [row] = await streamed(connection, "SELECT * FROM t");
    expect(literals(row)).toEqual(expected);
    const [asked] = await connection.query("SELECT * FROM t");
    // The text form of a FLOAT has six digits, and of a TIME all there is room for.
    expect(literals(asked)).toEqual({ ...expected, flt: "16777200", span: '"-838:59:58.500000"' });
  });

  test("P7: a FLOAT is the shortest decimal that it can be", async () => {
    const connection = await open(await ownMysqlDatabase());
    await connection.execute("CREATE TABLE t (v FLOAT)");
    await connection.execute(
      "INSERT INTO t VALUES (0.1), (1.2345678), (3.4e38), (-7), (125.702354), (1e-45)",
    );
    expect((await streamed(connection, "SELECT v FROM t")).map(({ v }) => v)).toEqual([
      0.1, 1.2345678, 3.4e38, -7, 125.702354, 1e-45,
    ]);
  });

  test("P7: parameters arrive as they are, wherever they stand and as often", async () => {
    const connection = await open(await ownMysqlDatabase());
    const text = 'it\'s \\ "quoted" \0 `?1` \n -- ?2 😀';
    const [row] = await connection.query(
      'SELECT ?1 AS text, \'?1\' AS quoted, "it\\"s ?1" AS doubled, ?2 -?2 AS minus, 5-?3 AS less, ?4 AS bytes, ?5 AS yes, ?6 IS NULL AS none /* ?1 */ -- ?1\n # ?9',
      [text, 9223372036854775807n, -3, new Uint8Array([0, 39, 92]), true, null],
    );
    expect(literals(row)).toEqual({
      text: JSON.stringify(text),
      quoted: '"?1"',
      doubled: '"it\\"s ?1"',
      minus: "0",
      less: "8",
      bytes: '"\\\\x00275c"',
      yes: "1",
      none: "1",
    });
    await expect(connection.query("SELECT ?1", [Number.NaN])).rejects.toMatchObject({ code: "QUERY_FAILED" });
  });

  test("P7: any text and any bytes come back as they went", async () => {
    const connection = await open(await ownMysqlDatabase());
    const text = fc.string({
      unit: fc.constantFrom("\\", "'", '"', "\0", "?", "1", "%", "\n", "é", "😀", "\u001a", "\b"),
    });
    await fc.assert(
      fc.asyncProperty(
        text,
        fc.uint8Array(),
        fc.bigInt({ min: -(2n ** 63n), max: 2n ** 64n - 1n }),
        async (word, bytes, number) => {
          const [row] = await connection.query("SELECT ?1 AS word, ?2 AS bytes, ?3 AS number", [
            word,
            bytes,
            number,
          ]);
          expect([row?.word, row?.bytes, String(row?.number)]).toEqual([
            word,
            `\\x${Buffer.from(bytes).toString("hex")}`,
            String(number),
          ]);
        },
      ),
      { numRuns: 300 },
    );
  });

  test("a stream gives pages of rows with their kinds, and sees one snapshot", async () => {
    const url = await ownMysqlDatabase();
    const writer = await open(url);
    await writer.execute("CREATE TABLE t (id INT, at DATETIME(6), price DECIMAL(12,2), tags JSON)");
    await writer.execute("INSERT INTO t SELECT seq, '1970-01-01', seq, '[]' FROM seq_1_to_5");
    const reader = await open(url, "input");
    const pages = [];
    for await (const { columns, rows } of reader.stream("SELECT * FROM t WHERE id >= ?1 ORDER BY id", [2], {
      pageSize: 2,
    })) {
      if (pages.length === 0) await writer.execute("INSERT INTO t (id) VALUES (6)");
      expect(columns).toEqual([
        { name: "id", kind: "integer" },
        { name: "at", kind: "timestamp" },
        { name: "price", kind: "decimal" },
        { name: "tags", kind: "json" },
      ]);
      pages.push(rows.map(({ id }) => id));
    }
    expect(pages).toEqual([
      [2, 3],
      [4, 5],
    ]);
    expect(await reader.query("SELECT count(*) AS n FROM t")).toEqual([{ n: 6 }]);
  });

  test("P13: rows that are not asked for stay with the server", async () => {
    const connection = await open(await ownMysqlDatabase(), "input");
    const before = process.memoryUsage().rss;
    let rows = 0;
    let most = 0;
    const wide = "SELECT seq, REPEAT('x', 10000) AS wide FROM seq_1_to_100000";
    for await (const page of connection.stream(wide, [], { pageSize: 500 })) {
      rows += page.rows.length;
      most = Math.max(most, process.memoryUsage().rss - before);
      // Time enough for a driver that reads ahead to fill memory with a gigabyte.
      if (rows <= 5_000) await new Promise((resolve) => setTimeout(resolve, 20));
      if (rows >= 30_000) break;
    }
    expect(most).toBeLessThan(250 * 1024 * 1024);
    expect(await connection.query("SELECT 1 AS n")).toEqual([{ n: 1 }]);
  });

  test("a stream that is left early leaves the connection as it was", async () => {
    const connection = await open(await ownMysqlDatabase());
    for await (const _ of connection.stream("SELECT seq FROM seq_1_to_10000000", [], { pageSize: 10 })) break;
    expect(await connection.query("SELECT 1 AS n")).toEqual([{ n: 1 }]);
    expect(await connection.query("SELECT @@in_transaction AS open")).toEqual([{ open: 0 }]);
  });

  test("a stream changes nothing in its source", async () => {
    const connection = await open(await ownMysqlDatabase(), "input");
    await connection.execute("CREATE TABLE t (id INT)");
    await expect(streamed(connection, "INSERT INTO t VALUES (1) RETURNING id")).rejects.toMatchObject({
      code: "QUERY_FAILED",
    });
    expect(await connection.query("SELECT * FROM t")).toEqual([]);
  });

  test("an abort between two pages, two columns of one name, and a refused query leave the connection as it was", async () => {
    const connection = await open(await ownMysqlDatabase(), "input");
    const stop = new AbortController();
    const reading = (async () => {
      const pages = connection.stream("SELECT seq FROM seq_1_to_100", [], {
        pageSize: 1,
        signal: stop.signal,
      });
      for await (const _ of pages) stop.abort(new Error("enough"));
    })();
    await expect(reading).rejects.toThrow("enough");
    for (const [sql, why] of [
      ["SELECT 1 AS id, 2 AS id", "`id`"],
      ["SELECT * FROM nowhere", "nowhere"],
      ["SELECT EXP(seq * 300) FROM seq_1_to_5", "out of range"],
    ] as const) {
      await expect(streamed(connection, sql)).rejects.toMatchObject({
        code: "QUERY_FAILED",
        message: expect.stringContaining(why),
      });
      expect(await connection.query("SELECT @@in_transaction AS open")).toEqual([{ open: 0 }]);
    }
  });

  test("an abort breaks off a query that is running, and gives the abort's reason", async () => {
    const url = await ownMysqlDatabase();
    const connection = await open(url, "input");
    const beside = await open(url);
    const stop = new AbortController();
    const reading = (async () => {
      const pages = connection.stream("SELECT SLEEP(3600)", [], { pageSize: 1, signal: stop.signal });
      for await (const _ of pages);
    })();
    const running =
      "SELECT 1 AS one FROM information_schema.processlist WHERE info = 'SELECT SLEEP(3600)' AND db = DATABASE()";
    await expect.poll(() => beside.query(running)).toHaveLength(1);
    stop.abort(new Error("enough"));
    await expect(reading).rejects.toThrow("enough");
    expect(await connection.query("SELECT 1 AS n")).toEqual([{ n: 1 }]);
  });

  test("the server's own modes, zone and character set do not change what is read or written", async () => {
    const url = await ownMysqlDatabase();
    const connection = await open(url);
    await connection.execute(
      "CREATE TABLE t (at TIMESTAMP(6) NULL, name CHAR(5) CHARACTER SET utf8mb4, n TINYINT)",
    );
    await connection.execute("INSERT INTO t VALUES (?1, ?2, 1)", ["2024-07-01 12:00:00.5", "a\\'😀"]);
    expect(await connection.query("SELECT * FROM t")).toEqual([
      { at: "2024-07-01T12:00:00.5Z", name: "a\\'😀", n: 1 },
    ]);
    expect(await connection.query('SELECT UNIX_TIMESTAMP(at) AS s, "text" AS t FROM t')).toEqual([
      { s: 1719835200.5, t: "text" },
    ]);
    await expect(connection.execute("INSERT INTO t (n) VALUES (1000)")).rejects.toMatchObject({
      code: "QUERY_FAILED",
      message: expect.stringContaining("Out of range"),
    });
  });

  test("two connections to one database have one identity, two databases two", async () => {
    const url = await ownMysqlDatabase();
    const other = await ownMysqlDatabase();
    const first = (await open(url)).identity;
    expect((await open(url.replace("mysql:", "mariadb:"))).identity).toBe(first);
    expect((await open(other)).identity).not.toBe(first);
    expect(first).not.toContain("tidemark-test");
  });

  test("a wrong password, a missing database and a lost connection are distinguished, by role", async () => {
    const url = await ownMysqlDatabase();
    const wrong = new URL(url);
    wrong.password = "not-the-word";
    const refused = await openSql(wrong.href, { role: "output" }).catch((error) => error);
    expect(refused).toMatchObject({ code: "OUTPUT_UNAVAILABLE", recoverable: false });
    expect(refused.message).not.toContain("not-the-word");
    const missing = new URL(url);
    missing.pathname = "/no_such_database";
    await expect(openSql(missing.href, { role: "input" })).rejects.toMatchObject({
      code: "SOURCE_UNAVAILABLE",
      recoverable: false,
      message: expect.stringContaining("no_such_database"),
    });
    const nobody = new URL(url);
    nobody.port = "1";
    await expect(openSql(nobody.href, { role: "input" })).rejects.toMatchObject({
      code: "SOURCE_UNAVAILABLE",
      recoverable: true,
    });

    const connection = await open(url, "input");
    const killer = await open(url);
    const [row] = await connection.query("SELECT CONNECTION_ID() AS id");
    await killer.execute(`KILL ${row?.id}`);
    await expect(connection.query("SELECT 1")).rejects.toMatchObject({
      code: "SOURCE_UNAVAILABLE",
      recoverable: true,
    });
    await expect(connection.query("SELECT 1")).rejects.toMatchObject({ code: "SOURCE_UNAVAILABLE" });
  });

  test("a connection that is lost in the middle of a stream is reported as such", async () => {
    const url = await ownMysqlDatabase();
    const connection = await open(url, "input");
    const killer = await open(url);
    const [row] = await connection.query("SELECT CONNECTION_ID() AS id");
    const reading = (async () => {
      const wide = "SELECT REPEAT('x', 10000) AS wide FROM seq_1_to_100000";
      for await (const _ of connection.stream(wide, [], { pageSize: 10 })) {
        await killer.execute(`KILL ${row?.id}`).catch(() => {});
      }
    })();
    await expect(reading).rejects.toMatchObject({ code: "SOURCE_UNAVAILABLE", recoverable: true });
  });

  test("a lock that is not granted and a deadlock may succeed later; a broken rule may not", async () => {
    const url = await ownMysqlDatabase();
    const one = await open(url);
    const other = await open(url);
    await one.execute("CREATE TABLE t (id INT PRIMARY KEY, v INT)");
    await one.execute("INSERT INTO t VALUES (1, 0), (2, 0)");
    await expect(one.execute("INSERT INTO t VALUES (1, 0)")).rejects.toMatchObject({
      code: "QUERY_FAILED",
      message: expect.stringContaining("Duplicate entry '1'"),
      details: { sqlState: "23000", error: "ER_DUP_ENTRY" },
    });
    await one.execute("BEGIN");
    await other.execute("BEGIN");
    await one.execute("UPDATE t SET v = 1 WHERE id = 1");
    await other.execute("SET SESSION innodb_lock_wait_timeout = 1");
    await expect(other.execute("UPDATE t SET v = 2 WHERE id = 1")).rejects.toMatchObject({
      code: "OUTPUT_UNAVAILABLE",
      recoverable: true,
      message: expect.stringContaining("lock"),
    });
    await other.execute("SET SESSION innodb_lock_wait_timeout = 20");
    await other.execute("UPDATE t SET v = 2 WHERE id = 2");
    const waits = [
      one.execute("UPDATE t SET v = 3 WHERE id = 2"),
      other.execute("UPDATE t SET v = 3 WHERE id = 1"),
    ];
    const failed = (await Promise.allSettled(waits)).find(({ status }) => status === "rejected");
    expect(failed).toMatchObject({ reason: { code: "OUTPUT_UNAVAILABLE", recoverable: true } });
    await one.execute("ROLLBACK");
    await other.execute("ROLLBACK");
  });

  test("columns tells what a table has, and null where there is none", async () => {
    const connection = await open(await ownMysqlDatabase());
    expect(await connection.columns("t")).toBeNull();
    expect(await connection.columns("no_such_database.t")).toBeNull();
    await connection.execute("CREATE TABLE `T x.y` (id BIGINT, at DATETIME, doc JSON, flag BOOLEAN)");
    expect(await connection.columns('"T x.y"')).toEqual([
      { name: "id", kind: "integer" },
      { name: "at", kind: "timestamp" },
      { name: "doc", kind: "json" },
      { name: "flag", kind: "integer" },
    ]);
  });

  test("a placeholder has the type of the column that it is compared with", async () => {
    const connection = await open(await ownMysqlDatabase());
    await connection.execute(
      "CREATE TABLE t (id BIGINT, at DATETIME, stamp TIMESTAMP, day DATE, name VARCHAR(9), n DECIMAL(3))",
    );
    const sql = "SELECT * FROM t WHERE at > ?1 AND id > ?2 LIMIT 5";
    expect(
      await connection.parameterTypes(sql, ["at", "id", "stamp", "day", "name", "n", "other", null]),
    ).toEqual(["datetime", "integer", "timestamp", "date", "text", "decimal", null, null]);
    await expect(connection.parameterTypes("SELECT nonsense", [])).rejects.toMatchObject({
      code: "QUERY_FAILED",
    });
  });

  test("the clock is the server's", async () => {
    const connection = await open(await ownMysqlDatabase());
    const before = Date.now();
    const now = await connection.now();
    expect(now).toBeGreaterThan(before - 5_000);
    expect(now).toBeLessThan(Date.now() + 5_000);
  });
});
