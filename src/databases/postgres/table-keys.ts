import type { TextSql } from "../table/newest-row.ts";
import type { InexactKey } from "../table/store.ts";
import type { PostgresSession } from "./session.ts";

/**
 * The types of a key's columns, with the collation that its unique index compares by. What a domain is made
 * of is found through every domain on the way. Servers before 12 have no collations that equate texts.
 */
const keyColumns = `
  SELECT DISTINCT a.attname AS name, t.typname AS type,
         quote_ident(n.nspname) || '.' || quote_ident(c.collname) AS worded,
         to_jsonb(c) ->> 'collisdeterministic' = 'false' AS inexact
    FROM pg_index i
    JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey[0:i.indnkeyatts - 1])
    CROSS JOIN LATERAL (
      WITH RECURSIVE step(oid, depth) AS (
        SELECT a.atttypid, 0
        UNION ALL
        SELECT d.typbasetype, step.depth + 1 FROM step JOIN pg_type d ON d.oid = step.oid WHERE d.typtype = 'd'
      )
      SELECT t.typname FROM step JOIN pg_type t ON t.oid = step.oid ORDER BY step.depth DESC LIMIT 1
    ) t
    LEFT JOIN pg_collation c ON c.oid = i.indcollation[array_position(i.indkey::int2[], a.attnum)]
    LEFT JOIN pg_namespace n ON n.oid = c.collnamespace
   WHERE i.indrelid = to_regclass($1) AND i.indisunique AND a.attname = ANY ($2)`;

/** The columns of a key in which PostgreSQL takes different texts for one. */
export async function inexactKeysOf(
  connection: PostgresSession,
  table: string,
  key: readonly string[],
): Promise<readonly InexactKey[]> {
  const list = `{${key.map((name) => JSON.stringify(name)).join(",")}}`;
  const rows = await connection.query(keyColumns, [connection.dialect.table(table), list]);
  const found = new Map<string, InexactKey>();
  for (const { name, type, worded, inexact } of rows) {
    const column = String(name);
    if (type === "citext") found.set(column, { column, because: "its type is citext" });
    else if (inexact === true && !found.has(column)) {
      const because = `its collation is ${worded}, which is not deterministic`;
      found.set(column, { column, because, collation: String(worded) });
    }
  }
  return [...found.values()];
}

/** The collation that is said of the text counts for all that is made of it. */
export const postgresTexts: TextSql = {
  text: (value) => `(${value}::text COLLATE "C")`,
  replaced: (text, from, to) => `replace(${text}, '${from}', '${to}')`,
  trimmedEnd: (text, character) => `rtrim(${text}, '${character}')`,
  withoutLeadingZeros: (text) => `ltrim(${text}, '0')`,
  joined: (a, b) => `(${a} || ${b})`,
  placeOfPoint: (text) => `lpad(strpos(${text}, '.')::text, 6, '0')`,
};
