import { expect, test } from "vitest";
import { ids, inputOf, mysqlPlace, numbers, read, stream } from "../../../test/support/database-input.ts";
import { describeMysql } from "../../../test/support/mysql-tests.ts";

describeMysql("reading MariaDB", () => {
  test("P6: every kind of column that times are kept in is read on from where it was", async () => {
    const place = await mysqlPlace();
    await place.beside.execute(
      `CREATE TABLE events (id INT PRIMARY KEY, stamp TIMESTAMP(6) NULL, wall DATETIME(6), day DATE,
        ms BIGINT, sec DECIMAL(20,6), iso VARCHAR(40), own VARCHAR(40))`,
    );
    await place.beside.execute(
      `INSERT INTO events VALUES
        (1, '2024-06-30 21:59:59', '2024-06-30 23:59:59', '2024-06-30', 1719784799000, 1719784799, '2024-06-30T23:59:59+02:00', '30.06.2024 23:59:59'),
        (2, '2024-06-30 22:00:00.000001', '2024-07-01 00:00:00.000001', '2024-07-01', 1719784800000, 1719784800, '2024-07-01T00:00:00+02:00', '01.07.2024 00:00:00'),
        (3, '2024-07-01 06:00:00', '2024-07-01 08:00:00', '2024-07-02', 1719813600000, 1719813600, '2024-06-30T23:00:00-07:00', '01.07.2024 08:00:00')`,
    );
    const timezone = "Europe/Paris";
    const ways: [field: string, more: object, lower: string, expected: number[], lowered?: number[]][] = [
      ["stamp", { timezone }, "2024-06-30T22:00:00.000001Z", [2, 3]],
      ["stamp", {}, "2024-06-30T22:00:00.000001Z", [2, 3]],
      ["wall", { timezone }, "2024-06-30T22:00:00.000001Z", [2, 3]],
      ["wall", {}, "2024-07-01T00:00:00.000001Z", [2, 3]],
      ["day", {}, "2024-07-01T00:00:00Z", [2, 3], [1, 2, 3]],
      ["ms", { format: "epoch_ms" }, "2024-06-30T22:00:00Z", [2, 3]],
      ["sec", { format: "epoch_s" }, "2024-06-30T22:00:00Z", [2, 3], [1, 2, 3]],
    ];
    for (const [field, more, lower, expected, lowered = expected] of ways) {
      const statePersistence = { timestamp: { field, ...more } };
      expect(await ids(inputOf(place, { table: "events", statePersistence }), lower), field).toEqual(
        expected,
      );
      const query = `SELECT * FROM events WHERE ${field} >= $1 ORDER BY ${field}`;
      const input = inputOf(place, { query, statePersistence: { ...statePersistence, order: "ascending" } });
      expect(await ids(input, lower), `${field} by a query`).toEqual(lowered);
      expect(await ids(input), `${field} on a first run`).toEqual([1, 2, 3]);
      const events = stream(input);
      await events.run();
      await place.beside.execute(
        `INSERT INTO events (id, ${field}) SELECT 4, ${field} FROM events WHERE id = 3`,
      );
      await events.run();
      expect(events.ids(), field).toEqual([1, 2, 3, 4]);
      await place.beside.execute("DELETE FROM events WHERE id = 4");
    }
    // Letters are not in the order of time, so that a query is asked for a day more.
    const byQuery = inputOf(place, {
      query: "SELECT * FROM events WHERE iso >= $1 ORDER BY iso",
      statePersistence: { timestamp: { field: "iso" } },
    });
    expect(await read(byQuery, "2024-07-01T06:00:00Z")).toMatchObject({
      warnings: ["BOUND_WIDE"],
      pages: [[{}, {}, {}]],
    });
    const same = inputOf(place, {
      query: "SELECT id, iso AS renamed FROM events WHERE stamp > $1 ORDER BY stamp",
      statePersistence: { timestamp: { field: "renamed" } },
    });
    expect(await ids(same)).toEqual([1, 2, 3]);
  });

  test("times with zeros in them are an error that names the record, and not left out", async () => {
    const place = await mysqlPlace();
    await place.beside.execute("CREATE TABLE events (id INT, at DATETIME)");
    await place.beside.execute("INSERT INTO events VALUES (7, '0000-00-00'), (8, '2024-01-01')");
    await expect(
      stream(inputOf(place, { table: "events", key: "id", cursor: "at" })).run(),
    ).rejects.toMatchObject({ code: "CURSOR_NULL", message: expect.stringContaining("0000-00-00") });
  });

  test("numbers past 64 bits, and below zero, are bound as they are", async () => {
    const place = await mysqlPlace();
    await place.beside.execute("CREATE TABLE events (id DECIMAL(40,2), big BIGINT UNSIGNED)");
    await place.beside.execute(
      "INSERT INTO events VALUES (-5.5, 1), (123456789012345678901234567890.25, 18446744073709551614), (123456789012345678901234567891, 18446744073709551615)",
    );
    const byId = inputOf(place, { table: "events", statePersistence: { id: { field: "id" } } });
    expect((await ids(byId, "123456789012345678901234567890.5")).map(String)).toEqual([
      "123456789012345678901234567890.25",
      "123456789012345678901234567891",
    ]);
    expect(await ids(byId, "-5.5")).toHaveLength(3);
    const byBig = inputOf(place, {
      query: "SELECT * FROM events WHERE big > $1 ORDER BY big",
      statePersistence: { id: { field: "big" } },
    });
    expect(await ids(byBig, "18446744073709551615")).toHaveLength(1);
    expect(await ids(byBig)).toHaveLength(3);
  });

  test("P6: texts are compared by code point, with the blanks at their end", async () => {
    const place = await mysqlPlace();
    await place.beside.execute("CREATE TABLE events (id VARCHAR(20) CHARACTER SET utf8mb4)");
    await place.beside.execute(
      "INSERT INTO events VALUES ('a'), ('a '), ('a\\t'), ('A'), ('😀'), ('é'), ('ｚ')",
    );
    const input = inputOf(place, {
      table: "events",
      key: "id",
      statePersistence: { id: { field: "id", type: "text" } },
    });
    expect(await ids(input)).toEqual(["A", "a", "a\t", "a ", "é", "ｚ", "😀"]);
    expect(await ids(input, "a\t")).toEqual(["a\t", "a ", "é", "ｚ", "😀"]);
  });

  test("a query in MySQL's own words is understood: its quotes, comments and limits", async () => {
    const place = await mysqlPlace();
    await place.beside.execute('CREATE TABLE `events` (id INT, `odd $1 "name` VARCHAR(20))');
    await place.beside.execute("INSERT INTO events SELECT seq, 'x' FROM seq_1_to_9");
    const input = inputOf(place, {
      query: `SELECT id, "it's $2 LIMIT 1" AS a, 'say \\'$3\\'' AS b, \`odd $1 "name\` -- $4 LIMIT 2
        FROM events # $5 ; LIMIT 3
        WHERE id > $1 AND 5--3 = 8 /* $6 */ AND ($1 IS NULL OR id >= $1) ORDER BY id LIMIT 0, 4`,
      statePersistence: { id: { field: "id" } },
    });
    const { pages } = await read(input, "2");
    expect(pages.map((page) => page.length)).toEqual([4, 4]);
    expect(pages[0]?.[0]).toEqual({ id: 2, a: "it's $2 LIMIT 1", b: "say '$3'", 'odd $1 "name': "x" });
  });

  test("slices are read at the same time, each on a connection of its own", async () => {
    const place = await mysqlPlace();
    await place.beside.execute("CREATE TABLE events (id INT PRIMARY KEY)");
    await place.beside.execute("INSERT INTO events SELECT seq FROM seq_1_to_1000");
    const events = stream(
      inputOf(place, {
        table: "events",
        key: "id",
        commitSafe: false,
        pageSize: 7,
        statePersistence: {
          id: { field: "id" },
          start: "1",
          slices: { step: "100", concurrency: 4 },
          until: undefined,
        },
      }),
    );
    await events.run();
    expect(events.ids().toSorted((a, b) => Number(a) - Number(b))).toEqual(numbers(1, 1000));
  });
});
