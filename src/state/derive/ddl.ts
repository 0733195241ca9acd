import type { Table } from "./table.ts";

/** The databases that hold state in tables. */
export type Dialect = "sqlite" | "postgres";

/** A table's columns as `CREATE TABLE` takes them. */
export function columnDefinitions(of: Table, dialect: Dialect): string {
  return Object.values(of.columns)
    .map(({ column, kind, nullable }) => `${column} ${kind[dialect]}${nullable ? "" : " NOT NULL"}`)
    .join(", ");
}
