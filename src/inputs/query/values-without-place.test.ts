import { describe, expect, test } from "vitest";
import {
  inputOf,
  mysqlPlace,
  type Place,
  postgresPlace,
  rollbackPlace,
  sqlitePlace,
} from "../../../test/support/database-input.ts";
import { describeMysql } from "../../../test/support/mysql-tests.ts";
import { refusingStream } from "../../../test/support/refusing-stream.ts";

interface Values {
  readonly type: string;
  /** As a text of SQL: two that have a place, the second later, and one that has none. */
  readonly first: string;
  readonly second: string;
  readonly without: string;
  readonly cursor?: object;
}

const byTime = { timestamp: { field: "at" } };
const byNumber = { id: { field: "at" } };

const onPostgres: Values[] = ["timestamptz", "timestamp", "date"].flatMap((type) =>
  ["'-infinity'", "'infinity'"].map((without) => ({
    type,
    first: "'2024-01-01'",
    second: "'2024-02-01'",
    without,
  })),
);
const dates = { first: "'2024-01-01'", second: "'2024-02-01'" };
const onMysql: Values[] = ["DATETIME", "TIMESTAMP", "DATE"].map((type) => ({
  type,
  ...dates,
  without: "'0000-00-00'",
}));
const texts: Values[] = ["''", "'0000-00-00 00:00:00'"].map((without) => ({
  type: "TEXT",
  ...dates,
  without,
}));

function insert(place: Place, values: Values, rows: string): Promise<unknown> {
  return place.beside.execute(`INSERT INTO ev VALUES ${rows.replaceAll("@", values.without)}`);
}

async function begun(place: Place, values: Values, onNullCursor: string) {
  await place.beside.execute("DROP TABLE IF EXISTS ev");
  await place.beside.execute(`CREATE TABLE ev (id INT PRIMARY KEY, at ${values.type})`);
  await place.beside.execute("CREATE INDEX ev_at ON ev (at)");
  await insert(place, values, `(1, ${values.first}), (2, @)`);
  const input = inputOf(place, {
    table: "ev",
    key: "id",
    statePersistence: { ...(values.cursor ?? byTime), onNullCursor },
  });
  return refusingStream(input);
}

function holds(createPlace: () => Promise<Place>, all: readonly Values[]): void {
  test.each(all)("$type $without counts as null, whenever such a row comes", async (values) => {
    const place = await createPlace();
    const delivering = await begun(place, values, "deliver");
    await delivering.run();
    await insert(place, values, `(3, @), (4, ${values.second})`);
    await delivering.run();
    await delivering.run();
    expect(delivering.ids().toSorted()).toEqual([1, 2, 3, 4]);

    const skipping = await begun(place, values, "skip");
    await skipping.run();
    await insert(place, values, `(3, @), (4, ${values.second})`);
    expect(await skipping.run()).toMatchObject({ recordsRefused: 0 });
    expect(skipping.ids()).toEqual([1, 4]);

    const failing = await begun(place, values, "fail");
    await failing.run();
    await insert(place, values, `(3, @), (4, ${values.second}), (5, NULL), (6, NULL)`);
    await failing.run();
    await failing.run();
    expect(failing.ids()).toEqual([1, 4]);
    const found = failing.letters.map(({ code, field, record }) => ({ code, field, record }));
    expect(found).toHaveLength(4);
    for (const id of [2, 3, 5, 6]) {
      expect(found).toContainEqual({
        code: "CURSOR_NULL",
        field: "at",
        record: expect.objectContaining({ id }),
      });
    }
  });
}

/** Values that are no cursor of the declared kind are refused by name, also where rows came before. */
function refuses(createPlace: () => Promise<Place>, all: readonly Values[]): void {
  test.each(all)("$type $without is refused by record and field, whenever it comes", async (values) => {
    const place = await createPlace();
    for (const onNullCursor of ["fail", "skip", "deliver"]) {
      const stream = await begun(place, values, onNullCursor);
      await stream.run();
      await insert(place, values, `(3, @), (4, ${values.second})`);
      await stream.run();
      await stream.run();
      expect(stream.ids()).toEqual([1, 4]);
      const found = stream.letters.map(({ code, field, record }) => [code, field, Object(record).id]);
      expect(found).toEqual([
        ["CURSOR_INVALID", "at", 2],
        ["CURSOR_INVALID", "at", 3],
      ]);
    }
  });
}

describe("PostgreSQL", () => {
  holds(postgresPlace, [...onPostgres, ...texts.slice(0, 1)]);
  refuses(
    postgresPlace,
    ["'abc'", "'1704067200'"].map((without) => ({ type: "text", ...dates, without })),
  );
  const numbers = { first: "1", second: "2", cursor: byNumber };
  refuses(
    postgresPlace,
    ["float8", "real", "numeric"].flatMap((type) =>
      ["'NaN'", "'-Infinity'", "'Infinity'"].map((without) => ({ type, ...numbers, without })),
    ),
  );
});

const noDates = ["'abc'", "'1704067200'", "'05.01.2024'"];

describeMysql("MySQL", () => {
  refuses(
    mysqlPlace,
    noDates.map((without) => ({ type: "VARCHAR(40)", ...dates, without })),
  );
  holds(mysqlPlace, [...onMysql, ...texts.map((values) => ({ ...values, type: "VARCHAR(40)" }))]);
});

describe.each([
  ["write-ahead log", sqlitePlace],
  ["rollback journal", rollbackPlace],
])("SQLite with a %s", (_, createPlace) => {
  holds(createPlace, [...texts, ...texts.map((values) => ({ ...values, type: "DATETIME" }))]);
  refuses(createPlace, [
    ...["5", "2460000.5", "'1767225600'"].map((without) => ({ type: "DATETIME", ...dates, without })),
    ...["5", "'1767225600'"].map((without) => ({ type: "ANY", ...dates, without })),
    ...["1767225600", "'05.01.2026'", "'1999/12/31'", "' 2024-01-05'"].map((without) => ({
      type: "TEXT",
      ...dates,
      without,
    })),
    { type: "BLOB", ...dates, without: "x'41'" },
    {
      type: "",
      first: "'a'",
      second: "'b'",
      without: "7",
      cursor: { id: { field: "at", type: "text" } },
    },
  ]);

  test("a text that is no date is refused where no index finds it", async () => {
    const place = await createPlace();
    await place.beside.execute("CREATE TABLE ev (id INT PRIMARY KEY, at TEXT)");
    await place.beside.execute("INSERT INTO ev VALUES (1, '2024-01-01')");
    const stream = refusingStream(inputOf(place, { table: "ev", key: "id", where: "id > 0", cursor: "at" }));
    await stream.run();
    await place.beside.execute("INSERT INTO ev VALUES (2, '1704067200'), (3, '2024-01-02')");
    await stream.run();
    expect(stream.ids()).toEqual([1, 3]);
    expect(stream.letters.map(({ field, record }) => [field, Object(record).id])).toEqual([["at", 2]]);
  });
});
