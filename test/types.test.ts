import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { fenced, postgresPlace } from "./support/database-output.ts";
import { createDatabaseAt, createMysqlDatabase } from "./support/mysql.ts";
import { describeMysql } from "./support/mysql-tests.ts";
import { createTestDatabase } from "./support/postgres.ts";
import { forgottenByMariadb, forgottenByPostgres } from "./types/catalogue.ts";
import { typedDatabases } from "./types/databases.ts";
import { typesDocument } from "./types/document.ts";
import { type Measured, measure, openPlace, type Place } from "./types/measure.ts";
import { postgresWithoutInput } from "./types/postgres-rows.ts";

/** An administrator's address of a MySQL server (not MariaDB): its types are then measured as well. */
const mysqlUrl = process.env.TIDEMARK_MYSQL_URL;

describeMysql("every type of PostgreSQL, MariaDB and SQLite", () => {
  const ends: (() => Promise<void> | void)[] = [];
  let places: Record<"PostgreSQL" | "MariaDB" | "SQLite", Place>;
  const measured: Measured[] = [];

  beforeAll(async () => {
    const [postgres, mariadb] = await Promise.all([createTestDatabase(), createMysqlDatabase()]);
    const folder = mkdtempSync(join(tmpdir(), "tidemark-types-"));
    places = {
      PostgreSQL: await openPlace(typedDatabases.PostgreSQL, postgres.url),
      MariaDB: await openPlace(typedDatabases.MariaDB, mariadb.url),
      SQLite: await openPlace(typedDatabases.SQLite, `sqlite:${join(folder, "data.db")}`),
    };
    const opened = Object.values(places);
    ends.push(
      ...opened.map(
        ({ beside }) =>
          () =>
            beside.close(),
      ),
      postgres.drop,
      mariadb.drop,
    );
    ends.push(() => rmSync(folder, { recursive: true, force: true }));
    for (const place of opened) measured.push(await measure(place, opened));
  });

  afterAll(async () => {
    for (const end of ends) await end();
  });

  test("no type of the servers' catalogues is forgotten", async () => {
    expect(await forgottenByPostgres(places.PostgreSQL.beside)).toEqual([]);
    expect(await forgottenByMariadb(places.MariaDB.beside)).toEqual([]);
  });

  test("P7: a table of the same types takes every value as it is, by INSERT and by COPY, as a key, and a second time", () => {
    expect(measured.flatMap(({ faults }) => faults)).toEqual([]);
  });

  test("P7: every value comes back from every database and from JSON lines as it was, or is refused by record and field", () => {
    const changed = measured.flatMap(({ source, ways }) =>
      [...ways].flatMap(([way, outcomes]) =>
        source.rows
          .filter(({ carried }) => carried === undefined)
          .flatMap(({ name }) =>
            (outcomes.get(name)?.changed ?? []).map((text) => `${source.name}, ${way}, ${name}: ${text}`),
          ),
      ),
    );
    expect(changed).toEqual([]);
  });

  test("docs/types.md says what was measured", () => {
    const file = new URL("../docs/types.md", import.meta.url);
    expect(readFileSync(file, "utf8"), "docs/types.md is out of date; run: npm run types").toBe(
      typesDocument(measured),
    );
  });
});

test("a type that only the server makes values of is refused by name, before the batch", async () => {
  const place = await postgresPlace();
  for (const type of postgresWithoutInput) {
    await place.beside.execute(`CREATE TABLE ${type}_t (id int PRIMARY KEY, v ${type})`);
    const session = await fenced(place, { key: "id", table: `${type}_t` });
    await expect(session.write({ records: [{ id: 1, v: "x" }] })).rejects.toMatchObject({
      code: "RECORD_INVALID",
      message: expect.stringContaining(`PostgreSQL takes no values of the type ${type}`),
    });
    await session.close();
  }
});

const noMysql = "set TIDEMARK_MYSQL_URL to the administrator's address of a MySQL server";

describe.skipIf(mysqlUrl === undefined)(
  mysqlUrl === undefined ? `every type of MySQL itself (skipped: ${noMysql})` : "every type of MySQL itself",
  () => {
    test("P7: every value is exact, or refused by record and field", async () => {
      const database = await createDatabaseAt(mysqlUrl ?? "");
      const onlyMariadb = new Set(["INET4", "INET6", "UUID"]);
      const { MariaDB } = typedDatabases;
      const mysql = { ...MariaDB, rows: MariaDB.rows.filter(({ name }) => !onlyMariadb.has(name)) };
      const postgres = await createTestDatabase();
      const places = [
        await openPlace(mysql, database.url),
        await openPlace(typedDatabases.PostgreSQL, postgres.url),
      ];
      const [first] = places;
      if (first === undefined) return;
      const { faults, ways } = await measure(first, places);
      for (const { beside } of places) await beside.close();
      await database.drop();
      await postgres.drop();
      expect(faults).toEqual([]);
      expect(
        [...ways.values()].flatMap((outcomes) => [...outcomes.values()].flatMap((one) => one.changed)),
      ).toEqual([]);
    });
  },
);
