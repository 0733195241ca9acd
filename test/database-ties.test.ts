import { join } from "node:path";
import fc from "fast-check";
import { expect, onTestFinished, test } from "vitest";
import { openSql } from "../src/databases/open.ts";
import { definePipeline, openState, sync } from "../src/index.ts";
import { testFolder } from "./support/command.ts";
import { inLongRun } from "./support/long-run.ts";
import { mysqlRuns, ownMysqlDatabase } from "./support/mysql-tests.ts";
import { createTestDatabase } from "./support/postgres.ts";

/** What comes between two runs: rows that join the newest timestamp, then groups that share new ones. */
const rounds = fc.array(
  fc.record({
    joining: fc.integer({ min: 0, max: 3 }),
    groups: fc.array(fc.integer({ min: 1, max: 5 }), { maxLength: 5 }),
  }),
  { minLength: 1, maxLength: 4 },
);

/** Ways to read one table, each safe at ties. `n` is the size of a page. */
const ways: Readonly<Record<string, (table: string, n: number) => object>> = {
  "the table itself": (table, n) => ({ table, pageSize: n }),
  "a strict comparison with a LIMIT": (table, n) => ({
    query: `SELECT * FROM ${table} WHERE updated_at > $1 ORDER BY updated_at LIMIT ${n}`,
  }),
  "an inclusive comparison, in no order": (table, n) => ({
    query: `SELECT * FROM ${table} WHERE updated_at >= $1 ORDER BY id DESC`,
    pageSize: n,
    unordered: true,
  }),
  "a LIMIT inside that ties fit into": (table, n) => ({
    query: `SELECT * FROM (SELECT * FROM ${table} WHERE updated_at > $1 ORDER BY updated_at, id LIMIT ${n + 20}) page ORDER BY updated_at`,
    pageSize: n,
  }),
};

interface Place {
  readonly url: string;
  readonly type: string;
  readonly runs: number;
}

const places: Readonly<Record<string, () => Promise<Place>>> = {
  SQLite: async () => ({
    url: `sqlite:${join(testFolder(), "data.db")}`,
    type: "TEXT",
    runs: inLongRun(8, 40),
  }),
  PostgreSQL: async () => {
    const database = await createTestDatabase();
    onTestFinished(() => database.drop());
    return { url: database.url, type: "timestamptz", runs: inLongRun(3, 15) };
  },
  ...(mysqlRuns
    ? {
        MySQL: async () => ({
          url: await ownMysqlDatabase(),
          type: "TIMESTAMP(6) NULL",
          runs: inLongRun(3, 12),
        }),
      }
    : {}),
};

for (const [database, create] of Object.entries(places)) {
  for (const [way, configure] of Object.entries(ways)) {
    test(`P6: rows with equal timestamps arrive exactly once from one table in another: ${database}, ${way}`, async () => {
      const { url, type, runs } = await create();
      const beside = await openSql(url, { role: "output" });
      onTestFinished(() => beside.close());
      let played = 0;
      await fc.assert(
        fc.asyncProperty(rounds, fc.integer({ min: 1, max: 7 }), async (history, pageSize) => {
          played += 1;
          const [source, target] = [`source_${played}`, `target_${played}`];
          await beside.execute(`CREATE TABLE ${source} (id INTEGER PRIMARY KEY, updated_at ${type})`);
          await using state = await openState("memory:");
          const { unordered = false, ...reading } = configure(source, pageSize) as { unordered?: boolean };
          const pipeline = definePipeline({
            name: target,
            input: {
              type: "database",
              connectionString: url,
              key: "id",
              ...reading,
              statePersistence: {
                timestamp: { field: "updated_at", queryFormat: "iso8601" },
                ...(unordered ? {} : { order: "ascending" }),
              },
            },
            output: { type: "database", connectionString: url, table: target, mode: "append" },
          });
          let group = 1;
          let count = 0;
          for (const { joining, groups } of history) {
            for (const size of [joining, ...groups]) {
              const micros = String(group++).padStart(6, "0");
              for (let at = 0; at < size; at++) {
                const zone = database === "MySQL" ? "" : "Z";
                await beside.execute(
                  `INSERT INTO ${source} VALUES (${++count}, '2026-01-01T00:00:00.${micros}${zone}')`,
                );
              }
            }
            group -= 1;
            await sync(pipeline, { state });
          }
          await sync(pipeline, { state });
          if (count === 0) return;
          const rows = await beside.query(`SELECT id FROM ${target} ORDER BY id`);
          expect(rows.map(({ id }) => id)).toEqual(Array.from({ length: count }, (_, at) => at + 1));
        }),
        { numRuns: runs },
      );
    });
  }
}
