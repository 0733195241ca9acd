import { describe, expect, test, vi } from "vitest";
import {
  mysqlPlace,
  type Place,
  places,
  postgresPlace,
  sqlitePlace,
} from "../../test/support/database-input.ts";
import { describeMysql } from "../../test/support/mysql-tests.ts";
import type { CatalogTable } from "./catalog.ts";
import { openSql } from "./open.ts";
import type { SqlConnection } from "./port.ts";

const notAborted = new AbortController().signal;

async function tablesOf(connection: SqlConnection, schemas: readonly string[] | null = null) {
  return (await connection.catalog()).tables(schemas, notAborted);
}

/** The tables of the place's own schema, by name. */
async function ownTables({ beside }: Place): Promise<Map<string, CatalogTable>> {
  const tables = await tablesOf(beside, (await beside.catalog()).searchPath);
  return new Map(tables.map((table) => [table.name, table]));
}

async function make(place: Place, ...statements: readonly string[]): Promise<void> {
  for (const statement of statements) await place.beside.execute(statement);
}

/** Every place but SQLite's second one: how a file is locked makes no difference here. */
const each = places.filter(([name], at) => at === 0 || name !== "sqlite");

const numbered = {
  sqlite: "INTEGER PRIMARY KEY",
  postgres: "bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY",
  mysql: "BIGINT AUTO_INCREMENT PRIMARY KEY",
} as const;
const names = (table: CatalogTable | undefined) => table?.columns.map(({ name }) => name);

describe.each(each)("a catalog on %s", (database, newPlace) => {
  const quoted = (name: string) => (database === "mysql" ? `\`${name}\`` : `"${name}"`);

  test("has the columns of each table as a read of it returns them, computed ones too", async () => {
    const place = await newPlace();
    const timestamp = { sqlite: "DATETIME", postgres: "timestamptz", mysql: "DATETIME(6)" }[database];
    const json = { sqlite: "JSON", postgres: "jsonb", mysql: "JSON" }[database];
    const bytes = { sqlite: "BLOB", postgres: "bytea", mysql: "BLOB" }[database];
    await make(
      place,
      `CREATE TABLE orders (id ${numbered[database]}, total DECIMAL(10,2) NOT NULL, ratio DOUBLE PRECISION,
         twice DECIMAL(12,2) GENERATED ALWAYS AS (total * 2) STORED, name VARCHAR(20), at ${timestamp}, day DATE,
         paid BOOLEAN, more ${json}, raw ${bytes}, small SMALLINT NOT NULL DEFAULT 7)`,
      "CREATE VIEW cheap AS SELECT id, total AS price, name FROM orders",
    );
    const tables = await ownTables(place);
    expect([...tables.keys()]).toEqual(["cheap", "orders"]);
    for (const { name, columns } of tables.values()) {
      const read = columns.map((column) => ({ name: column.name, kind: column.kind }));
      expect({ name, read }).toEqual({ name, read: await place.beside.columns(name) });
    }
    const orders = tables.get("orders");
    expect(orders).toMatchObject({ kind: "table", readable: true, isOurs: false, primaryKey: ["id"] });
    expect(orders?.columns.filter(({ nullable }) => !nullable).map(({ name }) => name)).toEqual([
      "id",
      "total",
      "small",
    ]);
    expect(orders?.columns.filter((column) => column.numbered).map(({ name }) => name)).toEqual(["id"]);
    expect(orders?.columns.find(({ name }) => name === "name")?.type.toLowerCase()).toMatch(
      /^(?:var|character var).*\(20\)$/,
    );
    expect(tables.get("cheap")).toMatchObject({
      kind: "view",
      readable: true,
      primaryKey: [],
      estimatedRows: null,
    });
  });

  test("has keys in their own order, and only those that every row has", async () => {
    const place = await newPlace();
    await make(
      place,
      "CREATE TABLE pairs (a INT NOT NULL, b INT NOT NULL, c INT NOT NULL, d INT, e INT, PRIMARY KEY (b, a))",
      "CREATE UNIQUE INDEX pairs_cd ON pairs (c, d)",
      "CREATE UNIQUE INDEX pairs_ca ON pairs (c, a)",
      "CREATE INDEX pairs_eb ON pairs (e, b)",
      "CREATE TABLE codes (code VARCHAR(9) NOT NULL UNIQUE, other VARCHAR(9) UNIQUE)",
      "CREATE TABLE notes (text VARCHAR(9))",
    );
    if (database !== "mysql") {
      await make(place, "CREATE UNIQUE INDEX some_codes ON codes (code) WHERE other IS NULL");
      await make(place, "CREATE UNIQUE INDEX lower_codes ON codes (lower(other), code)");
    }
    const tables = await ownTables(place);
    expect(tables.get("pairs")).toMatchObject({ primaryKey: ["b", "a"], uniqueKeys: [["c", "a"]] });
    expect(new Set(tables.get("pairs")?.indexed)).toEqual(new Set(["b", "c", "e"]));
    expect(tables.get("codes")).toMatchObject({ primaryKey: [], uniqueKeys: [["code"]] });
    expect(tables.get("notes")).toMatchObject({ primaryKey: [], uniqueKeys: [], indexed: [] });
  });

  test("has names as they are: capitals, dots, quotes, spaces, other scripts", async () => {
    const place = await newPlace();
    const odd = ["Mixed Case", "with.dot", "it's", "käse_注文", "per%cent_", 'quo"ted'];
    for (const name of odd) {
      const written = quoted(name.replaceAll('"', database === "mysql" ? '"' : '""'));
      await make(
        place,
        `CREATE TABLE ${written} (${quoted("Column.One")} INT NOT NULL PRIMARY KEY, ${quoted("b c")} INT)`,
      );
    }
    const tables = await ownTables(place);
    expect(new Set(tables.keys())).toEqual(new Set(odd));
    for (const table of tables.values()) {
      expect(names(table)).toEqual(["Column.One", "b c"]);
      expect(table.primaryKey).toEqual(["Column.One"]);
    }
  });

  test("knows the tables that an output made, and has no temporary ones", async () => {
    const place = await newPlace();
    const store = await place.beside.tableStore();
    const column = {
      name: "id",
      field: "id",
      kind: "integer",
      type: store.rules.typeOf("integer"),
      array: false,
    } as const;
    await store.begin();
    await store.create("copied", [column], ["id"]);
    await store.commit();
    await make(place, "CREATE TABLE plain (id INT)", "CREATE TEMPORARY TABLE passing (id INT)");
    const tables = await ownTables(place);
    expect([...tables.values()].map(({ name, isOurs }) => [name, isOurs])).toEqual([
      ["copied", true],
      ["plain", false],
    ]);
  });

  test("asks the same number of questions for 1 table and for 200", async () => {
    const place = await newPlace();
    await make(place, "CREATE TABLE t_0 (id INT NOT NULL PRIMARY KEY, updated_at DATE, name VARCHAR(9))");
    const queries = vi.spyOn(place.beside, "query");
    const first = await ownTables(place);
    const asked = queries.mock.calls.length;
    for (let n = 1; n < 200; n++) {
      await make(
        place,
        `CREATE TABLE t_${n} (id INT NOT NULL PRIMARY KEY, updated_at DATE, name VARCHAR(9))`,
      );
    }
    queries.mockClear();
    const all = await ownTables(place);
    expect([first.size, all.size]).toEqual([1, 200]);
    // The catalog is opened twice: for its search path, and for the tables.
    expect(asked).toBeLessThanOrEqual(6);
    expect(queries).toHaveBeenCalledTimes(asked);
    const wrong = [...all.values()].filter(
      (table) => names(table)?.length !== 3 || table.primaryKey[0] !== "id",
    );
    expect(wrong).toEqual([]);
  });

  test("estimates rows by the database's statistics", async () => {
    const place = await newPlace();
    const values = Array.from({ length: 500 }, (_, id) => `(${id})`).join(", ");
    await make(
      place,
      "CREATE TABLE counted (id INT NOT NULL PRIMARY KEY)",
      `INSERT INTO counted VALUES ${values}`,
    );
    const before = (await ownTables(place)).get("counted")?.estimatedRows;
    if (database !== "mysql") expect(before).toBe(null);
    await place.beside.query(database === "mysql" ? "ANALYZE TABLE counted" : "ANALYZE");
    // SQLite counts by an index, and this table has one.
    expect((await ownTables(place)).get("counted")?.estimatedRows).toBe(500);
  });

  test("throws the signal's reason where it is aborted, and gives nothing for a schema that is not there", async () => {
    const { beside } = await newPlace();
    const catalog = await beside.catalog();
    const reason = new Error("stop");
    await expect(catalog.tables(null, AbortSignal.abort(reason))).rejects.toBe(reason);
    expect(await catalog.tables(["nowhere"], notAborted)).toEqual([]);
    expect(await catalog.tables([], notAborted)).toEqual([]);
  });
});

describe("a catalog of PostgreSQL", () => {
  test("has what is behind domains, and what a domain says of NULL", async () => {
    const place = await postgresPlace();
    await make(
      place,
      "CREATE DOMAIN maybe AS timestamptz",
      "CREATE DOMAIN always AS maybe NOT NULL",
      "CREATE DOMAIN moment AS timestamptz NOT NULL",
      "CREATE DOMAIN change AS moment CHECK (VALUE > '2000-01-01')",
      "CREATE TABLE t (id int, changed_at change, kept moment, outer_one always, none maybe)",
    );
    const [table] = await tablesOf(place.beside);
    expect(table?.columns).toMatchObject([
      { name: "id", type: "integer", base: "int4", kind: "integer", nullable: true },
      { name: "changed_at", type: "change", base: "timestamptz", kind: "timestamp", nullable: false },
      { name: "kept", type: "moment", base: "timestamptz", kind: "timestamp", nullable: false },
      { name: "outer_one", type: "always", base: "timestamptz", kind: "timestamp", nullable: false },
      { name: "none", type: "maybe", base: "timestamptz", kind: "timestamp", nullable: true },
    ]);
  });

  test("has a partitioned table once, with the rows of its partitions", async () => {
    const place = await postgresPlace();
    await make(
      place,
      "CREATE TABLE parted (id int, day date NOT NULL, PRIMARY KEY (id, day)) PARTITION BY RANGE (day)",
      "CREATE TABLE parted_24 PARTITION OF parted FOR VALUES FROM ('2024-01-01') TO ('2025-01-01') PARTITION BY LIST (id)",
      "CREATE TABLE parted_24_1 PARTITION OF parted_24 FOR VALUES IN (1)",
      "CREATE TABLE parted_25 PARTITION OF parted FOR VALUES FROM ('2025-01-01') TO ('2026-01-01')",
      "CREATE INDEX ON parted (day)",
      "INSERT INTO parted VALUES (1, '2024-05-05'), (1, '2025-05-05'), (2, '2025-05-05')",
      "ANALYZE",
      "CREATE MATERIALIZED VIEW summed AS SELECT day, count(*) FROM parted GROUP BY day",
    );
    expect(await tablesOf(place.beside)).toMatchObject([
      { name: "parted", kind: "table", primaryKey: ["id", "day"], indexed: ["id", "day"], estimatedRows: 3 },
      { name: "summed", kind: "view", primaryKey: [] },
    ]);
  });

  test("has other schemas, and says which tables this user may not read", async () => {
    const place = await postgresPlace();
    const role = `reader_${process.pid}_${Date.now()}`;
    await make(
      place,
      'CREATE SCHEMA "Sales Dep"',
      'CREATE TABLE "Sales Dep".orders (id serial PRIMARY KEY, secret text, code text NOT NULL, UNIQUE (code) INCLUDE (secret))',
      'CREATE TABLE "Sales Dep".hidden (id int)',
      "CREATE SCHEMA closed",
      "CREATE TABLE closed.open (id int)",
      "CREATE TABLE partly (id int, secret text)",
      `CREATE ROLE ${role}`,
      `GRANT USAGE ON SCHEMA "Sales Dep" TO ${role}`,
      `GRANT SELECT ON "Sales Dep".orders, closed.open TO ${role}`,
      `GRANT SELECT (id) ON partly TO ${role}`,
      `SET ROLE ${role}`,
    );
    try {
      const tables = await tablesOf(place.beside);
      expect(tables.map(({ schema, name, readable }) => [schema, name, readable])).toEqual([
        ["Sales Dep", "hidden", false],
        ["Sales Dep", "orders", true],
        ["closed", "open", false],
        ["public", "partly", false],
      ]);
      await make(place, 'SET search_path = nowhere, "Sales Dep", public');
      expect((await place.beside.catalog()).searchPath).toEqual(["Sales Dep", "public"]);
      expect(tables[1]?.uniqueKeys).toEqual([["code"]]);
      expect(tables[1]?.columns[0]).toMatchObject({ name: "id", numbered: true });
      expect((await tablesOf(place.beside, ["Sales Dep"])).map(({ name }) => name)).toEqual([
        "hidden",
        "orders",
      ]);
    } finally {
      await make(place, "RESET ROLE", "RESET search_path", `DROP OWNED BY ${role}`, `DROP ROLE ${role}`);
    }
  });
});

describeMysql("a catalog of MySQL and MariaDB", () => {
  test("has the kinds of all types as a read has them, and no invisible columns", async () => {
    const place = await mysqlPlace();
    const isMariaDb = String((await place.beside.query("SELECT VERSION() AS v"))[0]?.v).includes("MariaDB");
    const own = isMariaDb ? ", u UUID, i4 INET4, i6 INET6, key_1 INT INVISIBLE DEFAULT 1" : "";
    await make(
      place,
      `CREATE TABLE kinds (a TINYINT, b MEDIUMINT UNSIGNED, c BIT(1), d BIT(9), e YEAR, f FLOAT, g TIME, h TIMESTAMP NULL,
         i ENUM('x', 'Y'), j SET('p', 'q'), k BINARY(4), l VARBINARY(9), m TINYTEXT, n LONGTEXT, o LONGBLOB, p CHAR(3) CHARACTER SET latin1,
         q CHAR(4) CHARACTER SET binary, r POINT, s JSON, t NUMERIC(4,1), w TIMESTAMP(3) NULL, x TINYINT(1)${own})`,
    );
    const [table] = await tablesOf(place.beside, (await place.beside.catalog()).searchPath);
    const read = table?.columns.map(({ name, kind }) => ({ name, kind }));
    expect(read).toEqual(await place.beside.columns("kinds"));
    expect(table?.columns.find(({ name }) => name === "i")?.type).toBe("enum('x','Y')");
  });

  test("has no primary key where a read does not return it, and no view that is broken as readable", async () => {
    const place = await mysqlPlace();
    await make(
      place,
      "CREATE TABLE gone (id INT)",
      "CREATE VIEW broken AS SELECT id FROM gone",
      "DROP TABLE gone",
      "CREATE TABLE unseen (n INT AUTO_INCREMENT INVISIBLE PRIMARY KEY, name VARCHAR(200), KEY (name(5)))",
    );
    const tables = await ownTables(place);
    expect(tables.get("unseen")).toMatchObject({ primaryKey: [], indexed: [] });
    expect(tables.get("broken")?.readable).toBe(false);
  });

  test("has other databases, none of the server's own, and says what this user may not read", async () => {
    const place = await mysqlPlace();
    const [schema] = (await place.beside.catalog()).searchPath;
    const other = `${schema}_other`;
    const user = `u${Date.now() % 1e9}`;
    await make(
      place,
      `CREATE DATABASE ${other}`,
      `CREATE TABLE ${other}.seen (id INT)`,
      `CREATE TABLE ${other}.written (id INT)`,
      `CREATE TABLE ${other}.partly (id INT, secret INT)`,
      `CREATE TABLE ${other}.unknown (id INT)`,
      `CREATE USER ${user}@'%' IDENTIFIED BY 'pass'`,
      `GRANT SELECT ON ${other}.seen TO ${user}@'%'`,
      `GRANT INSERT ON ${other}.written TO ${user}@'%'`,
      `GRANT SELECT (id) ON ${other}.partly TO ${user}@'%'`,
    );
    try {
      const all = await tablesOf(place.beside);
      expect(all.filter(({ schema }) => ["mysql", "sys", "information_schema"].includes(schema))).toEqual([]);
      expect(all.filter(({ schema }) => schema === other)).toHaveLength(4);
      const url = new URL(place.url);
      Object.assign(url, { username: user, password: "pass", pathname: `/${other}` });
      await using connection = await openSql(url.href, { role: "input" });
      const tables = await tablesOf(connection);
      expect(tables.map(({ name, readable }) => [name, readable])).toEqual([
        // The server lists no column that the user has no right to.
        ["partly", true],
        ["seen", true],
        ["written", false],
      ]);
      expect(names(tables[0])).toEqual(["id"]);
    } finally {
      await make(place, `DROP USER ${user}@'%'`, `DROP DATABASE ${other}`);
    }
  });
});

describe("a catalog of SQLite", () => {
  test("has the tables around a view that is broken, and shadow tables of none", async () => {
    const place = await sqlitePlace();
    await make(
      place,
      "CREATE TABLE kept (code TEXT PRIMARY KEY, n) WITHOUT ROWID",
      "CREATE TABLE loose (code TEXT PRIMARY KEY, id INTEGER UNIQUE)",
      "CREATE TABLE counted (id INTEGER PRIMARY KEY AUTOINCREMENT)",
      "CREATE TABLE falling (id INTEGER PRIMARY KEY DESC)",
      "CREATE VIRTUAL TABLE words USING fts5(word)",
      "CREATE TABLE gone (id INT)",
      "CREATE VIEW broken AS SELECT id FROM gone",
      "DROP TABLE gone",
    );
    const tables = await ownTables(place);
    expect([...tables.keys()]).toEqual(["broken", "counted", "falling", "kept", "loose", "words"]);
    expect(tables.get("broken")).toMatchObject({ readable: false, columns: [] });
    expect(names(tables.get("words"))).toEqual(["word"]);
    expect(tables.get("kept")).toMatchObject({ primaryKey: ["code"], indexed: ["code"], uniqueKeys: [] });
    expect(tables.get("loose")?.columns[0]).toMatchObject({ nullable: true, numbered: false });
    // Such a key is no row number, and takes NULL.
    expect(tables.get("falling")?.columns[0]).toMatchObject({ nullable: true, numbered: false });
    expect(tables.get("counted")).toMatchObject({ primaryKey: ["id"], indexed: ["id"] });
  });
});
