import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { parseAllDocuments } from "yaml";
import { openSql } from "../../src/databases/open.ts";
import { describeMysql, ownMysqlDatabase } from "../support/mysql-tests.ts";
import { createTestDatabase } from "../support/postgres.ts";
import { pipelineYaml } from "./source-server.ts";
import { execute, jsonOf, temporaryFolder, tidemark } from "./support.ts";

async function folderWith(url: string, statements: readonly string[], input: string): Promise<string> {
  const cwd = temporaryFolder();
  await using connection = await openSql(url.replace("sqlite:.", `sqlite:${cwd}`), { role: "output" });
  for (const statement of statements) await connection.execute(statement);
  write(cwd, input, url);
  return cwd;
}

function write(cwd: string, input: string, url: string, name = "shop"): void {
  const text = `name: ${name}\ninput: { type: database, connectionString: "${url}", ${input} }\noutput: { type: console }\n`;
  writeFileSync(join(cwd, `${name}.yaml`), text);
}

const sqlite = "sqlite:./shop.db";
const tables = [
  "CREATE TABLE orders (id INTEGER PRIMARY KEY, updated_at TEXT NOT NULL, total DECIMAL(9,2))",
  "CREATE INDEX orders_at ON orders (updated_at)",
  "CREATE TABLE countries (code TEXT NOT NULL UNIQUE, name TEXT)",
  'CREATE TABLE "Odd Name" ("last modified at" TEXT, n INT NOT NULL, m INT NOT NULL, PRIMARY KEY (n, m))',
  'CREATE TABLE "No Key" ("No." INT PRIMARY KEY, "Ref.updated_at" TEXT)',
  "CREATE VIEW totals AS SELECT sum(total) AS total FROM orders",
  "CREATE TABLE _tidemark_positions (id INT)",
];

describe("tidemark discover", () => {
  it("lists the table of the file with its key and cursor, and every other with --all", async () => {
    const cwd = await folderWith(sqlite, tables, "table: orders, key: id, cursor: updated_at");
    const one = await tidemark(["discover", "shop.yaml"], { cwd });
    expect(one).toMatchObject({ code: 0, stderr: "" });
    expect(one.stdout).toBe(
      `STREAM        TABLE   KIND   READ  KEY  CURSOR             COLUMNS  ROWS
shop/default  orders  table  yes   id   updated_at (TEXT)        3     –
`,
    );
    const { stdout } = await execute(["discover", "shop.yaml", "--all"], { cwd });
    expect(stdout.split("\n").map((line) => line.trim().split(/ {2,}/))).toEqual([
      ["STREAM", "TABLE", "KIND", "READ", "KEY", "CURSOR", "COLUMNS", "ROWS"],
      ["shop/default", "orders", "table", "yes", "id", "updated_at (TEXT)", "3", "–"],
      [
        "–",
        '"No Key"',
        "table",
        "no",
        "– (no setting can name No.)",
        "– (proposed: Ref.updated_at)",
        "2",
        "–",
      ],
      ["–", '"Odd Name"', "table", "no", "n, m", "– (proposed: last modified at)", "3", "–"],
      ["–", "_tidemark_positions", "table of Tidemark", "no", "–", "–", "1", "–"],
      ["–", "countries", "table", "no", "– (unique: code)", "–", "2", "–"],
      ["–", "totals", "view", "no", "–", "–", "1", "–"],
      [""],
    ]);
  });

  it("lists the columns of a table", async () => {
    const cwd = await folderWith(sqlite, tables, "table: orders, statePersistence: { id: { field: id } }");
    const { stdout, code } = await execute(["discover", "shop.yaml", "--columns"], { cwd });
    expect(stdout).toContain("– (proposed: id)");
    expect(stdout.split("\n\n")[1]).toBe(
      `orders
  COLUMN      TYPE          KIND     NULL  INDEX
  id          INTEGER       integer  no    yes
  updated_at  TEXT          text     no    yes
  total       DECIMAL(9,2)  decimal  yes   no
`,
    );
    expect(code).toBe(0);
  });

  it("prints keys that make a valid pipeline, with proposals as comments", async () => {
    const cwd = await folderWith(sqlite, tables, "table: orders");
    const { stdout, code } = await execute(["discover", "shop.yaml", "--all", "--yaml"], { cwd });
    expect(code).toBe(0);
    expect(stdout).toContain(`# table with 3 columns
input:
  table: orders
  key: id
  # cursor: updated_at # new and changed rows: TEXT, indexed
  # statePersistence: { id: { field: id } } # new rows only: INTEGER, indexed
---
`);
    expect(stdout).toContain("  # key: code # unique\n");
    const found = parseAllDocuments(stdout).map((document) => document.toJS());
    expect(found.map(({ input }) => input)).toEqual([
      { table: "orders", key: "id" },
      { table: '"No Key"' },
      { table: '"Odd Name"', key: ["n", "m"] },
      { table: "countries" },
      { table: "totals" },
    ]);
    const documents = stdout.split("---\n");
    for (const [at, document] of documents.entries()) {
      const uncommented = document.replace(/^ {2}# (cursor:.*)$/m, "  $1");
      const name = `pasted${at}`;
      const completed = `${uncommented}  type: database\n  connectionString: ${sqlite}\nname: ${name}\noutput: { type: console }\n`;
      writeFileSync(join(cwd, `${name}.yaml`), completed);
      const checked = await execute(["validate", `${name}.yaml`], { cwd });
      expect({ ...checked, completed }).toMatchObject({ code: 0 });
      if (at < 3) expect(await execute(["run", `${name}.yaml`], { cwd })).toMatchObject({ code: 0 });
    }
  });

  it("names a table and columns that are missing, with exit code 1", async () => {
    const cwd = await folderWith(sqlite, tables, "table: order");
    const gone = await execute(["discover", "shop.yaml"], { cwd });
    expect(gone).toMatchObject({ code: 1, stdout: expect.stringContaining("refused") });
    expect(gone.stderr).toContain("QUERY_FAILED  the table order does not exist");
    const others = await execute(["discover", "shop.yaml", "--all"], { cwd });
    expect(others).toMatchObject({ code: 1, stdout: expect.stringMatching(/^– +orders +table +no +id /m) });
    write(cwd, "table: orders, statePersistence: { timestamp: { field: id } }", sqlite);
    expect(await execute(["discover", "shop.yaml"], { cwd })).toMatchObject({
      code: 1,
      stderr: expect.stringContaining(
        "the column id of orders holds numbers, and the cursor is declared a timestamp",
      ),
    });
    write(cwd, "table: orders, key: uid, cursor: updatedat", sqlite);
    const unknown = await execute(["discover", "shop.yaml", "--json"], { cwd });
    expect(unknown.code).toBe(1);
    expect(jsonOf(unknown)).toMatchObject([
      {
        read: "refused",
        problem: { code: "FIELD_UNKNOWN", message: expect.stringContaining("`updatedat`") },
      },
    ]);
  });

  it("gives everything as JSON, and asks no database about a query", async () => {
    const cwd = await folderWith(sqlite, tables, 'query: "SELECT 1 AS id", key: id');
    write(cwd, 'query: "SELECT 1 AS id", key: id', "sqlite:./nowhere.db", "other");
    expect(jsonOf(await execute(["discover", "other.yaml", "--json"], { cwd }))).toMatchObject([
      {
        connector: "other",
        stream: "default",
        type: "database",
        from: null,
        table: null,
        read: "whole",
        key: ["id"],
      },
    ]);
    const all = jsonOf(await execute(["discover", "shop.yaml", "--all", "--json"], { cwd }));
    expect(all).toHaveLength(7);
    expect(all).toContainEqual({
      ...{ connector: null, stream: null, type: "database", from: "orders", schema: "main", table: "orders" },
      ...{
        kind: "table",
        made_by_tidemark: false,
        read: "no",
        key: ["id"],
        key_from: "primary_key",
        cursor: null,
      },
      proposals: [
        {
          field: "updated_at",
          setting: "cursor: updated_at",
          finds: "changes",
          type: "TEXT",
          nullable: false,
          indexed: true,
        },
        {
          field: "id",
          setting: "statePersistence: { id: { field: id } }",
          finds: "additions",
          type: "INTEGER",
          nullable: false,
          indexed: true,
        },
      ],
      primary_key: ["id"],
      unique_keys: [],
      columns: [
        { name: "id", type: "INTEGER", kind: "integer", nullable: false, numbered: true, indexed: true },
        { name: "updated_at", type: "TEXT", kind: "text", nullable: false, numbered: false, indexed: true },
        {
          name: "total",
          type: "DECIMAL(9,2)",
          kind: "decimal",
          nullable: true,
          numbered: false,
          indexed: false,
        },
      ],
      estimated_rows: null,
      problem: null,
    });
  });

  it("prints what the file says of an API and of a module, and asks neither", async () => {
    const cwd = temporaryFolder();
    const http = pipelineYaml("events", "https://example.com/events?api_key=abc123", "{ type: console }");
    writeFileSync(join(cwd, "connector.mjs"), "export default { id: 'crm', async *sync() {} };\n");
    const module =
      "name: crm\ninput: { type: module, path: ./connector.mjs, key: id }\noutput: { type: console }\n";
    const parts = `name: parts
input:
  type: httpPolling
  endpoint: https://example.com/{{ partition }}/all?of={{ partition }}
  partitions: { values: [a] }
  pagination: { type: page, param: page }
output: { type: console }
`;
    writeFileSync(join(cwd, "both.yaml"), [http, parts, module].join("---\n"));
    const { code, stdout, stderr } = await execute(["discover", "both.yaml"], { cwd });
    expect([code, stderr]).toEqual([0, ""]);
    expect(stdout).toMatch(
      /^acme\/events +yes +\S+ +\S+ +https:\/\/example\.com\/events\?api_key=\[redacted\]$/m,
    );
    expect(stdout).toMatch(/ https:\/\/example\.com\/\{\{ partition \}\}\/all\?of=\{\{ partition \}\}$/m);
    expect(stdout).toMatch(/^crm\/default +yes +id +source-managed +\.\/connector\.mjs$/m);
    expect(await execute(["discover", "both.yaml", "--all"], { cwd })).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("reads no database"),
    });
  });

  it("ends with 2 for a file that is wrong, and with 1 for a database that is not there", async () => {
    const cwd = temporaryFolder();
    write(cwd, "tabel: orders", sqlite);
    expect(await execute(["discover", "shop.yaml"], { cwd })).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("nothing was asked"),
    });
    write(cwd, "table: orders", sqlite);
    expect(await execute(["discover", "shop.yaml"], { cwd })).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("there is no such file"),
    });
  });

  it("knows schemas, domains and rows of PostgreSQL, and proposes xmin", async () => {
    const database = await createTestDatabase();
    onTestFinished(() => database.drop());
    const cwd = await folderWith(
      database.url,
      [
        "CREATE SCHEMA sales",
        "CREATE DOMAIN moment AS timestamptz",
        "CREATE TABLE sales.orders (id uuid PRIMARY KEY, changed_at moment NOT NULL, took interval)",
        "CREATE TABLE parted (id int) PARTITION BY LIST (id)",
        "CREATE TABLE parted_1 PARTITION OF parted FOR VALUES IN (1)",
        "CREATE TABLE events (id bigserial PRIMARY KEY, body jsonb)",
        "INSERT INTO events (body) SELECT '{}' FROM generate_series(1, 1500)",
        "ANALYZE events",
      ],
      "table: events, cursor: xmin",
    );
    const { stdout } = await execute(["discover", "shop.yaml", "--all"], { cwd });
    expect(stdout).toMatch(/^shop\/default +events +table +yes +– \(proposed: id\) +xmin +2 +~1,500$/m);
    expect(stdout).toMatch(/^– +sales\.orders +table +no +id +– \(proposed: changed_at, xmin\) +3 +–$/m);
    write(cwd, "table: sales.orders, cursor: took", database.url, "wrong");
    expect(await execute(["discover", "wrong.yaml"], { cwd })).toMatchObject({
      code: 1,
      stdout: expect.stringMatching(/refused +– \(proposed: id\) +took \(interval\)/),
      stderr: expect.stringContaining("the column took of sales.orders is of type interval"),
    });
    for (const table of ["parted_1", "pg_catalog.pg_class"]) {
      write(cwd, `table: ${table}`, database.url, "unlisted");
      expect(await execute(["discover", "unlisted.yaml"], { cwd })).toMatchObject({
        code: 0,
        stdout: expect.stringMatching(new RegExp(`${table} +– +whole`)),
      });
    }
    const yaml = (await execute(["discover", "shop.yaml", "--all", "--yaml"], { cwd })).stdout;
    expect(yaml).toContain("  table: events\n  key: id\n  cursor: xmin\n");
    expect(yaml).toContain("  # cursor: changed_at # new and changed rows: moment, no index\n");
  });
});

describeMysql("tidemark discover on MySQL", () => {
  it("lists tables and compares names without case", async () => {
    const url = await ownMysqlDatabase();
    const cwd = await folderWith(
      url,
      ["CREATE TABLE orders (id INT AUTO_INCREMENT PRIMARY KEY, Updated_At DATETIME(3) NOT NULL)"],
      "table: orders, cursor: updated_at",
    );
    const { stdout, code } = await execute(["discover", "shop.yaml"], { cwd });
    expect(stdout).toMatch(/^shop\/default +orders +table +yes +– \(proposed: id\) +updated_at.* +2 +~0$/m);
    expect(code).toBe(0);
    await using server = await openSql(url, { role: "output" });
    const user = `d${Date.now() % 1e9}`;
    const own = new URL(url).pathname.slice(1);
    await server.execute("CREATE TABLE hidden (id INT)");
    await server.execute(`CREATE USER ${user}@'%' IDENTIFIED BY 'word'`);
    try {
      await server.execute(`GRANT SELECT ON ${own}.orders TO ${user}@'%'`);
      write(cwd, "table: hidden", Object.assign(new URL(url), { username: user, password: "word" }).href);
      const refused = await execute(["discover", "shop.yaml", "--all"], { cwd });
      expect(refused).toMatchObject({ code: 1, stdout: expect.stringMatching(/orders +table +no/) });
      expect(refused.stderr).toContain("GRANT SELECT ON");
    } finally {
      await server.execute(`DROP USER ${user}@'%'`);
    }
  });
});
