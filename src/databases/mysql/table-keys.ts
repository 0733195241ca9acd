import { TidemarkError } from "../../errors.ts";
import { tableNameParts } from "../names.ts";
import type { SqlConnection } from "../port.ts";
import type { TextSql } from "../table/newest-row.ts";
import type { InexactKey, Target } from "../table/store.ts";
import { mysqlRules } from "./column-rules.ts";
import { quotedText } from "./literals.ts";

/** A unique key of a table, with the properties that matter to an upsert. */
export interface UniqueKey {
  readonly columns: readonly string[];
  /** Whether it compares whole values of columns, rather than parts of them or what is computed of them. */
  readonly whole: boolean;
  /**
   * Columns that are numbered by the server, or NULL, as long as nothing is written to them: not those that it
   * computes, nor those that a trigger may fill.
   */
  readonly free: readonly string[];
}

/** A condition that a row of `information_schema` is about the table. */
export function isTable(alias: string, table: string): string {
  const parts = tableNameParts(table);
  const name = parts.at(-1) ?? table;
  const [schema] = parts.length > 1 ? parts : [];
  return `${alias}.table_schema = ${schema === undefined ? "DATABASE()" : quotedText(schema)} AND ${alias}.table_name = ${quotedText(name)}`;
}

export async function uniqueKeysOf(connection: SqlConnection, table: string): Promise<UniqueKey[]> {
  const rows = await connection.query(
    `SELECT s.index_name AS name, s.column_name AS \`column\`, s.sub_part AS part,
            c.extra LIKE '%auto_increment%'
              OR (c.is_nullable = 'YES' AND COALESCE(c.column_default, 'NULL') = 'NULL'
                  AND c.extra NOT LIKE '%GENERATED%' AND COALESCE(c.generation_expression, '') = '' AND NOT EXISTS (
                    SELECT 1 FROM information_schema.triggers g
                     WHERE g.event_object_schema = s.table_schema AND g.event_object_table = s.table_name
                       AND g.event_manipulation = 'INSERT' AND g.action_timing = 'BEFORE')) AS free
       FROM information_schema.statistics s
       LEFT JOIN information_schema.columns c ON c.table_schema = s.table_schema
        AND c.table_name = s.table_name AND c.column_name = s.column_name
      WHERE ${isTable("s", table)} AND s.non_unique = 0 ORDER BY s.index_name, s.seq_in_index`,
  );
  return [...Map.groupBy(rows, ({ name }) => String(name)).values()].map((parts) => ({
    columns: parts.map(({ column }) => String(column)),
    whole: parts.every(({ column, part }) => column !== null && part === null),
    free: parts.filter(({ free }) => free === 1).map(({ column }) => String(column)),
  }));
}

/**
 * `ON DUPLICATE KEY UPDATE` applies to any unique key, and could change the row of another record. That cannot happen
 * for a key that includes all columns of our key, or for one with a column that is never written.
 */
export async function assertNoOtherKeys(
  connection: SqlConnection,
  { table, key, columns }: Target,
): Promise<void> {
  const { fold } = mysqlRules;
  const own = key.map(fold);
  const written = new Set(columns.map(({ name }) => fold(name)));
  const other = (await uniqueKeysOf(connection, table)).find(({ columns, whole, free }) => {
    const names = columns.map(fold);
    const covers = whole && own.every((name) => names.includes(name));
    return !covers && free.map(fold).every((name) => written.has(name));
  });
  if (other === undefined) return;
  throw new TidemarkError(
    "CONFIG_INCOHERENT",
    `the table ${table} keeps ${other.columns.join(", ")} unique in addition to ${key.join(", ")}, and MySQL would replace a row by either of them`,
    { hint: "Upsert to a table whose only unique key is the record's, or choose `mode: append`." },
  );
}

/** Collations in which two texts are equal only if they are identical, including trailing blanks. */
const exact = /^binary$|_(?:nopad|0900)_bin$/;

/**
 * The key columns in which MySQL treats different texts as equal: texts that differ in case, accents or trailing
 * blanks.
 */
export async function inexactKeysOf(
  connection: SqlConnection,
  table: string,
  key: readonly string[],
): Promise<readonly InexactKey[]> {
  const rows = await connection.query(
    `SELECT c.column_name AS name, c.collation_name AS collation FROM information_schema.columns c
      WHERE ${isTable("c", table)} AND c.collation_name IS NOT NULL AND c.data_type NOT IN ('enum', 'set')`,
  );
  const own = new Set(key.map((name) => name.toLowerCase()));
  return rows.flatMap(({ name, collation }) => {
    const column = String(name);
    if (!own.has(column.toLowerCase()) || exact.test(String(collation))) return [];
    return [{ column, because: `its collation is ${collation}` }];
  });
}

export const mysqlTexts: TextSql = {
  text: (value) => `CAST(CONVERT(${value} USING utf8mb4) AS BINARY)`,
  replaced: (text, from, to) => `REPLACE(${text}, '${from}', '${to}')`,
  trimmedEnd: (text, character) => `TRIM(TRAILING '${character}' FROM ${text})`,
  withoutLeadingZeros: (text) => `TRIM(LEADING '0' FROM ${text})`,
  joined: (a, b) => `CONCAT(${a}, ${b})`,
  placeOfPoint: (text) => `LPAD(LOCATE('.', ${text}), 6, '0')`,
};
