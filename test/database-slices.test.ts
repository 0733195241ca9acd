import { describe, expect, test } from "vitest";
import { openSql } from "../src/databases/open.ts";
import { definePipeline, openState, sync } from "../src/index.ts";
import { momentTypes, mysqlPlace, postgresPlace, sqlitePlace } from "./support/database-input.ts";
import { mysqlRuns } from "./support/mysql-tests.ts";

const places = [
  ["SQLite", sqlitePlace, "TEXT", { format: "iso8601" }],
  ["PostgreSQL", postgresPlace, "timestamptz", {}],
  ...(mysqlRuns ? [["MySQL", mysqlPlace, momentTypes.mysql, {}] as const] : []),
] as const;

const day = (of: number) => `2026-01-${String(of).padStart(2, "0")}`;

describe.each(places)("%s", (_, createPlace, type, more) => {
  const timestamp = { field: "at", ...more };
  const slices = { step: "P1D", concurrency: 3 };
  const start = "2026-01-01T00:00:00Z";
  const ways = {
    "a table": { table: "events", statePersistence: { timestamp, slices, start } },
    "a query that compares both ends": {
      query: "SELECT * FROM events WHERE at >= $1 AND at < $2",
      statePersistence: { timestamp, slices, start },
    },
    "a query that includes its end": {
      query: "SELECT * FROM events WHERE at >= $1 AND at <= $2",
      statePersistence: { timestamp, slices, start },
    },
  };

  test.each(Object.entries(ways))(
    "%s is read in slices beside one another, each row once",
    async (_way, input) => {
      const { url, beside, run } = await createPlace();
      await beside.execute(`CREATE TABLE events (id INTEGER, at ${type})`);
      const rows = Array.from({ length: 40 }, (_row, at) => {
        const time = at % 4 === 0 ? "00:00:00Z" : `${String((at % 4) * 6).padStart(2, "0")}:30:00.5Z`;
        return `(${at + 1}, '${day(1 + Math.floor(at / 4))}T${time}')`;
      });
      await run(`INSERT INTO events VALUES ${rows.join(", ")}`);
      await using state = await openState("memory:");
      const pipeline = definePipeline({
        name: "copy",
        input: { type: "database", connectionString: url, key: "id", ...input },
        output: { type: "database", connectionString: url, table: "copy", mode: "append" },
      });
      const first = await sync(pipeline, { state });
      expect(first).toMatchObject({ recordsWritten: 40, newCursor: "2026-01-10T18:30:00.5Z" });
      await run(`INSERT INTO events VALUES (41, '2026-01-10T18:30:00.5Z'), (42, '${day(12)}T00:00:00Z')`);
      expect(await sync(pipeline, { state })).toMatchObject({ recordsWritten: 2 });
      const copied = await beside.query("SELECT id FROM copy ORDER BY id");
      expect(copied.map(({ id }) => id)).toEqual(Array.from({ length: 42 }, (_id, at) => at + 1));
    },
  );
});

test("ids are read in slices up to the highest that is safe", async () => {
  const { url, beside } = await postgresPlace();
  await beside.execute("CREATE TABLE events (id bigserial PRIMARY KEY, value text)");
  await beside.execute("INSERT INTO events (value) SELECT 'made' FROM generate_series(1, 1000)");
  await using late = await openSql(url, { role: "output" });
  await late.query("BEGIN");
  await late.query("SELECT nextval('events_id_seq')");
  await beside.execute("INSERT INTO events (value) VALUES ('after it')");
  await using state = await openState("memory:");
  const query = "SELECT * FROM events WHERE id >= $1 AND id <= $2";
  const reading = {
    statePersistence: { id: { field: "id" }, slices: { step: 100, concurrency: 2 }, start: 1 },
  };
  const [byTable, byQuery] = [
    { table: "events", ...reading },
    { query, ...reading },
  ].map((input, index) =>
    definePipeline({
      name: `copy_${index}`,
      input: { type: "database", connectionString: url, key: "id", ...input },
      output: { type: "database", connectionString: url, table: `copy_${index}`, key: "id" },
    }),
  );
  if (byTable === undefined || byQuery === undefined) throw new Error("two pipelines were defined");
  for (const pipeline of [byTable, byQuery]) {
    expect(await sync(pipeline, { state })).toMatchObject({ recordsWritten: 0 });
  }
  await late.execute("INSERT INTO events (id, value) VALUES (currval('events_id_seq'), 'late')");
  await late.query("COMMIT");
  for (const [index, pipeline] of [byTable, byQuery].entries()) {
    expect(await sync(pipeline, { state })).toMatchObject({ recordsWritten: 1002, newCursor: "1002" });
    const [row] = await beside.query(`SELECT count(*) AS many, max(id) AS last FROM copy_${index}`);
    expect(row).toEqual({ many: 1002, last: 1002 });
  }
});
