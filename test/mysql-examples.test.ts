import { expect, onTestFinished, test } from "vitest";
import { openSql } from "../src/databases/open.ts";
import { createFolder, openDatabase, runExample } from "./support/example-run.ts";
import { describeMysql, ownMysqlDatabase } from "./support/mysql-tests.ts";

async function createMysql() {
  const url = await ownMysqlDatabase();
  const client = await openSql(url, { role: "output" });
  onTestFinished(() => client.close());
  return { url, client };
}

describeMysql("examples with MySQL", () => {
  test("database-mysql.yaml copies a MySQL table into SQLite, every digit of it, then what changed", async () => {
    const { url, client } = await createMysql();
    await client.execute(
      "CREATE TABLE orders (id BIGINT UNSIGNED PRIMARY KEY, state VARCHAR(20), total DECIMAL(30,10), items JSON, changed_at DATETIME(6))",
    );
    await client.execute(
      `INSERT INTO orders SELECT 18446744073709550000 + seq, IF(seq % 10 = 0, 'draft', 'paid'), 12345678901234567.0123456789 + seq,
        '[{"n": 12345678901234567890}]', '2026-01-01 00:00:00.000001' + INTERVAL FLOOR(seq / 7) MICROSECOND FROM seq_1_to_1200`,
    );
    const folder = await createFolder();
    const variables = { SHOP_DATABASE_URL: url };
    const first = await runExample(folder, "database-mysql.yaml", variables);
    expect(first).toMatchObject({
      records_written: 1080,
      pages: 3,
      new_cursor: "2025-12-31T23:00:00.000172Z",
      warnings: [],
    });

    await client.execute("INSERT INTO orders SELECT 5, 'tied', 0, NULL, MAX(changed_at) FROM orders");
    await client.execute(
      "UPDATE orders SET state = 'sent', changed_at = changed_at + INTERVAL 1 DAY WHERE id = 18446744073709550001",
    );
    const second = await runExample(folder, "database-mysql.yaml", variables);
    expect(second).toMatchObject({ records_written: 2 });

    const database = openDatabase(folder, "warehouse.db");
    const rows = database
      .prepare(
        "SELECT CAST(id AS TEXT) AS id, state, CAST(total AS TEXT) AS total, items FROM orders ORDER BY id",
      )
      .all();
    expect(rows).toHaveLength(1081);
    expect(rows).toContainEqual({
      id: "18446744073709550001",
      state: "sent",
      total: "12345678901234568.0123456789",
      items: '[{"n":12345678901234567890}]',
    });
  });

  test("database-to-database.yaml copies a SQLite table into MySQL, then what changed", async () => {
    const { url, client } = await createMysql();
    const folder = await createFolder();
    const source = openDatabase(folder, "crm.db");
    source.exec(
      "CREATE TABLE customers (id INTEGER PRIMARY KEY, name TEXT, balance NUMERIC, updated_at TEXT)",
    );
    const insert = source.prepare("INSERT INTO customers VALUES (?, ?, ?, ?)");
    source.exec("BEGIN");
    for (let id = 1; id <= 1200; id++) {
      insert.run(
        9007199254740993n + BigInt(id),
        `Käthe ${id} 😀`,
        id / 8,
        `2026-01-01T00:00:${String(id % 60).padStart(2, "0")}Z`,
      );
    }
    source.exec("COMMIT");
    const variables = { CRM_DATABASE_URL: "sqlite:./crm.db", WAREHOUSE_URL: url };
    expect(await runExample(folder, "database-to-database.yaml", variables)).toMatchObject({
      records_written: 1200,
    });

    source.exec(
      "UPDATE customers SET name = 'renamed', updated_at = '2026-02-01T00:00:00Z' WHERE id = 9007199254740994",
    );
    expect(await runExample(folder, "database-to-database.yaml", variables)).toMatchObject({
      records_written: 1,
    });
    const rows = await client.query("SELECT id, name, balance FROM customers ORDER BY id LIMIT 2");
    expect(rows.map(({ id, name, balance }) => [String(id), name, balance])).toEqual([
      ["9007199254740994", "renamed", 0.125],
      ["9007199254740995", "Käthe 2 😀", 0.25],
    ]);
  });
});
