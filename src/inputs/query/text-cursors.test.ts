import { describe, expect, test } from "vitest";
import { inputOf, mysqlPlace, postgresPlace, read, stream } from "../../../test/support/database-input.ts";
import { describeMysql } from "../../../test/support/mysql-tests.ts";
import { uuidOrder } from "../../databases/mysql/uuid-order.ts";
import { lowestUuid, uuidNotAfter } from "../../databases/uuid.ts";

const uuid = (n: number) => `018f0000-0000-7000-8000-${String(n).padStart(12, "0")}`;
const byText = { statePersistence: { id: { field: "id", type: "text" } } };

describe("PostgreSQL", () => {
  test("a uuid column is a text cursor, compared bare so that its index is used", async () => {
    const place = await postgresPlace();
    await place.run("CREATE TABLE ev (id uuid PRIMARY KEY, v int)");
    await place.run(
      `INSERT INTO ev SELECT ('018f0000-0000-7000-8000-' || lpad(g::text, 12, '0'))::uuid, g FROM generate_series(1, 5) g`,
    );
    const { run, ids } = stream(inputOf(place, { table: "ev", key: "id", ...byText }));
    expect(await run()).toMatchObject({ recordsWritten: 5, newCursor: uuid(5) });
    await place.run(`INSERT INTO ev VALUES ('${uuid(7)}', 7), ('${uuid(6)}', 6)`);
    expect(await run()).toMatchObject({ recordsRead: 3, recordsWritten: 2, warnings: [] });
    expect(ids().slice(5)).toEqual([uuid(6), uuid(7)]);
    expect(await place.beside.dialect.tables.comparedAsText(place.beside, "ev", "id", "text")).toBe('"id"');
  });

  test("a query on a uuid column reads from the first run on, whichever way it compares", async () => {
    for (const comparison of [
      "id >= $1",
      "id > $1",
      "id >= COALESCE($1, '00000000-0000-0000-0000-000000000000'::uuid)",
    ]) {
      const place = await postgresPlace();
      await place.run("CREATE TABLE ev (id uuid PRIMARY KEY, v int)");
      await place.run(`INSERT INTO ev VALUES ('${uuid(1)}', 1), ('${uuid(10)}', 2)`);
      const query = `SELECT * FROM ev WHERE ${comparison} ORDER BY id`;
      const { run, ids } = stream(inputOf(place, { query, key: "id", ...byText }));
      await run();
      await place.run(`INSERT INTO ev VALUES ('018f0000-0000-7000-8000-00000000001a', 3)`);
      await run();
      await place.run(`INSERT INTO ev VALUES ('018f0000-0000-7000-8000-00000000001b', 4)`);
      expect(await run()).toMatchObject({ recordsWritten: 1 });
      expect(ids()).toHaveLength(4);
    }
  });

  test.each([
    ["text", "b", "B", ["B", "b"]],
    ["varchar(9)", "b", "B", ["B", "b"]],
    ["bytea", "\\xff", "\\x0a00", ["\\x0a00", "\\xff"]],
    ["macaddr", "08:00:2b:01:02:03", "00:00:2b:01:02:03", ["00:00:2b:01:02:03", "08:00:2b:01:02:03"]],
  ])("a column of type %s comes in the order of its texts", async (type, first, second, sorted) => {
    const place = await postgresPlace();
    await place.beside.execute(`CREATE TABLE ev (id ${type} PRIMARY KEY)`);
    await place.beside.execute(`INSERT INTO ev VALUES ('${first}'), ('${second}')`);
    const { pages } = await read(inputOf(place, { table: "ev", ...byText }));
    expect(pages.flat().map(({ id }) => id)).toEqual(sorted);
  });

  test("an enum and a domain come in the order of their texts", async () => {
    const place = await postgresPlace();
    await place.beside.execute("CREATE TYPE size AS ENUM ('small', 'large'); CREATE DOMAIN code AS uuid");
    await place.beside.execute("CREATE TABLE sizes (id size); INSERT INTO sizes VALUES ('small'), ('large')");
    const { pages } = await read(inputOf(place, { table: "sizes", ...byText }), "large");
    expect(pages.flat()).toEqual([{ id: "large" }, { id: "small" }]);
    await place.beside.execute(`CREATE TABLE codes (id code); INSERT INTO codes VALUES ('${uuid(2)}')`);
    expect((await read(inputOf(place, { table: "codes", ...byText }), uuid(1))).pages).toHaveLength(1);
  });

  test.each(["int", "timestamptz", "inet", "pg_lsn"])(
    "a column of type %s is refused by name",
    async (type) => {
      const place = await postgresPlace();
      await place.beside.execute(`CREATE TABLE ev (id ${type})`);
      await expect(read(inputOf(place, { table: "ev", ...byText }))).rejects.toMatchObject({
        code: "CONFIG_INCOHERENT",
        message: expect.stringMatching(/the column id of ev is of type .* not sort as text/),
      });
    },
  );
});

describeMysql("MariaDB", () => {
  const early = "7b7d8a6e-98f4-11ee-8d6b-0d0c6a2f1a11";
  const late = "1b7d8a6e-98f5-11ee-8d6b-0d0c6a2f1a11";

  test("a UUID column is compared by its text, although the server sorts it otherwise", async () => {
    const place = await mysqlPlace();
    await place.beside.execute("CREATE TABLE ev (id UUID PRIMARY KEY)");
    await place.beside.execute(`INSERT INTO ev VALUES ('${early}'), ('${late}'), ('${uuid(1)}')`);
    const { run, ids } = stream(inputOf(place, { table: "ev", key: "id", ...byText }));
    expect(await run()).toMatchObject({ warnings: [] });
    expect(ids()).toEqual([uuid(1), late, early]);
    expect(await run()).toMatchObject({ recordsRead: 1, recordsWritten: 0 });
  });

  test("a query that leaves the order to MariaDB is warned of, where that is another", async () => {
    const place = await mysqlPlace();
    await place.beside.execute("CREATE TABLE ev (id UUID PRIMARY KEY)");
    await place.beside.execute(`INSERT INTO ev VALUES ('${uuid(1)}'), ('${uuid(2)}')`);
    const bare = stream(inputOf(place, { query: "SELECT * FROM ev WHERE id >= $1", key: "id", ...byText }));
    expect(await bare.run()).toMatchObject({ recordsWritten: 2, warnings: [] });
    await place.beside.execute(`INSERT INTO ev VALUES ('${early}')`);
    expect((await bare.run()).warnings).toMatchObject([
      { code: "CURSOR_ORDER_DIFFERS", message: expect.stringContaining("CAST(id AS CHAR)") },
    ]);
    const query = "SELECT CAST(id AS CHAR) AS id FROM ev WHERE CAST(id AS CHAR) >= $1";
    const cast = stream(inputOf(place, { query, key: "id", ...byText }));
    expect(await cast.run()).toMatchObject({ recordsWritten: 3, warnings: [] });
  });
});

test("a text bound for a uuid column is never after the text", () => {
  expect(uuidNotAfter(uuid(7))).toBe(uuid(7));
  expect(uuidNotAfter("018f0000-0000-7000-8000-00000000001`")).toBe("018f0000-0000-7000-8000-000000000019");
  expect(uuidNotAfter("018f0000-0000-7000-8000-00000000001/")).toBe("018f0000-0000-7000-8000-00000000000f");
  expect(uuidNotAfter("018f0000-0000-7000-8000-00000000000/")).toBe("018f0000-0000-7000-7fff-ffffffffffff");
  expect(uuidNotAfter("")).toBe(lowestUuid);
  expect(uuidNotAfter("00000000-0000-0000-0000-00000000000/")).toBe(lowestUuid);
  expect([uuid(1), "7b7d8a6e-98f4-11ee-8d6b-0d0c6a2f1a11", "x", null].map(uuidOrder.differs)).toEqual([
    false,
    true,
    false,
    false,
  ]);
});
