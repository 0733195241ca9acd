import { expect, onTestFinished, test } from "vitest";
import { openSql } from "../src/databases/open.ts";
import { attemptSync, definePipeline, openState } from "../src/index.ts";
import { describeMysql, ownMysqlDatabase } from "./support/mysql-tests.ts";
import { createTestDatabase } from "./support/postgres.ts";

/** What a run from the first database into a table of the second ends with. */
async function runOf(from: object, to: string) {
  await using state = await openState("memory:");
  const pipeline = definePipeline({
    name: "copy",
    input: { type: "database", key: "id", statePersistence: { id: { field: "id" } }, ...from },
    output: { type: "database", connectionString: to, table: "target", key: "id" },
  });
  const { error } = await attemptSync(pipeline, { state });
  return { code: error?.code, message: error?.message, hint: error?.hint };
}

function as(role: string, url: string): string {
  const other = new URL(url);
  other.username = role;
  other.password = "word";
  return other.href;
}

test("a right that an input or an output lacks on PostgreSQL is named as a GRANT, and a place that only reads is reported as such", async () => {
  const database = await createTestDatabase();
  const role = `${new URL(database.url).pathname.slice(1)}_role`;
  await using beside = await openSql(database.url, { role: "output" });
  await beside.execute(`CREATE ROLE ${role} LOGIN PASSWORD 'word'`);
  onTestFinished(async () => {
    await using administrator = await openSql(database.url, { role: "output" });
    await administrator.execute(`DROP OWNED BY ${role}; DROP ROLE ${role}`);
    await administrator.close();
    await database.drop();
  });
  await beside.execute(
    "CREATE TABLE a (id int PRIMARY KEY); INSERT INTO a VALUES (1); CREATE TABLE target (id int PRIMARY KEY); CREATE SEQUENCE q",
  );
  const other = as(role, database.url);
  expect(await runOf({ connectionString: other, table: "a" }, database.url)).toMatchObject({
    code: "QUERY_FAILED",
    hint: expect.stringContaining("GRANT SELECT ON a TO the role that the input connects as"),
  });
  // That run made the tables beside the target, which are another role's from then on.
  const table = { connectionString: database.url, table: "a" };
  expect(await runOf(table, other)).toMatchObject({
    code: "OUTPUT_FAILED",
    message: expect.stringMatching(/the output postgres:.*permission denied for table/),
    hint: expect.stringMatching(
      /^GRANT SELECT, INSERT, UPDATE, DELETE ON \w+ TO the role that the output connects as/,
    ),
  });
  await beside.execute(`GRANT ALL ON ALL TABLES IN SCHEMA public TO ${role}`);
  await beside.execute(`ALTER ROLE ${role} SET default_transaction_read_only = on`);
  expect(await runOf(table, other)).toMatchObject({
    code: "OUTPUT_FAILED",
    message: expect.stringContaining("read-only transaction"),
    hint: expect.stringContaining("default_transaction_read_only"),
  });
  const query = "SELECT nextval('q') AS n, id FROM a WHERE id > $1 ORDER BY id";
  expect(await runOf({ connectionString: database.url, query }, database.url)).toMatchObject({
    code: "QUERY_FAILED",
    hint: expect.stringContaining("Leave out of the query what changes"),
  });
});

describeMysql("on MySQL", () => {
  test("a right that an input or an output lacks is named as a GRANT", async () => {
    const url = await ownMysqlDatabase();
    const name = new URL(url).pathname.slice(1);
    const role = name.slice(-24);
    await using beside = await openSql(url, { role: "output" });
    await beside.execute("CREATE TABLE a (id int PRIMARY KEY)");
    await beside.execute("INSERT INTO a VALUES (1)");
    await beside.execute("CREATE TABLE target (id int PRIMARY KEY)");
    await beside.execute("CREATE TABLE b (id int PRIMARY KEY)");
    await beside.execute(`CREATE USER '${role}'@'%' IDENTIFIED BY 'word'`);
    await beside.execute(`GRANT SELECT ON ${name}.b TO '${role}'@'%'`);
    const other = as(role, url);
    const input = await runOf({ connectionString: other, table: "a", commitSafe: false }, url);
    expect(input.code).toBe("QUERY_FAILED");
    await beside.execute(`GRANT SELECT ON ${name}.* TO '${role}'@'%'`);
    const output = await runOf({ connectionString: url, table: "a" }, other);
    expect(output).toMatchObject({
      code: "OUTPUT_FAILED",
      message: expect.stringMatching(/command denied to user/),
      hint: expect.stringMatching(
        /^GRANT SELECT, INSERT, UPDATE, DELETE ON \S+ TO the role that the output connects as/,
      ),
    });
    await beside.execute(`DROP USER '${role}'@'%'`);
  });
});
