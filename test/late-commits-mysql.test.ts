import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { openSql } from "../src/databases/open.ts";
import type { SqlConnection } from "../src/databases/port.ts";
import { definePipeline, openState, sync } from "../src/index.ts";
import { testFolder } from "./support/command.ts";
import { describeMysql, ownMysqlDatabase } from "./support/mysql-tests.ts";

const table = `CREATE TABLE events (
  id BIGINT AUTO_INCREMENT PRIMARY KEY, value TEXT, updated_at TIMESTAMP(6) NOT NULL DEFAULT NOW(6))`;

async function createSource() {
  const url = await ownMysqlDatabase();
  const session = async (of = url): Promise<SqlConnection> => {
    const connection = await openSql(of, { role: "output" });
    onTestFinished(() => connection.close());
    return connection;
  };
  const client = await session();
  await client.execute(table);
  return { url, client, session };
}

type Source = Awaited<ReturnType<typeof createSource>>;

async function createStream(source: Source, input: object, url = source.url) {
  const state = await openState("memory:");
  onTestFinished(() => state.close());
  const target = `sqlite:${join(testFolder(), "copy.db")}`;
  const pipeline = definePipeline({
    name: "copy",
    input: { type: "database", connectionString: url, key: "id", ...input },
    output: { type: "database", connectionString: target, table: "copy", key: "id" },
  });
  return {
    run: () => sync(pipeline, { state }),
    async values(): Promise<string[]> {
      await using connection = await openSql(target, { role: "output" });
      if ((await connection.columns("copy")) === null) return [];
      return (await connection.query("SELECT value FROM copy ORDER BY id")).map(({ value }) => String(value));
    },
  };
}

const insert = (value: string) => `INSERT INTO events (value) VALUES ('${value}')`;

const ways = {
  "a table by time": { table: "events", cursor: "updated_at" },
  "a query by time": {
    query: "SELECT * FROM events WHERE updated_at >= $1",
    statePersistence: { timestamp: { field: "updated_at" } },
  },
  "a table by id": { table: "events", statePersistence: { id: { field: "id" } } },
  "a query by id": {
    query: "SELECT * FROM events WHERE id > $1 ORDER BY id",
    statePersistence: { id: { field: "id" }, order: "ascending" },
  },
};
const cases = Object.entries(ways).map(([way, input]) => ({ way, input }));

/** A stream for each way to read one table. */
function eachWay(source: Source, more: object = {}) {
  return Promise.all(
    cases.map(async ({ way, input }) => ({ way, stream: await createStream(source, { ...input, ...more }) })),
  );
}

/** Runs each of them once, at once: each waits a while for a transaction that is open. */
async function runAll(streams: Awaited<ReturnType<typeof eachWay>>): Promise<void> {
  await Promise.all(streams.map(({ stream }) => stream.run()));
}

/** Rows dated so long ago are past the second that a window stays behind the present. */
async function passTime({ client }: Source): Promise<void> {
  await client.query("SELECT SLEEP(2.1)");
}

describeMysql("MySQL", () => {
  test("a row that commits late, over three runs, is delivered by the run after it, in each way to read", async () => {
    const source = await createSource();
    const streams = await eachWay(source);
    await source.client.execute(insert("first"));
    await passTime(source);
    await runAll(streams);
    for (const { stream, way } of streams) expect(await stream.values(), way).toEqual(["first"]);
    const late = await source.session();
    await late.execute("BEGIN");
    await late.execute(insert("late"));
    for (const value of ["a", "b", "c"]) {
      await source.client.execute(insert(value));
      if (value === "a") await passTime(source);
      await runAll(streams);
      for (const { stream, way } of streams) expect(await stream.values(), way).not.toContain("late");
    }
    await late.execute("COMMIT");
    await passTime(source);
    await runAll(streams);
    await runAll(streams);
    for (const { stream, way } of streams) {
      expect(await stream.values(), way).toEqual(["first", "late", "a", "b", "c"]);
    }
  });

  test("without commitSafe it is lost, in each way to read", async () => {
    const source = await createSource();
    const streams = await eachWay(source, { commitSafe: false });
    const late = await source.session();
    await late.execute("BEGIN");
    await late.execute(insert("late"));
    await source.client.execute(insert("a"));
    await runAll(streams);
    await late.execute("COMMIT");
    await runAll(streams);
    await runAll(streams);
    for (const { stream, way } of streams) expect(await stream.values(), way).toEqual(["a"]);
  });

  test("a statement that waits for its table has its time already, and is waited for", async () => {
    const source = await createSource();
    const stream = await createStream(source, ways["a table by time"]);
    const [blocker, late] = [await source.session(), await source.session()];
    await source.client.execute("CREATE TABLE gate (id INT)");
    await blocker.execute("LOCK TABLES gate WRITE");
    const waiting = late.execute(
      "INSERT INTO events (value, updated_at) SELECT 'late', NOW(6) FROM (SELECT COUNT(*) FROM gate) counted",
    );
    const seen =
      "SELECT 1 AS one FROM information_schema.processlist WHERE state LIKE 'Waiting for table%' AND db = DATABASE()";
    await expect.poll(() => source.client.query(seen)).toHaveLength(1);
    await source.client.query("SELECT SLEEP(0.2)");
    await source.client.execute(insert("a"));
    await passTime(source);
    await stream.run();
    expect(await stream.values()).toEqual([]);
    await blocker.execute("UNLOCK TABLES");
    await waiting;
    await stream.run();
    expect((await stream.values()).toSorted()).toEqual(["a", "late"]);
  });

  test("what only reads holds nothing back, nor what reads this very stream", async () => {
    const source = await createSource();
    await source.client.execute(insert("a"));
    const reader = await source.session();
    await reader.execute("START TRANSACTION READ ONLY");
    await reader.query("SELECT * FROM events");
    await passTime(source);
    for (const [, input] of Object.entries(ways)) {
      const stream = await createStream(source, input);
      expect((await stream.run()).warnings).toEqual([]);
      expect(await stream.values()).toEqual(["a"]);
    }
  });

  test("a prepared transaction is waited for, whoever has left it", async () => {
    const source = await createSource();
    const name = `late_${Math.random()}`;
    const late = await openSql(source.url, { role: "output" });
    await late.execute(`XA START '${name}'`);
    await late.execute(insert("late"));
    await late.execute(`XA END '${name}'`);
    await late.execute(`XA PREPARE '${name}'`);
    await late.close();
    await source.client.execute(insert("a"));
    await passTime(source);
    const streams = await eachWay(source);
    try {
      await runAll(streams);
      await runAll(streams);
      for (const { stream, way } of streams) expect(await stream.values(), way).toEqual([]);
    } finally {
      await source.client.execute(`XA COMMIT '${name}'`);
    }
    await passTime(source);
    await runAll(streams);
    for (const { stream, way } of streams) expect(await stream.values(), way).toEqual(["late", "a"]);
  });

  test("a user who may not see the others gets a warning that names the right; where it is declared, that is an error", async () => {
    const source = await createSource();
    const user = `u${Math.random().toString(36).slice(2, 10)}`;
    await source.client.execute(`CREATE USER ${user}@'127.0.0.1' IDENTIFIED BY 'secret-word'`);
    onTestFinished(async () => {
      await using admin = await openSql(source.url, { role: "output" });
      await admin.execute(`DROP USER ${user}@'127.0.0.1'`);
    });
    await source.client.execute(`GRANT SELECT ON events TO ${user}@'127.0.0.1'`);
    await source.client.execute(insert("a"));
    const url = new URL(source.url);
    Object.assign(url, { username: user, password: "secret-word" });
    for (const { input } of cases) {
      const stream = await createStream(source, input, url.href);
      const { warnings } = await stream.run();
      expect(warnings).toMatchObject([
        { code: "COMMIT_SAFE_OFF", message: expect.stringMatching(/GRANT PROCESS ON \*\.\* .*settle/) },
      ]);
      expect(await stream.values()).toEqual(["a"]);
      const declared = await createStream(source, { ...input, commitSafe: true }, url.href);
      await expect(declared.run()).rejects.toMatchObject({
        code: "SOURCE_REFUSED",
        hint: expect.stringContaining("GRANT PROCESS"),
      });
    }
  });
});
