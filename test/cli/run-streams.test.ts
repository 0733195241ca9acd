import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { describe, expect, it } from "vitest";
import { temporaryFolder, tidemark } from "./support.ts";

/** A folder with a database of three tables of 3 rows, and a file whose streams are these entries. */
function folderWith(
  entries: string,
  output = 'type: database, connectionString: "sqlite:./out.db", table: "{{ stream }}", mode: upsert',
): string {
  const cwd = temporaryFolder();
  const database = new DatabaseSync(join(cwd, "crm.db"));
  for (const table of ["orders", "customers", "countries"]) {
    database.exec(`CREATE TABLE ${table} (id INTEGER PRIMARY KEY, at TEXT)`);
    database.exec(
      `INSERT INTO ${table} VALUES (1, '2026-01-01T00:00:01Z'), (2, '2026-01-01T00:00:02Z'), (3, '2026-01-01T00:00:03Z')`,
    );
  }
  database.close();
  const input = `type: database, connectionString: "sqlite:./crm.db", cursor: at, key: id, streams: [${entries}]`;
  writeFileSync(join(cwd, "crm.yaml"), `name: crm\ninput: { ${input} }\noutput: { ${output} }\n`);
  return cwd;
}

function rowsIn(cwd: string, table: string): unknown {
  const database = new DatabaseSync(join(cwd, "out.db"), { readOnly: true });
  try {
    return database.prepare(`SELECT count(*) AS rows FROM ${table}`).get()?.rows;
  } finally {
    database.close();
  }
}

function insert(cwd: string, table: string): void {
  const database = new DatabaseSync(join(cwd, "crm.db"));
  database.exec(`INSERT INTO ${table} VALUES (4, '2026-01-01T00:00:04Z')`);
  database.close();
}

describe("tidemark run of a file with streams", () => {
  it("P8: shows a line for each stream and a total, and each goes on from its own position", async () => {
    const cwd = folderWith("orders, customers, countries");
    const first = await tidemark(["run", "crm.yaml"], { cwd });
    expect(first.code).toBe(0);
    expect(first.stdout).toMatch(
      /^✓ orders {5}3 read {2}3 written {2}none → 2026-01-01T00:00:03Z {2}.* m?s$/m,
    );
    expect(first.stdout).toMatch(/^✓ customers {2}3 read {2}3 written/m);
    expect(first.stdout.trim().split("\n")).toHaveLength(3);
    expect(first.stderr).toMatch(/^crm {2}3 streams: 3 completed {2}9 read, 9 written in /m);

    insert(cwd, "customers");
    const second = await tidemark(["run", "crm.yaml", "--json"], { cwd });
    expect(JSON.parse(second.stdout)).toMatchObject({
      pipeline: "crm",
      connector: "crm",
      status: "completed",
      completed: 3,
      skipped: 0,
      failed: 0,
      superseded: 0,
      failed_streams: [],
      not_run: [],
      records_written: 1,
      streams: [
        { stream: "orders", status: "completed", records_written: 0 },
        { stream: "customers", status: "completed", records_written: 1, new_cursor: "2026-01-01T00:00:04Z" },
        { stream: "countries", status: "completed", records_written: 0 },
      ],
    });
    expect(["orders", "customers", "countries"].map((table) => rowsIn(cwd, table))).toEqual([3, 4, 3]);
    const list = JSON.parse((await tidemark(["state", "list", "--json"], { cwd })).stdout);
    expect(list).toHaveLength(3);
  });

  it("goes on when a stream fails, ends with 1 and names it", async () => {
    const cwd = folderWith("orders, { name: missing, table: nowhere }, countries");
    const { code, stdout, stderr } = await tidemark(["run", "crm.yaml"], { cwd });
    expect(code).toBe(1);
    expect(stdout).toMatch(/^✗ missing {4}QUERY_FAILED {2}/m);
    expect(stdout).toMatch(/^✓ countries {2}3 read/m);
    expect(stderr).toMatch(/^crm {2}3 streams: 2 completed, 1 failed \(missing\) {2}6 read, 6 written in /m);
    expect(stderr).toMatch(/^missing: .*QUERY_FAILED/m);
    const json = await tidemark(["run", "crm.yaml", "--json"], { cwd });
    expect(json.code).toBe(1);
    expect(JSON.parse(json.stdout)).toMatchObject({
      status: "failed",
      failed: 1,
      failed_streams: ["missing"],
    });
  });

  it("ends with 2 only where no stream could begin", async () => {
    const cwd = folderWith("orders, { table: customers, output: { mode: append, key: null } }");
    const none = await tidemark(["run", "crm.yaml", "--state", "mongodb://x"], { cwd });
    expect(none).toMatchObject({ code: 2, stderr: expect.stringContaining("2 failed (orders, customers)") });
    await tidemark(["run", "crm.yaml"], { cwd });
    const some = await tidemark(["run", "crm.yaml", "--full-refresh", "--json"], { cwd });
    expect(some.code).toBe(1);
    const { streams } = JSON.parse(some.stdout);
    expect(streams).toMatchObject([
      { status: "completed" },
      { status: "failed", run_id: null, error: { code: "ARGUMENT_INVALID" } },
    ]);
  });

  it("a dry run shows the first records of each stream, and writes nothing", async () => {
    const cwd = folderWith("orders, customers");
    const { code, stdout, stderr } = await tidemark(["run", "crm.yaml", "--dry-run"], { cwd });
    expect(code).toBe(0);
    expect(stdout.trim().split("\n")).toHaveLength(6);
    expect(stderr).toMatch(/^✓ orders {5}3 read/m);
    const json = JSON.parse((await tidemark(["run", "crm.yaml", "--dry-run", "--json"], { cwd })).stdout);
    expect(json.streams).toMatchObject([
      { dry_run: true, records: [{ id: 1 }, { id: 2 }, { id: 3 }] },
      { dry_run: true },
    ]);
  });

  it("counts a file with streams as one pipeline beside others", async () => {
    const cwd = folderWith("orders, customers");
    const one =
      'name: single\ninput: { type: database, connectionString: "sqlite:./crm.db", table: countries, cursor: at, key: id }\noutput: { type: file, path: ./c.jsonl }\n';
    writeFileSync(join(cwd, "one.yaml"), one);
    const { stderr } = await tidemark(["run", "crm.yaml", "one.yaml"], { cwd });
    expect(stderr).toMatch(/^2 pipelines: 2 completed$/m);
    const json = JSON.parse((await tidemark(["run", "crm.yaml", "one.yaml", "--json"], { cwd })).stdout);
    expect(json).toMatchObject([
      { pipeline: "crm", completed: 2 },
      { pipeline: "single", stream: "default" },
    ]);
  });

  it("validate counts the streams of a valid file", async () => {
    const cwd = folderWith("orders, customers");
    expect(await tidemark(["validate", "crm.yaml"], { cwd })).toMatchObject({
      code: 0,
      stderr: "valid, 2 streams\n",
    });
  });
});
