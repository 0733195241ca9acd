import { randomBytes } from "node:crypto";
import { expect, onTestFinished, test } from "vitest";
import {
  commitOf,
  deliver,
  fenced,
  mysqlPlace,
  type Place,
  placeAt,
  postgresPlace,
} from "../../../test/support/database-output.ts";
import { describeMysql } from "../../../test/support/mysql-tests.ts";

const name = () => `limited_${randomBytes(6).toString("hex")}`;

/** The place as a role of PostgreSQL that has these rights. */
async function asRole(place: Place, ...grants: readonly string[]): Promise<Place> {
  const role = name();
  await place.beside.execute(`CREATE ROLE ${role} LOGIN PASSWORD 'word'`);
  onTestFinished(async () => {
    await place.beside.execute(`DROP OWNED BY ${role}`);
    await place.beside.execute(`DROP ROLE ${role}`);
  });
  for (const grant of grants) await place.beside.execute(grant.replaceAll("$ROLE", role));
  const url = new URL(place.url);
  url.username = role;
  url.password = "word";
  return placeAt(url.href);
}

const denied = (what: string) => ({
  code: "OUTPUT_FAILED",
  message: expect.stringMatching(`output.*${what}`),
  hint: expect.stringMatching(
    `GRANT SELECT, INSERT, UPDATE, DELETE ON .*${what}.* TO the role that the output`,
  ),
});

test("a missing right of the output names the table and what to grant: PostgreSQL", async () => {
  const place = await postgresPlace();
  await deliver(place, [{ id: 1 }], { key: "id" });
  const without = await asRole(place);
  await expect(fenced(without, { key: "id" })).rejects.toMatchObject(denied("_tidemark_positions"));
  const reader = await asRole(
    place,
    "GRANT ALL ON _tidemark_positions, _tidemark_delivered TO $ROLE",
    "GRANT SELECT ON events TO $ROLE",
  );
  const session = await fenced(reader, { key: "id" });
  await session.write({ records: [{ id: 2 }] });
  await expect(session.commit(commitOf())).rejects.toMatchObject(denied("events"));
});

test("an output that may only read is reported so", async () => {
  const place = await postgresPlace();
  await deliver(place, [{ id: 1 }], { key: "id" });
  const reader = await asRole(
    place,
    "GRANT ALL ON ALL TABLES IN SCHEMA public TO $ROLE",
    "ALTER ROLE $ROLE SET default_transaction_read_only = on",
  );
  await expect(fenced(reader, { key: "id" })).rejects.toMatchObject({
    code: "OUTPUT_FAILED",
    hint: expect.stringContaining("default_transaction_read_only"),
  });
});

describeMysql("MariaDB", () => {
  test("a missing right of the output names the table and what to grant", async () => {
    const place = await mysqlPlace();
    await deliver(place, [{ id: 1 }], { key: "id" });
    const user = name();
    await place.beside.execute(`CREATE USER ${user} IDENTIFIED BY 'word'`);
    onTestFinished(async () => {
      await place.beside.execute(`DROP USER ${user}`);
    });
    const url = new URL(place.url);
    await place.beside.execute(`GRANT SELECT ON ${url.pathname.slice(1)}.* TO ${user}`);
    url.username = user;
    url.password = "word";
    const reader = await placeAt(url.href);
    await expect(fenced(reader, { key: "id" })).rejects.toMatchObject(denied("_tidemark_positions"));
  });
});
