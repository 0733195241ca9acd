import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { mysqlSyntax } from "../../databases/mysql/syntax.ts";
import { postgresSyntax } from "../../databases/postgres/syntax.ts";
import { sqliteSyntax } from "../../databases/sqlite/syntax.ts";
import { analyseQuery, rewriteQuery } from "./query-analysis.ts";
import { sqlTokens } from "./sql-tokens.ts";

const syntaxes = { postgres: postgresSyntax, sqlite: sqliteSyntax, mysql: mysqlSyntax };
const postgres = (sql: string) => analyseQuery(sql, postgresSyntax);
const sent = (sql: string, dialect: "postgres" | "sqlite" = "postgres") =>
  rewriteQuery(sql, analyseQuery(sql, syntaxes[dialect]), (n) =>
    dialect === "postgres" ? `$${n}` : `?${n}`,
  );

describe("comparisons", () => {
  test.each([
    ["updated_at > $1", "strict", false],
    ["updated_at>$1", "strict", false],
    ["$1 < updated_at", "strict", false],
    ["$1::timestamptz < updated_at", "strict", false],
    ["updated_at >= $1", "inclusive", false],
    ["updated_at BETWEEN $1 AND now()", "inclusive", false],
    ["updated_at > $1::timestamp(3) with time zone", "strict", false],
    ["updated_at > COALESCE($1::timestamptz, '-infinity'::timestamptz)", "strict", true],
    ["updated_at >= coalesce(cast($1 AS timestamptz), '2020-01-01')", "inclusive", true],
    ["(updated_at, id) > ($1, 5)", "strict", false],
    ["$1 IS NULL OR updated_at > $2", null, true],
    ["$1::timestamptz IS NULL OR true", null, true],
    ["updated_at > greatest($1, '2020-01-01')", "strict", true],
    ["updated_at > $1 - interval '1 hour'", "strict", false],
    ["updated_at IS DISTINCT FROM $1", null, true],
    ["f(EXTRACT(epoch FROM $1)) = 5", null, false],
    ["NOT (updated_at <= $1)", "inclusive", false],
    ["a <> $1", null, false],
    ["doc @> $1", null, false],
  ])("%s", (condition, comparison, guarded) => {
    const [first] = postgres(`SELECT * FROM t WHERE ${condition} ORDER BY x`).placeholders;
    expect(first).toMatchObject({ number: 1, comparison, guarded });
  });

  test("every place of a placeholder is found, and nothing that only looks like one", () => {
    const sql = `SELECT '$1', "$2", $$ $3 $$, $tag$ $4 '$tag$, E'it\\'s $5', 'it''s $6' -- $7
      /* $8 /* $9 */ $10 */ FROM t WHERE a > $1 AND (b < $2 OR $1 IS NULL)`;
    const { placeholders } = postgres(sql);
    expect(placeholders.map(({ number }) => number)).toEqual([1, 2, 1]);
    for (const { number, start, end } of placeholders) expect(sql.slice(start, end)).toBe(`$${number}`);
  });

  test("SQLite has placeholders, names and comments of its own", () => {
    const sql =
      "SELECT [a $9], `b ?`, '?' /* /* ?2 */ FROM t WHERE a > ?1 AND b > $2 AND c > ? AND d = :name";
    const { placeholders, strangers } = analyseQuery(sql, sqliteSyntax);
    expect(placeholders.map(({ number }) => number)).toEqual([1, 2, 1]);
    expect(strangers).toMatchObject([{ text: ":name" }]);
  });
});

describe("limits at the end", () => {
  test.each([
    ["SELECT * FROM t LIMIT 500", 500, "SELECT * FROM t LIMIT ALL"],
    ["SELECT * FROM t LIMIT 500;", 500, "SELECT * FROM t LIMIT ALL"],
    ["SELECT * FROM t limit 500 -- all\n", 500, "SELECT * FROM t limit ALL"],
    ["SELECT * FROM t LIMIT 500 OFFSET $1", 500, "SELECT * FROM t LIMIT ALL OFFSET $1"],
    ["SELECT * FROM t OFFSET $1 LIMIT 500", 500, "SELECT * FROM t OFFSET $1 LIMIT ALL"],
    ["SELECT * FROM t OFFSET $1 ROWS FETCH NEXT 10 ROWS ONLY", 10, "SELECT * FROM t OFFSET $1 ROWS "],
    ["SELECT * FROM t FETCH FIRST ROW ONLY", 1, "SELECT * FROM t "],
    ["SELECT * FROM t LIMIT 5 FOR UPDATE", 5, "SELECT * FROM t LIMIT ALL FOR UPDATE"],
    ["SELECT * FROM t LIMIT (SELECT 5)", null, "SELECT * FROM t LIMIT ALL"],
    ["SELECT * FROM t LIMIT 5 * 10", null, "SELECT * FROM t LIMIT ALL"],
  ])("%s", (sql, rows, without) => {
    expect(postgres(sql).limit).toMatchObject({ rows });
    expect(sent(sql)).toBe(without);
  });

  test("in SQLite, whose OFFSET needs a LIMIT", () => {
    expect(sent("SELECT * FROM t WHERE a > $1 LIMIT 5 OFFSET $2", "sqlite")).toBe(
      "SELECT * FROM t WHERE a > ?1 LIMIT -1 OFFSET ?2",
    );
    expect(sent("SELECT * FROM t LIMIT 20, 5", "sqlite")).toBe("SELECT * FROM t LIMIT 20, -1");
    expect(analyseQuery("SELECT * FROM t LIMIT 20, 5", sqliteSyntax).limit?.rows).toBe(5);
  });

  test("a word LIMIT inside of texts, names and parentheses is none at the end", () => {
    expect(postgres(`SELECT 'LIMIT 5', "limit" FROM (SELECT * FROM t LIMIT 5) x`).limit).toBeNull();
  });
});

test.each([
  ["SELECT * FROM (SELECT * FROM t WHERE u > $1 ORDER BY u, id LIMIT 5) x", [{ rows: 5, orderBy: "u, id" }]],
  [
    "WITH p AS (SELECT * FROM t WHERE u > $1 ORDER BY u FETCH FIRST 7 ROWS ONLY) SELECT * FROM p",
    [{ rows: 7, orderBy: "u" }],
  ],
  [
    "WITH a AS (SELECT * FROM t WHERE u > $1), b AS MATERIALIZED (SELECT * FROM a LIMIT 3) SELECT * FROM b",
    [{ rows: 3, orderBy: null }],
  ],
  ["SELECT e.*, (SELECT n FROM u WHERE u.id = e.u ORDER BY n LIMIT 1) FROM e WHERE x > $1", []],
  ["SELECT * FROM e JOIN LATERAL (SELECT n FROM u WHERE u.id = e.u LIMIT 1) l ON true WHERE x > $1", []],
  [
    "SELECT * FROM (SELECT *, row_number() OVER (ORDER BY u, id) AS n FROM t WHERE u > $1) x WHERE x.n <= 50",
    [{ what: "row_number()", rows: 50, orderBy: "u, id", isBounded: true }],
  ],
  [
    'SELECT * FROM (SELECT *, RANK() OVER (ORDER BY u) "N" FROM t WHERE u > $1) x WHERE 50 > x."N"',
    [{ what: "rank()", rows: 49, orderBy: "u", isBounded: true }],
  ],
  [
    "WITH x AS (SELECT *, dense_rank() over (order by u) n FROM t) SELECT * FROM x WHERE n BETWEEN 1 AND 9 AND u > $1",
    [{ what: "dense_rank()", rows: 9, orderBy: "u", isBounded: false }],
  ],
  [
    "SELECT * FROM (SELECT *, row_number() OVER (ORDER BY u) n FROM t WHERE u > $1) x WHERE n < $2",
    [{ what: "row_number()", rows: null, orderBy: "u", isBounded: true }],
  ],
  ["SELECT *, row_number() OVER (ORDER BY u) AS n FROM t WHERE u > $1", []],
  [
    "SELECT * FROM (SELECT *, row_number() OVER (PARTITION BY id ORDER BY u DESC) n FROM t WHERE u > $1) x WHERE n = 1",
    [],
  ],
  [
    "SELECT * FROM (SELECT * FROM t ORDER BY u LIMIT 5) x WHERE u > $1",
    [{ what: "LIMIT", rows: 5, orderBy: "u", isBounded: false }],
  ],
  [
    "SELECT * FROM e WHERE id IN (SELECT id FROM e WHERE u > $1 ORDER BY u LIMIT 9)",
    [{ rows: 9, orderBy: "u" }],
  ],
])("limits inside: %s", (sql, expected) => {
  expect(postgres(sql).innerLimits).toMatchObject(expected);
  expect(postgres(sql).innerLimits).toHaveLength(expected.length);
});

test("the order of the whole is reported as it is written", () => {
  expect(
    postgres("SELECT * FROM (SELECT 1 ORDER BY y) x ORDER BY updated_at DESC, f(a, b) LIMIT 5").orderBy,
  ).toBe("updated_at DESC, f(a, b)");
  expect(postgres("SELECT * FROM (SELECT 1 ORDER BY y) x").orderBy).toBeNull();
});

test("a second statement is found, a semicolon at the end is none", () => {
  expect(postgres("SELECT 1; ; -- end").secondStatement).toBeNull();
  expect(postgres("SELECT ';' ; DROP TABLE t").secondStatement).toBe(13);
  expect(postgres("/* first */ WITH x AS (SELECT 1) SELECT * FROM x").verb).toBe("with");
});

test("tokens cover every query without losing or repeating a character", () => {
  const piece = fc.constantFrom(
    "SELECT",
    " ",
    "\n",
    "'it''s'",
    '"a""b"',
    "$1",
    "$$x$$",
    "-- c\n",
    "/* c */",
    "(",
    ")",
    ">",
    "::",
    "1.5",
    ",",
    "é",
    ";",
    "$",
    "'",
    '"',
    "/*",
    "E'\\''",
  );
  fc.assert(
    fc.property(
      fc.array(piece, { maxLength: 30 }),
      fc.constantFrom("postgres" as const, "sqlite" as const),
      (pieces, dialect) => {
        const sql = pieces.join("");
        let at = 0;
        for (const { start, end, text, kind } of sqlTokens(sql, syntaxes[dialect])) {
          expect(start).toBeGreaterThanOrEqual(at);
          expect(end).toBeGreaterThan(start);
          if (kind !== "word") expect(sql.slice(start, end)).toBe(text);
          at = end;
        }
        expect(at).toBeLessThanOrEqual(sql.length);
        analyseQuery(sql, syntaxes[dialect]);
      },
    ),
  );
});

describe("MySQL's own words", () => {
  const mysql = (sql: string) => analyseQuery(sql, mysqlSyntax);

  test("texts in either quotes, names in backticks and its comments are no SQL", () => {
    const { placeholders, limit, secondStatement } = mysql(
      `SELECT "it's $2", 'a\\'$3', \`$4\`, x'00' FROM t # $5 LIMIT 1
        WHERE a > $1 -- $6
        /* $7; LIMIT 2 */ AND "x\\"; $8" <> ? ORDER BY a`,
    );
    expect(placeholders.map(({ number }) => number)).toEqual([1, 1]);
    expect([limit, secondStatement]).toEqual([null, null]);
  });

  test("two minus signs are a comment only before a blank", () => {
    expect(mysql("SELECT 5--$1 FROM t").placeholders).toHaveLength(1);
    expect(mysql("SELECT 5--\t$1 FROM t").placeholders).toHaveLength(0);
    expect(mysql("SELECT * FROM t WHERE a <-- $1\n $1").placeholders).toMatchObject([
      { comparison: "strict", side: "upper" },
    ]);
  });

  test("a LIMIT is the page's size, also behind an offset", () => {
    const sql = "SELECT * FROM t WHERE a >= $1 ORDER BY a LIMIT 20, 10";
    expect(mysql(sql).limit).toMatchObject({ rows: 10 });
    expect(rewriteQuery(sql, mysql(sql), (n) => `?${n}`)).toBe(
      "SELECT * FROM t WHERE a >= ?1 ORDER BY a LIMIT 20, 18446744073709551615",
    );
  });
});
