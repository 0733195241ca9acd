import type { DatabaseSync } from "node:sqlite";
import { TidemarkError } from "../../errors.ts";
import { quoted } from "../names.ts";
import type { ColumnKind } from "../port.ts";
import type { Widening } from "../table/store.ts";

interface TableName {
  readonly schema: string;
  readonly name: string;
}

/** Turns a stored value into what a column of text holds for it; SQLite's own text of a double has other digits. */
const textFunction = "tidemark_text";

/** Table features that a new `CREATE TABLE` written from the columns would lose. */
const beyondColumns = /\b(?:CHECK|REFERENCES|COLLATE|GENERATED|STRICT|WITHOUT|UNIQUE)\b/i;

/**
 * Gives columns of a table new types, within the caller's transaction. SQLite cannot change the type
 * of a column, so that the table is made anew and filled, and its indexes and triggers after it.
 * Throws `OUTPUT_FAILED` for a table to which things were added that this would lose.
 */
export function rebuildTable(db: DatabaseSync, table: TableName, widenings: readonly Widening[]): void {
  const schema = quoted(table.schema);
  const made = db
    .prepare(`SELECT name, sql FROM ${schema}.sqlite_schema WHERE type = 'table' AND lower(name) = lower(?)`)
    .get(table.name);
  const name = String(made?.name);
  assertNothingLost(db, table, String(made?.sql), widenings);
  const related = db
    .prepare(
      `SELECT sql FROM ${schema}.sqlite_schema WHERE type IN ('index', 'trigger') AND tbl_name = ? AND sql IS NOT NULL`,
    )
    .all(name);
  const columns = db.prepare("SELECT * FROM pragma_table_xinfo(?, ?)").all(name, table.schema);
  const widened = new Map(
    widenings.map(({ column, from }) => [
      column.name,
      { type: column.type, from: column.kind === "text" ? from.kind : undefined },
    ]),
  );
  const lines = columns.map((column) => {
    const type = widened.get(String(column.name))?.type ?? String(column.type);
    const initial = column.dflt_value === null ? "" : ` DEFAULT ${String(column.dflt_value)}`;
    return `${quoted(String(column.name))} ${type}${column.notnull === 1 ? " NOT NULL" : ""}${initial}`;
  });
  const key = columns
    .filter(({ pk }) => Number(pk) > 0)
    .sort((a, b) => Number(a.pk) - Number(b.pk))
    .map((column) => quoted(String(column.name)));
  if (key.length > 0) lines.push(`PRIMARY KEY (${key.join(", ")})`);
  const values = columns.map((column) => {
    const from = widened.get(String(column.name))?.from;
    return from === undefined ? quoted(String(column.name)) : asText(quoted(String(column.name)), from);
  });
  db.function(textFunction, { deterministic: true }, (value) => String(value));
  const draft = quoted(`${name}_tidemark_new`);
  const comment = /\/\*[^*]*\*\//.exec(String(made?.sql))?.[0] ?? "";
  db.exec(`CREATE TABLE ${schema}.${draft} ( ${comment}\n  ${lines.join(",\n  ")}\n)`);
  db.exec(
    `INSERT INTO ${schema}.${draft} SELECT ${values.join(", ")} FROM ${schema}.${quoted(name)} ORDER BY _rowid_`,
  );
  db.exec(`DROP TABLE ${schema}.${quoted(name)}`);
  // Views of the table are not changed; they are invalid for a moment.
  db.exec("PRAGMA legacy_alter_table = ON");
  try {
    db.exec(`ALTER TABLE ${schema}.${draft} RENAME TO ${quoted(name)}`);
  } finally {
    db.exec("PRAGMA legacy_alter_table = OFF");
  }
  for (const { sql } of related) db.exec(String(sql));
}

function asText(column: string, from: ColumnKind): string {
  const integers =
    from === "boolean"
      ? `CASE ${column} WHEN 1 THEN 'true' WHEN 0 THEN 'false' ELSE CAST(${column} AS TEXT) END`
      : `CAST(${column} AS TEXT)`;
  return `CASE typeof(${column}) WHEN 'integer' THEN ${integers} WHEN 'real' THEN ${textFunction}(${column}) ELSE ${column} END`;
}

function assertNothingLost(
  db: DatabaseSync,
  table: TableName,
  sql: string,
  widenings: readonly Widening[],
): void {
  const referring = db
    .prepare(
      `SELECT t.name FROM pragma_table_list t, pragma_foreign_key_list(t.name) f WHERE lower(f."table") = lower(?) LIMIT 1`,
    )
    .get(table.name);
  const why = beyondColumns.test(withoutNames(sql))
    ? "the table has constraints of its own"
    : referring !== undefined
      ? `the table ${String(referring.name)} refers to it`
      : null;
  if (why === null) return;
  const columns = widenings.map(({ column }) => `\`${column.name}\``).join(", ");
  throw new TidemarkError(
    "OUTPUT_FAILED",
    `the table ${table.name} cannot be changed so that ${columns} can hold text: ${why}`,
    { hint: "Change the column's type to TEXT by hand, or change the values with a filter." },
  );
}

/** Names and texts in quotes say nothing of the table's constraints. */
function withoutNames(sql: string): string {
  return sql.replace(/"(?:[^"]|"")*"|'(?:[^']|'')*'/g, "x");
}
