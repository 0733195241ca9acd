import { quoted, tableNameParts } from "../names.ts";
import { notNewer, type TextSql } from "../table/newest-row.ts";
import type { InexactKey, Target } from "../table/store.ts";
import type { SqliteSession } from "./session.ts";

/** The columns of a key in which SQLite takes different texts for one, by the collation of its unique index. */
export async function inexactKeysOf(
  connection: SqliteSession,
  { schema, name }: { readonly schema: string; readonly name: string },
  key: readonly string[],
): Promise<readonly InexactKey[]> {
  const rows = await connection.query(
    `SELECT c.name AS name, c.coll AS collation FROM pragma_index_list(?1, ?2) i
      JOIN pragma_index_xinfo(i.name, ?2) c WHERE i."unique" = 1 AND i.partial = 0 AND c.key = 1`,
    [name, schema],
  );
  const own = new Set(key.map((column) => column.toLowerCase()));
  const found = new Map<string, InexactKey>();
  for (const row of rows) {
    const column = String(row.name);
    const collation = String(row.collation);
    if (!own.has(column.toLowerCase()) || collation.toUpperCase() === "BINARY" || found.has(column)) continue;
    found.set(column, { column, because: `its collation is ${collation}`, collation: quoted(collation) });
  }
  return [...found.values()];
}

/** `||` makes a text without a collation of any value. */
const textSql: TextSql = {
  text: (value) => `(${value} || '')`,
  replaced: (text, from, to) => `replace(${text}, '${from}', '${to}')`,
  trimmedEnd: (text, character) => `rtrim(${text}, '${character}')`,
  withoutLeadingZeros: (text) => `ltrim(${text}, '0')`,
  joined: (a, b) => `(${a} || ${b})`,
  placeOfPoint: (text) => `printf('%06d', instr(${text}, '.'))`,
};

/** The schema and the name in a table's name as people write it; `main` where it has no schema. */
export function nameOf(table: string): { schema: string; name: string } {
  const parts = tableNameParts(table);
  return { schema: parts.length > 1 ? (parts[0] ?? "main") : "main", name: parts.at(-1) ?? table };
}

/** What an upsert does with the row that has the key; nothing for an append. */
export function onConflict({ table, key, columns, newest, inexact = [] }: Target): string {
  if (key.length === 0) return "";
  const set = columns
    .filter(({ name }) => !key.includes(name))
    .map(({ name }) => `${quoted(name)} = excluded.${quoted(name)}`);
  // A row of another key that the column takes for this one fails the statement: it is never replaced.
  set.push(
    ...inexact.map(({ column }) => {
      const name = quoted(column);
      const stored = `${quoted(nameOf(table).name)}.${name}`;
      const isSame = `CAST(${stored} AS BLOB) = CAST(excluded.${name} AS BLOB)`;
      return `${name} = CASE WHEN ${isSame} THEN ${stored} ELSE json('not JSON: ' || ${stored}) END`;
    }),
  );
  const conflict = ` ON CONFLICT (${key.map(quoted).join(", ")}) DO`;
  if (set.length === 0) return `${conflict} NOTHING`;
  if (newest === undefined) return `${conflict} UPDATE SET ${set.join(", ")}`;
  const column = quoted(newest.column);
  const stored = `${quoted(nameOf(table).name)}.${column}`;
  const incoming = `excluded.${column}`;
  // A column of any type can hold both texts and numbers.
  const haveTexts = `'text' IN (typeof(${stored}), typeof(${incoming}))`;
  const ordered = `CASE WHEN ${haveTexts} THEN ${notNewer(newest.order, stored, incoming, textSql)} ELSE ${stored} <= ${incoming} END`;
  return `${conflict} UPDATE SET ${set.join(", ")} WHERE ${stored} IS NULL OR ${ordered}`;
}
