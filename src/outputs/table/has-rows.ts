import type { SqlConnection } from "../../databases/port.ts";
import type { TableStore } from "../../databases/table/store.ts";

interface Place {
  readonly connection: SqlConnection;
  readonly store: TableStore;
  readonly table: string;
}

/** Whether the table exists and has a row. */
export async function hasRows({ connection, store, table }: Place): Promise<boolean> {
  if ((await store.describe(table)) === null) return false;
  const { dialect } = connection;
  const rows = await connection.query(dialect.fragments.limited(`SELECT 1 FROM ${dialect.table(table)}`, 1));
  return rows.length > 0;
}
