import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import pg from "pg";
import { expect, onTestFinished, test } from "vitest";
import { createTestDatabase } from "./postgres.ts";

async function connect(url: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url });
  client.on("error", () => {});
  await client.connect();
  return client;
}

test("every test has an empty database of its own, and dropping it ends what is connected", async () => {
  const one = await createTestDatabase();
  const other = await createTestDatabase();
  onTestFinished(() => other.drop());
  const client = await connect(one.url);
  await client.query("CREATE TABLE here (id int)");
  const elsewhere = await connect(other.url);
  onTestFinished(() => elsewhere.end());
  const { rows } = await elsewhere.query("SELECT to_regclass('here') AS found");
  expect(rows).toEqual([{ found: null }]);
  const ended = new Promise((resolve) => client.once("end", resolve));
  await one.drop();
  await ended;
  const next = await createTestDatabase();
  onTestFinished(() => next.drop());
  const after = await connect(next.url);
  onTestFinished(() => after.end());
  const found = await after.query("SELECT to_regclass('here') AS found");
  expect(found.rows).toEqual([{ found: null }]);
});

test.each([
  ["settings", (name: string) => `ALTER DATABASE ${name} SET timezone = 'Asia/Tokyo'`],
  ["rights", (name: string) => `REVOKE CONNECT ON DATABASE ${name} FROM PUBLIC`],
  ["schemas", () => "CREATE SCHEMA mine"],
  ["extensions", () => "DROP EXTENSION plpgsql; CREATE EXTENSION plpgsql"],
])("a database in which a test has changed %s is given to no other", async (_, change) => {
  const one = await createTestDatabase();
  const client = await connect(one.url);
  await client.query(change(new URL(one.url).pathname.slice(1)));
  await one.drop();
  await expect(connect(one.url)).rejects.toThrow(/does not exist/);
});

test("a server goes, with its files, when the process that started it is killed", async () => {
  const starter = fileURLToPath(new URL("./postgres.ts", import.meta.url));
  const script = `
    import { startPostgres } from ${JSON.stringify(starter)};
    import pg from ${JSON.stringify(import.meta.resolve("pg"))};
    const server = await startPostgres();
    const client = new pg.Client({ connectionString: server.url });
    await client.connect();
    const { rows } = await client.query("SELECT current_setting('data_directory') AS folder");
    console.log(JSON.stringify({ url: server.url, folder: rows[0].folder }));
    setInterval(() => {}, 1000);`;
  const parent = spawn(process.execPath, ["--input-type=module", "-e", script], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [line] = await once(parent.stdout, "data");
  const { url, folder } = JSON.parse(String(line));
  const client = await connect(url);
  const ended = new Promise((resolve) => client.once("end", resolve));
  parent.kill("SIGKILL");
  await ended;
  await expect.poll(() => existsSync(folder)).toBe(false);
});
