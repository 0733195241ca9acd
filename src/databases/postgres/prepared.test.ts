import pg from "pg";
import { expect, onTestFinished, test } from "vitest";
import { createTestDatabase } from "../../../test/support/postgres.ts";
import { PreparedConnection } from "./prepared.ts";

const types = {
  getTypeParser(oid: number): (text: string) => string | number {
    return oid === 20 || oid === 23 ? Number : (text) => text;
  },
};

async function connected(): Promise<{ client: pg.Client; connection: PreparedConnection }> {
  const database = await createTestDatabase();
  onTestFinished(() => database.drop());
  const client = new pg.Client({ connectionString: database.url, query_timeout: 60_000 });
  await client.connect();
  onTestFinished(() => client.end());
  await client.query("CREATE TABLE t (id int PRIMARY KEY, name text, size bigint)");
  return { client, connection: new PreparedConnection(client) };
}

const insert = {
  name: "insert",
  text: "INSERT INTO t VALUES ($1, $2, $3) RETURNING id, name, size",
  types,
};

test("every execution of a statement reads its rows alike", async () => {
  const { connection } = await connected();
  for (const id of [1, 2, 3]) {
    const { rows } = await connection.query({
      ...insert,
      values: [id, id === 2 ? null : `é"\n${id}`, 2 ** 40],
    });
    expect(rows).toEqual([{ id, name: id === 2 ? null : `é"\n${id}`, size: 2 ** 40 }]);
  }
});

test("a statement may return no row, or many", async () => {
  const { connection } = await connected();
  for (const id of [1, 2, 3]) await connection.query({ ...insert, values: [id, "a", id] });
  const above = { name: "above", text: "SELECT id FROM t WHERE id > $1 ORDER BY id", types };
  expect((await connection.query({ ...above, values: [1] })).rows).toEqual([{ id: 2 }, { id: 3 }]);
  expect((await connection.query({ ...above, values: [3] })).rows).toEqual([]);
  expect((await connection.query({ ...above, values: [0] })).rows).toHaveLength(3);
});

test("an error ends its own execution alone", async () => {
  const { connection } = await connected();
  await connection.query({ ...insert, values: [1, "a", 1] });
  await expect(connection.query({ ...insert, values: [1, "a", 1] })).rejects.toMatchObject({ code: "23505" });
  await expect(connection.query({ ...insert, values: [2, "a", "x"] })).rejects.toMatchObject({
    code: "22P02",
  });
  expect((await connection.query({ ...insert, values: [2, "b", 2] })).rows).toEqual([
    { id: 2, name: "b", size: 2 },
  ]);
});

test("lists are written by the driver at every execution", async () => {
  const { connection } = await connected();
  const names = { name: "names", text: "SELECT n FROM unnest($1::text[]) n", types };
  for (const list of [["a", null, 'b"'], [], ["c"]]) {
    const { rows } = await connection.query({ ...names, values: [list] });
    expect(rows).toEqual(list.map((n) => ({ n })));
  }
});

test("a connection that is lost ends an execution with an error", async () => {
  const { client, connection } = await connected();
  client.on("error", () => {});
  const wait = { name: "wait", text: "SELECT pg_sleep($1)::text AS slept", types };
  await connection.query({ ...wait, values: [0] });
  const end = {
    name: "end",
    text: "SELECT pg_terminate_backend(pg_backend_pid() + $1)::text AS ended",
    types,
  };
  await expect(connection.query({ ...end, values: [0] })).rejects.toThrow();
  await expect(connection.query({ ...wait, values: [0] })).rejects.toThrow();
});
