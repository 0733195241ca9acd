import type { Insertion, SqlFragments } from "./port.ts";

/** An `INSERT` with the clause for rows that are there behind it. */
export function insertWith({ table, columns, rows }: Insertion, onConflict: string): string {
  return `INSERT INTO ${table} (${columns.join(", ")}) ${rows} ${onConflict}`;
}

/** What databases share that take `LIMIT`. */
export const commonFragments = {
  limited: (query, rows) => `${query} LIMIT ${rows}`,
  createTable: (table, columns) => `CREATE TABLE IF NOT EXISTS ${table} (${columns})`,
  createTemporaryTable: (table, columns) => `CREATE TEMPORARY TABLE ${table} (${columns})`,
} satisfies Partial<SqlFragments>;

/** What databases share that follow standard SQL and take `ON CONFLICT`. */
export const standardFragments = {
  ...commonFragments,
  longestKeyText: null,
  byCodePoint: (column) => column,
  insert: (insertion) => insertWith(insertion, `ON CONFLICT ${conflictAction(insertion)}`),
  moment: (iso) => iso,
  dropTemporaryTable: (table) => `DROP TABLE ${table}`,
} satisfies Partial<SqlFragments>;

function conflictAction({ key, replaced }: Insertion): string {
  if (replaced.length === 0) return "DO NOTHING";
  const set = replaced.map((name) => `${name} = excluded.${name}`).join(", ");
  return `(${key.join(", ")}) DO UPDATE SET ${set}`;
}
