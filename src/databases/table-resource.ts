import { tableNameParts } from "./names.ts";
import { assumedDatabase, databaseOf } from "./registry.ts";

/**
 * A table of a database, as settings name both: equal for two settings that name it alike. The `id` holds the
 * connection's text with its password.
 */
export function tableResource(url: string, table: string): { id: string; name: string } {
  const { foldsNames } = (databaseOf(url) ?? assumedDatabase).tables;
  const parts = tableNameParts(foldsNames ? table.toLowerCase() : table);
  return { id: `table:${JSON.stringify([url, ...parts])}`, name: `the table ${table}` };
}
