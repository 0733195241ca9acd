import { columnNames, keyColumns, type Table, valueColumns } from "../../derive/table.ts";

/** Inserts a row, its columns in the order of the table's description. */
export function insert(of: Table): string {
  const columns = columnNames(of);
  return `INSERT INTO ${of.name} (${columns.join(", ")}) VALUES (${columns.map(() => "?").join(", ")})`;
}

/** Inserts a row, or changes these columns of the one that is there: all but its key unless given. */
export function upsert(of: Table, changed: readonly string[] = valueColumns(of)): string {
  const changes = changed.map((column) => `${column} = excluded.${column}`);
  return `${insert(of)} ON CONFLICT (${keyColumns(of).join(", ")}) DO UPDATE SET ${changes.join(", ")}`;
}
