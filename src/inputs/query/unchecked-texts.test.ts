import { expect, onTestFinished, test } from "vitest";
import { createTestDatabase } from "../../../test/support/postgres.ts";
import { refusingStream } from "../../../test/support/refusing-stream.ts";
import { openSql } from "../../databases/open.ts";
import { createDatabaseInput } from "./input.ts";
import { databaseInputSchema } from "./schema.ts";

/** A database of PostgreSQL that takes any bytes for a text, with a row whose text is in another encoding. */
async function withoutEncoding(): Promise<string> {
  const server = await createTestDatabase();
  onTestFinished(() => server.drop());
  const name = `${new URL(server.url).pathname.slice(1)}_ascii`;
  const administrator = await openSql(server.url, { role: "output" });
  await administrator.execute(
    `CREATE DATABASE ${name} ENCODING 'SQL_ASCII' TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C'`,
  );
  onTestFinished(async () => {
    await administrator.execute(`DROP DATABASE ${name} WITH (FORCE)`);
    await administrator.close();
  });
  const url = new URL(server.url);
  url.pathname = `/${name}`;
  await using beside = await openSql(url.href, { role: "output" });
  await beside.execute("CREATE TABLE t (id int PRIMARY KEY, v text, at timestamptz)");
  await beside.execute(
    "INSERT INTO t VALUES (1, 'a', '2024-01-01Z'), (2, E'gr\\xfcn', '2024-01-02Z'), (3, 'grün', '2024-01-03Z')",
  );
  return url.href;
}

test("P7: of a database without an encoding the row whose text is no UTF-8 is refused by its name, and the others are delivered", async () => {
  const connectionString = await withoutEncoding();
  const byId = { statePersistence: { id: { field: "id" } } };
  const sources = [
    { table: "t", ...byId },
    { table: "t", cursor: "at" },
    { table: "t", cursor: "xmin" },
    { query: "SELECT * FROM t WHERE id > $1 ORDER BY id", ...byId },
  ];
  for (const source of sources) {
    const config = { type: "database", connectionString, key: "id", ...source };
    const stream = refusingStream(createDatabaseInput(databaseInputSchema.parse(config)));
    await stream.run();
    expect(stream.ids()).toEqual([1, 3]);
    expect(stream.letters).toMatchObject([
      { code: "RECORD_INVALID", field: "v", reason: expect.stringMatching(/no UTF-8.*SQL_ASCII/) },
    ]);
    expect(stream.letters[0]?.record).toMatchObject({ id: 2 });
  }
});

test("a query that says the encoding of its texts reads them from a database without one", async () => {
  const text = "convert_from(convert(convert_to(v, 'SQL_ASCII'), 'LATIN1', 'UTF8'), 'UTF8')";
  const config = {
    type: "database",
    connectionString: await withoutEncoding(),
    query: `SELECT id, ${text} AS v FROM t WHERE id > $1 AND id < 3 ORDER BY id`,
    key: "id",
    statePersistence: { id: { field: "id" } },
  };
  const stream = refusingStream(createDatabaseInput(databaseInputSchema.parse(config)));
  await stream.run();
  expect(stream.ids()).toEqual([1, 2]);
  expect(stream.letters).toEqual([]);
});
