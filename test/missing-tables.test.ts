import { expect, onTestFinished, test } from "vitest";
import { openSql } from "../src/databases/open.ts";
import { attemptSync, definePipeline, openState } from "../src/index.ts";
import { describeMysql, ownMysqlDatabase } from "./support/mysql-tests.ts";
import { createTestDatabase } from "./support/postgres.ts";

/** What a run of a source that is not there yet ends with, and what it warns of. */
async function runOf(url: string, input: object) {
  await using state = await openState("memory:");
  const pipeline = definePipeline({
    name: "copy",
    input: { type: "database", connectionString: url, key: "id", ...input },
    output: { type: "console" },
  });
  const { error, warnings } = await attemptSync(pipeline, { state });
  return { code: error?.code, message: error?.message, warnings };
}

const byTime = { statePersistence: { timestamp: { field: "updated_at" } } };
const byId = { statePersistence: { id: { field: "id" } } };
const sources = [
  { table: "gone", ...byTime },
  { table: "gone", ...byId },
  { table: "gone", commitSafe: true, ...byTime },
  { query: "SELECT * FROM gone WHERE updated_at >= $1", ...byTime },
  { query: "SELECT * FROM gone WHERE id >= $1", ...byId },
];

test("a table of PostgreSQL that does not exist is one error, and no warning of late commits", async () => {
  const database = await createTestDatabase();
  onTestFinished(() => database.drop());
  for (const source of sources) {
    expect(await runOf(database.url, source)).toEqual({
      code: "QUERY_FAILED",
      message: expect.stringMatching(/(?:table|relation) "?gone"? does not exist/),
      warnings: [],
    });
  }
});

describeMysql("on MySQL", () => {
  test("a table that does not exist is one error, and no warning of late commits", async () => {
    const url = await ownMysqlDatabase();
    for (const source of sources) {
      expect(await runOf(url, source)).toEqual({
        code: "QUERY_FAILED",
        message: expect.stringMatching(/gone'? does(?:n't| not) exist/),
        warnings: [],
      });
    }
  });

  test("a source whose SQL is wrong, and an address without a database, are one error, and no warning of late commits", async () => {
    const url = await ownMysqlDatabase();
    await using beside = await openSql(url, { role: "output" });
    await beside.execute("CREATE TABLE a (id int PRIMARY KEY, n int)");
    await beside.execute("CREATE TABLE b (id int PRIMARY KEY, n int)");
    const nowhere = new URL(url);
    nowhere.pathname = "/";
    const sources = unreadable.map((source) => ({ at: url, source }));
    for (const { at, source } of [...sources, { at: nowhere.href, source: { table: "a" } }]) {
      const { code, warnings } = await runOf(at, { ...source, ...byId });
      expect({ source, code, warnings }).toEqual({ source, code: "QUERY_FAILED", warnings: [] });
    }
  });
});

/** A source that cannot be read for a reason of its own. */
const unreadable = [
  { query: "SELECT id FROM a JOIN b USING (n) WHERE id > $1" },
  { query: "SELECT * FROM a WHERE nosuch(id) > $1" },
  { query: "SELECT * FROM a WHERE id > $1 AND" },
  { table: "a", where: "id <" },
  { table: "a", where: "nosuch(id) = 1" },
];

test("a source of PostgreSQL whose SQL is wrong is one error, and no warning of late commits", async () => {
  const database = await createTestDatabase();
  onTestFinished(() => database.drop());
  await using beside = await openSql(database.url, { role: "output" });
  await beside.execute(
    "CREATE TABLE a (id int PRIMARY KEY, n int); CREATE TABLE b (id int PRIMARY KEY, n int)",
  );
  const wrongValue = { table: "a", where: "id = 'x'" };
  for (const source of [...unreadable, wrongValue]) {
    const { code, warnings } = await runOf(database.url, { ...source, ...byId });
    expect({ source, code, warnings }).toEqual({ source, code: "QUERY_FAILED", warnings: [] });
  }
});
