import { describe, expect, test } from "vitest";
import { placeStatePersistenceSchema } from "../state-persistence.ts";
import { queryWarnings } from "./query-checks.ts";
import { databaseInputSchema } from "./schema.ts";

function parse(config: object) {
  return databaseInputSchema.safeParse({
    type: "database",
    connectionString: "postgres://host/db",
    ...config,
  });
}

const timestamp = { timestamp: { field: "updated_at" } };

test.each([
  ["DELETE FROM t RETURNING *", timestamp, "only a query that reads"],
  ["SELECT 1; DROP TABLE t", timestamp, "more than one statement"],
  [
    "SELECT * FROM t WHERE updated_at > $1 FOR UPDATE",
    timestamp,
    "locks the rows that it reads (`FOR UPDATE`)",
  ],
  ["SELECT * FROM t WHERE updated_at > $1 FOR NO KEY UPDATE", timestamp, "(`FOR NO KEY UPDATE`)"],
  ["SELECT * FROM t WHERE updated_at > $1 for share skip locked", timestamp, "would never come"],
  ["SELECT * FROM t WHERE updated_at > $1 LOCK IN SHARE MODE", timestamp, "(`LOCK IN SHARE MODE`)"],
  ["SELECT * INTO u FROM t WHERE updated_at > $1", timestamp, "writes what it selects"],
  [
    "WITH gone AS (DELETE FROM t WHERE updated_at > $1 RETURNING *) SELECT * FROM gone",
    timestamp,
    "changes rows (`DELETE` in a WITH)",
  ],
  [
    "SELECT * FROM t WHERE u > $3",
    timestamp,
    "placeholder $3, and what is bound is $1 (timestamp), $2 (until)",
  ],
  ["SELECT * FROM t WHERE u > $1 AND id > $2", timestamp, "compares with $2 as a lower bound"],
  ["SELECT * FROM t WHERE u > $2", { id: { field: "id", type: "text" } }, "what is bound is $1 (id)"],
  ["SELECT * FROM t WHERE u > $1", {}, "nothing: no cursor is enabled"],
  [
    "SELECT * FROM t WHERE id > $2",
    { ...timestamp, id: { field: "id" } },
    "$2 and no $1, which is the timestamp",
  ],
  [
    "SELECT * FROM (SELECT * FROM t WHERE updated_at > $1 LIMIT 5) x",
    timestamp,
    "not sorted by `updated_at`",
  ],
  [
    "SELECT * FROM (SELECT * FROM t WHERE updated_at > $1 ORDER BY updated_at DESC LIMIT 5) x",
    timestamp,
    "not sorted",
  ],
  [
    "SELECT * FROM (SELECT * FROM t WHERE updated_at > $1 ORDER BY id, updated_at LIMIT 5) x",
    timestamp,
    "not sorted",
  ],
  [
    "SELECT * FROM (SELECT * FROM t ORDER BY updated_at LIMIT 5) x WHERE updated_at > $1",
    timestamp,
    "has a LIMIT inside, in a part that the bound does not come into",
  ],
  [
    "SELECT * FROM (SELECT *, row_number() OVER (ORDER BY updated_at) n FROM t) x WHERE n <= 5 AND updated_at > $1",
    timestamp,
    "keeps rows by their row_number(), in a part that the bound does not come into",
  ],
  [
    "SELECT * FROM (SELECT *, row_number() OVER (ORDER BY id) n FROM t WHERE updated_at > $1) x WHERE n <= 5",
    timestamp,
    "keeps rows by their row_number(), in a part that is not sorted by `updated_at`",
  ],
  [
    "SELECT * FROM t WHERE updated_at >= $1 ORDER BY updated_at LIMIT 10 OFFSET 1",
    timestamp,
    "leaves out the first rows from the bound on",
  ],
  ["SELECT * FROM t WHERE updated_at >= $1 ORDER BY updated_at OFFSET 5 ROWS", timestamp, "has an OFFSET"],
  [
    "SELECT * FROM (SELECT * FROM t WHERE updated_at >= $1 ORDER BY updated_at LIMIT 9 OFFSET 5) x",
    timestamp,
    "has an OFFSET",
  ],
  [
    "SELECT * FROM t WHERE updated_at >= $1 AND id NOT IN (SELECT id FROM t WHERE updated_at >= $1 ORDER BY updated_at LIMIT 9)",
    timestamp,
    "does not bring the rows that it lets through as they are",
  ],
  [
    "SELECT * FROM (SELECT *, row_number() OVER (ORDER BY updated_at) n FROM t WHERE updated_at > $1) x WHERE n <= 5 AND kind = 2",
    timestamp,
    "does not bring the rows that it lets through as they are",
  ],
])("the query %s is refused", (query, statePersistence, why) => {
  const parsed = parse({ query, statePersistence });
  expect(
    parsed.error?.issues.map(({ path, message }) => `${path.join(".")} ${message}`).join("; "),
  ).toContain(why);
});

test.each([
  [{}, "`query`, or `table`"],
  [{ query: "SELECT 1", table: "t" }, "together with `query`"],
  [{ query: "SELECT 1", where: "a" }, "goes with `table`"],
  [{ table: "t", connectionStringRef: "postgres://x/y" }, "together with `connectionString`"],
  [{ table: "t", cursor: "u", statePersistence: timestamp }, "second name"],
  [{ table: "t", cursor: "u", columns: ["id"] }, "must have `u`"],
  [{ table: "t", statePersistence: { offset: {} } }, "sorted by their key"],
  [{ table: "t", where: "a = $1" }, "cannot hold placeholders"],
  [{ table: "t", where: "a = '$2' AND a = $1" }, "cannot hold placeholders"],
  [{ table: "t", where: "a = ?", connectionString: "SQLite:./a.db" }, "cannot hold placeholders"],
  [{ table: "t", where: "a = ?", connectionString: "mysql://host/db" }, "cannot hold placeholders"],
  [{ table: "t", statePersistence: { ...timestamp, order: "descending" } }, "ascending"],
  [{ table: "t", statePersistence: { id: { field: "id" }, until: {} } }, "no upper bound"],
  [{ table: "t", limit: 5 }, "limit"],
  [{ table: "t", cursor: "xmin", commitSafe: false }, "never reads past an open transaction"],
  [{ table: "t", cursor: "xmin", statePersistence: { settle: "PT1M" } }, "whole transactions"],
  [
    { table: "t", commitSafe: true, statePersistence: { id: { field: "id", type: "text" } } },
    "whose values rise in time",
  ],
  [
    { query: "SELECT * FROM t WHERE u > $1", statePersistence: { ...timestamp, slices: { step: "P1D" } } },
    "needs the slice's end in the query",
  ],
])("the configuration %j is refused", (config, why) => {
  expect(JSON.stringify(parse(config).error?.issues)).toContain(why);
});

test.each([
  ["postgres://host/db", "j ? 'a' AND j ?| array['b']"],
  ["postgres://host/db", "v <> '$1' AND id < 100 /* $2 */ -- $3"],
  ["postgres://host/db", "v = $tag$ $1 $tag$ AND \"$1\" = E'\\'$1'"],
  ["mysql://host/db", "v <> 'it\\'s $1?' AND `a?` = 1 # ?"],
  ["sqlite:./a.db", "[a?] = '?' /* ?1 */"],
])("on %s the condition %s has no placeholder, and is taken", (connectionString, where) => {
  expect(parse({ connectionString, table: "t", where }).error).toBeUndefined();
});

function codes(query: string, statePersistence: object = timestamp) {
  const parsed = parse({ query, statePersistence });
  if (!parsed.success) throw new Error(parsed.error.message);
  return queryWarnings(parsed.data).map(({ code, offset }) => [code, query.slice(offset, offset + 5)]);
}

test.each([
  "SELECT * FROM t WHERE updated_at >= $1 ORDER BY updated_at LIMIT 10 OFFSET 0",
  "SELECT t.*, (SELECT x FROM u WHERE u.t = t.id ORDER BY x LIMIT 1 OFFSET 1) FROM t WHERE updated_at >= $1",
  "SELECT offset, updated_at FROM t WHERE updated_at >= $1 AND t.offset > 5",
  "SELECT * FROM t ORDER BY updated_at LIMIT 10 OFFSET 5",
  "SELECT id, updated_at, l.limit FROM l WHERE updated_at >= $1 AND l.limit > 3 ORDER BY updated_at, l.limit",
  "WITH n AS (SELECT id, name FROM p ORDER BY name LIMIT 10) SELECT c.id, c.updated_at, n.name FROM c LEFT JOIN n ON n.id = c.pid WHERE c.updated_at >= $1",
  "SELECT c.* FROM c JOIN (SELECT id, name FROM p ORDER BY id LIMIT 100) t ON t.id = c.pid WHERE c.updated_at >= $1",
  "SELECT c.* FROM c LEFT JOIN LATERAL (SELECT json_agg(x.a) FROM (SELECT a FROM y WHERE y.c = c.id ORDER BY a DESC LIMIT 3) x) l ON true WHERE c.updated_at >= $1",
  "SELECT id, updated_at, (SELECT x.id FROM c x WHERE x.updated_at >= $1 ORDER BY x.updated_at LIMIT 1) FROM c WHERE updated_at >= $1",
  "SELECT substring(name FOR 3), 'for update' AS \"into\" FROM t WHERE updated_at >= $1 -- FOR UPDATE",
  "WITH x AS (SELECT * FROM t WHERE v = 'DELETE FROM t') SELECT (insert(v, 1, 1, 'b')) FROM x WHERE updated_at >= $1",
  "SELECT * FROM (SELECT *, row_number() OVER (ORDER BY updated_at) n FROM t WHERE updated_at > $1) x LEFT JOIN u ON u.id = x.id WHERE n BETWEEN 1 AND 5 ORDER BY updated_at",
])("the query %s is taken", (query) => {
  expect(parse({ query, statePersistence: timestamp }).error).toBeUndefined();
});

test.each([
  ["updated_at >= $1 - INTERVAL '5 minutes'", "nothing compares with NULL"],
  ["updated_at::date >= date_trunc('day', $1::timestamptz)::date", "nothing compares with NULL"],
  ["updated_at >= CAST($1 AS timestamptz)", "nothing compares with NULL"],
  ["age(updated_at, $1) > interval '0'", "calculates with $1 (age())"],
  ["now() - $1 > interval '0'", "calculates with $1 (-)"],
  ["updated_at >= COALESCE($1, '2020-01-01') - INTERVAL '5 minutes'", null],
  ["updated_at >= NULLIF($1, '')", "calculates with $1 (nullif())"],
  ["updated_at >= LEAST($1, now())", "calculates with $1 (least())"],
  ["updated_at >= GREATEST($1, '2020-01-01')", null],
  ["updated_at >= $1 AND updated_at < $1::timestamptz + interval '1 day'", "nothing compares with NULL"],
  ["updated_at >= CASE WHEN v = 1 THEN $1 ELSE COALESCE($1, '1970-01-01') END", "calculates with $1 (CASE)"],
  ["updated_at >= CASE WHEN $1 IS NULL THEN '1970-01-01' ELSE $1 END", null],
  [
    "updated_at > (WITH b AS (SELECT $1::timestamptz AS since) SELECT since FROM b)",
    "nothing compares with NULL",
  ],
])("a first run with %s: %s", (where, message) => {
  const parsed = parse({ query: `SELECT * FROM t WHERE ${where}`, statePersistence: timestamp });
  if (!parsed.success) throw new Error(parsed.error.message);
  const [doubt] = queryWarnings(parsed.data).filter(({ code }) => code === "FIRST_RUN_BOUND");
  if (message === null) expect(doubt).toBeUndefined();
  else expect(doubt?.message).toContain(message);
});

test("what validate has to say of a query points at the place it is about", () => {
  const guarded = "SELECT * FROM t WHERE updated_at >= COALESCE($1, '-infinity') ORDER BY updated_at";
  expect(codes(guarded, { ...timestamp, order: "ascending" })).toEqual([]);
  expect(codes("SELECT * FROM t WHERE updated_at > $1 ORDER BY updated_at LIMIT 500")).toEqual([
    ["TIE_HAZARD", "$1 ORD".slice(0, 5)],
    ["FIRST_RUN_BOUND", "$1 OR"],
  ]);
  expect(codes("SELECT * FROM t", { ...timestamp, order: "ascending" })).toEqual([
    ["CURSOR_UNUSED", "SELEC"],
    ["ORDER_MISSING", ""],
  ]);
  expect(
    codes(
      "SELECT * FROM (SELECT * FROM t WHERE updated_at >= $1 OR $1 IS NULL ORDER BY updated_at LIMIT 5) x",
    ),
  ).toEqual([["LIMIT_INSIDE", "LIMIT"]]);
  const text = { id: { field: "id", type: "text" } };
  expect(codes("SELECT * FROM t WHERE id >= COALESCE($1, '')", text)).toEqual([["TEXT_ORDER", "SELEC"]]);
  expect(codes(`SELECT * FROM t WHERE id COLLATE "C" >= COALESCE($1, '')`, text)).toEqual([]);
});

describe("a query by a timestamp and an id", () => {
  const both = { timestamp: { field: "updated_at" }, id: { field: "id" } };
  const doubts = (where: string): string[] =>
    codes(`SELECT * FROM t WHERE ${where}`, both)
      .map(([code]) => code ?? "")
      .filter((code) => code === "CURSORS_COMBINED");

  test.each([
    "updated_at > $1 AND id > $2",
    "id > $2 AND updated_at >= $1",
    "($1 IS NULL OR updated_at > $1) AND ($2 IS NULL OR id > $2)",
    "(updated_at > COALESCE($1, 'x') AND (id) > COALESCE($2, 0)) AND updated_at <= $3",
    "updated_at > $1 AND NOT deleted AND id IN (SELECT id FROM u WHERE id > $2)",
  ])("is reported where rows have to lie above both: %s", (where) => {
    expect(doubts(where)).toEqual(["CURSORS_COMBINED"]);
  });

  test.each([
    "(updated_at, id) > ($1, $2)",
    "(updated_at, id) > (COALESCE($1, 'x'), COALESCE($2, 0))",
    "updated_at > $1 OR (updated_at = $1 AND id > $2)",
    "(updated_at > $1 OR updated_at = $1 AND id > $2) AND updated_at <= $3",
    "updated_at >= $1 AND (updated_at > $1 OR id > $2)",
    "updated_at > $1 OR id > $2",
    "updated_at > $1",
    "updated_at >= $1 AND id <> $2",
  ])("is not where the pair is compared, or one of them: %s", (where) => {
    expect(doubts(where)).toEqual([]);
  });
});

test.each([
  ["mysql", "SELECT * FROM t WHERE id >= COALESCE($1, '') ORDER BY id", true],
  ["mysql", "SELECT * FROM t WHERE id COLLATE utf8mb4_general_ci >= $1", true],
  ["mysql", "SELECT * FROM t WHERE CAST(id AS BINARY) >= $1 ORDER BY CAST(id AS BINARY)", false],
  ["mysql", "SELECT * FROM t WHERE id COLLATE utf8mb4_bin >= $1", false],
  ["sqlite", "SELECT * FROM t WHERE id >= $1 ORDER BY id", false],
  ["sqlite", "SELECT * FROM t WHERE id >= $1 COLLATE NOCASE", true],
])("%s: %s, a warning of the order of texts: %s", (database, query, isDoubt) => {
  const keys = { id: { field: "id", type: "text" } };
  const statePersistence = placeStatePersistenceSchema.parse(keys);
  const found = queryWarnings({ query, connectionString: `${database}:x`, statePersistence });
  expect(found.some(({ code }) => code === "TEXT_ORDER")).toBe(isDoubt);
});

test("rows that are kept by a number are reported, unless the number begins anew for each group", () => {
  const doubts = (over: string, condition: string) =>
    queryWarnings({
      query: `SELECT * FROM (SELECT *, row_number() OVER (${over}) n FROM t WHERE updated_at > $1) x WHERE ${condition} ORDER BY updated_at`,
      statePersistence: placeStatePersistenceSchema.parse(timestamp),
    }).filter(({ code }) => code === "LIMIT_INSIDE");
  expect(doubts("ORDER BY updated_at", "n <= 100")).toMatchObject([
    { message: expect.stringContaining("this limit by row_number()") },
  ]);
  expect(doubts("PARTITION BY id ORDER BY updated_at DESC", "n = 1")).toEqual([]);
  expect(doubts("ORDER BY updated_at", "n > 0")).toEqual([]);
});

test("a cursor that is no path is an error of the setting", () => {
  const issues = (cursor: string) =>
    parse({ table: "t", cursor }).error?.issues.map(({ path, message }) => [path, message]);
  expect(issues("No.")).toEqual([[["cursor"], expect.stringContaining("names joined by single dots")]]);
  expect(["updated_at", "row.updated_at", "xmin"].map(issues)).toEqual([undefined, undefined, undefined]);
});
