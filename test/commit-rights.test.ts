import { describe, expect, test } from "vitest";
import { createSource, createStream, type Source } from "./support/late-commits.ts";
import { endSessions } from "./support/postgres.ts";

const table = `CREATE TABLE events (
  id bigserial PRIMARY KEY, value text, updated_at timestamptz NOT NULL DEFAULT now())`;
const byTime = { table: "events", cursor: "updated_at" };
const byId = { table: "events", statePersistence: { id: { field: "id" } } };
const byTransaction = { table: "events", cursor: "xmin" };
const password = "its-own";

/** A role that may read the table, and the address under which it does. */
async function createReader(source: Source): Promise<{ readonly role: string; readonly url: string }> {
  const role = `reader_${Math.random().toString(36).slice(2)}`;
  await source.client.query(
    `CREATE ROLE ${role} LOGIN PASSWORD '${password}'; GRANT SELECT ON events TO ${role}`,
  );
  const url = Object.assign(new URL(source.url), { username: role, password });
  return { role, url: url.href };
}

describe("a role that may not see the other sessions", () => {
  test("reads without the bound and says which GRANT turns it on; with it, the bound is there", async () => {
    const source = await createSource(table);
    const { role, url } = await createReader(source);
    const late = await source.session();
    await late.query("BEGIN; INSERT INTO events (value) VALUES ('late')");
    await source.client.query("INSERT INTO events (value) VALUES ('now')");
    const stream = await createStream(source, "SQLite", byTime, { url });
    const { warnings } = await stream.run();
    expect(warnings).toMatchObject([{ code: "COMMIT_SAFE_OFF" }]);
    expect(warnings[0]?.message).toContain("GRANT pg_read_all_stats TO");
    expect(await stream.ids()).toEqual([2]);

    await source.client.query(`GRANT pg_read_all_stats TO ${role}`);
    const safe = await createStream(source, "SQLite", byTime, { url });
    expect(await safe.run()).toMatchObject({ warnings: [] });
    expect(await safe.ids()).toEqual([]);
    await late.query("COMMIT");
    await safe.run();
    expect(await safe.ids()).toEqual([1, 2]);
    await source.client.query(`DROP OWNED BY ${role}; DROP ROLE ${role}`);
  });

  test("fails where the bound is declared", async () => {
    const source = await createSource(table);
    const { role, url } = await createReader(source);
    const stream = await createStream(source, "SQLite", { ...byTime, commitSafe: true }, { url });
    await expect(stream.run()).rejects.toMatchObject({
      code: "SOURCE_REFUSED",
      message: expect.stringContaining("`commitSafe: true`"),
      hint: expect.stringContaining("GRANT pg_read_all_stats TO"),
    });
    await source.client.query(`DROP OWNED BY ${role}; DROP ROLE ${role}`);
  });

  test("needs no more where all sessions are its own", async () => {
    const source = await createSource(table);
    const { role, url } = await createReader(source);
    await source.client.query(
      `GRANT ALL ON ALL TABLES IN SCHEMA public TO ${role}; GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO ${role}`,
    );
    await endSessions(source.url);
    const late = await source.session({ user: role, password });
    await late.query("BEGIN; INSERT INTO events (value) VALUES ('late')");
    const stream = await createStream(source, "SQLite", { ...byTime, commitSafe: true }, { url });
    const another = await source.session({ user: role, password });
    await another.query("INSERT INTO events (value) VALUES ('now')");
    expect(await stream.run()).toMatchObject({ warnings: [] });
    expect(await stream.ids()).toEqual([]);
    await late.query("COMMIT");
    await stream.run();
    expect(await stream.ids()).toEqual([1, 2]);
  });

  test.each([
    // A first run that can read nothing yet says who holds it back.
    ["an id", byId, ["COMMIT_HELD_BACK"]],
    ["xmin", byTransaction, []],
  ])("needs no more for a table that is read by %s", async (_, input, told) => {
    const source = await createSource(table);
    const { role, url } = await createReader(source);
    const late = await source.session();
    await late.query("BEGIN; INSERT INTO events (value) VALUES ('late')");
    await source.client.query("INSERT INTO events (value) VALUES ('now')");
    const stream = await createStream(source, "SQLite", input, { url });
    expect(await stream.run()).toMatchObject({ warnings: told.map((code) => ({ code })) });
    await late.query("COMMIT");
    await stream.run();
    expect(await stream.ids()).toEqual([1, 2]);
    await source.client.query(`DROP OWNED BY ${role}; DROP ROLE ${role}`);
  });
});

test.each([
  ["CACHE 20", "gives each session 20 ids at a time"],
  ["CYCLE", "do not only rise"],
  ["INCREMENT -1 MAXVALUE 100 START 100", "do not only rise"],
])("a sequence that does not hand out ids in order is reported: %s", async (how, why) => {
  const source = await createSource(table, `ALTER SEQUENCE events_id_seq ${how}`);
  await source.client.query("INSERT INTO events (id, value) VALUES (1, 'now')");
  const told = await createStream(source, "SQLite", byId);
  const { warnings } = await told.run();
  expect(warnings).toMatchObject([{ code: "COMMIT_SAFE_OFF", message: expect.stringContaining(why) }]);
  expect(warnings[0]?.message).toContain("cursor: xmin");
  const refused = await createStream(source, "SQLite", { ...byId, commitSafe: true });
  await expect(refused.run()).rejects.toMatchObject({ code: "SOURCE_REFUSED" });
});

test("a time is never stored below the bound, however coarse the column is", async () => {
  for (const type of ["timestamptz(0)", "timestamptz(3)", "timestamp(2)"]) {
    const source = await createSource(
      `CREATE TABLE events (id bigserial PRIMARY KEY, value text, updated_at ${type} NOT NULL DEFAULT now())`,
    );
    const stream = await createStream(source, "SQLite", byTime);
    const late = await source.session();
    await late.query("SET timezone = 'UTC'; BEGIN; SELECT 1");
    await source.client.query("SET timezone = 'UTC'; INSERT INTO events (value) VALUES ('now')");
    await stream.run();
    expect(await stream.ids()).toEqual([]);
    await late.query("INSERT INTO events (value) VALUES ('late'); COMMIT");
    await source.client.query("UPDATE events SET updated_at = updated_at - interval '3 days'");
    await stream.run();
    expect(await stream.ids()).toEqual([1, 2]);
  }
});

test("a day is read again by every run, so that a row of it that is committed late is delivered", async () => {
  const source = await createSource(
    "CREATE TABLE events (id bigserial PRIMARY KEY, value text, updated_at date NOT NULL DEFAULT now())",
  );
  const stream = await createStream(source, "SQLite", byTime);
  const late = await source.session();
  await late.query("SET timezone = 'UTC'; BEGIN; INSERT INTO events (value) VALUES ('late')");
  await source.client.query("SET timezone = 'UTC'; INSERT INTO events (value) VALUES ('now')");
  await stream.run();
  expect(await stream.ids()).toEqual([2]);
  await late.query("COMMIT");
  await stream.run();
  expect(await stream.ids()).toEqual([1, 2]);
});

test.each(["float8", "numeric"])(
  "an id that is NaN fails the run by its record, in a column of %s",
  async (type) => {
    const source = await createSource(`CREATE TABLE events (id ${type}, value text)`);
    await source.client.query("INSERT INTO events VALUES ('1', 'a'), ('2', 'b'), ('NaN', 'c')");
    const failing = await createStream(source, "SQLite", byId);
    await expect(failing.run()).rejects.toMatchObject({
      code: "CURSOR_INVALID",
      message: expect.stringContaining('the record {"id":"NaN","value":"c"}, field id: "NaN"'),
    });
  },
);
