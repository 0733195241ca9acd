import type { SqlConnection } from "../../databases/port.ts";
import { oidArray, relationsOf, sequencesOf } from "./commit-safe/relation.ts";

/**
 * The lowest id that the next row of a table may get from the database, as far as it counts them: by a sequence, by
 * AUTO_INCREMENT, as SQLite's rowid. Null where nobody knows: views, and ids that an application chooses.
 */
export async function nextId(
  connection: SqlConnection,
  table: string,
  column: string,
): Promise<bigint | null> {
  switch (connection.dialect.name) {
    case "postgres":
      return nextOfSequence(connection, table, column);
    case "mysql":
      return nextOfMysql(connection, table, column);
    case "sqlite":
      return nextOfSqlite(connection, table, column);
  }
}

async function nextOfSequence(
  connection: SqlConnection,
  table: string,
  column: string,
): Promise<bigint | null> {
  const relations = await relationsOf(connection, table);
  const sequences = relations === null ? [] : await sequencesOf(connection, relations, column);
  if (sequences.length === 0) return null;
  // A sequence that nobody has taken from since it was made, or set back, has no last value.
  const [row] = await connection.query(
    `SELECT min(coalesce(pg_sequence_last_value(seqrelid) + seqincrement, seqstart))::text AS next
       FROM pg_catalog.pg_sequence
      WHERE seqrelid = ANY ($1::text::oid[]) AND has_sequence_privilege(seqrelid, 'SELECT, USAGE')`,
    [oidArray(sequences)],
  );
  return typeof row?.next === "string" ? BigInt(row.next) : null;
}

async function nextOfMysql(connection: SqlConnection, table: string, column: string): Promise<bigint | null> {
  const { dialect } = connection;
  // The catalogue's own number may be a day old on MySQL 8.
  const [row] = await connection.query(`SHOW CREATE TABLE ${dialect.table(table)}`);
  const made = String(row?.["Create Table"] ?? "");
  const own = made.split("\n").find((line) => line.trim().startsWith(`${dialect.identifier(column)} `));
  if (own === undefined || !/\bAUTO_INCREMENT\b/.test(own)) return null;
  return BigInt(/^\) .*\bAUTO_INCREMENT=(\d+)/m.exec(made)?.[1] ?? "1");
}

async function nextOfSqlite(
  connection: SqlConnection,
  table: string,
  column: string,
): Promise<bigint | null> {
  const name = table.split(".").at(-1) ?? table;
  const columns = await connection.query(`PRAGMA table_info(${connection.dialect.identifier(name)})`);
  const keys = columns.filter(({ pk }) => Number(pk) > 0);
  const [key] = keys;
  const isRowid =
    keys.length === 1 &&
    /^integer$/i.test(String(key?.type)) &&
    String(key?.name).toLowerCase() === column.toLowerCase();
  if (!isRowid) return null;
  const [made] = await connection.query(
    "SELECT sql FROM sqlite_master WHERE type = 'table' AND name = ?1 COLLATE NOCASE",
    [name],
  );
  const counts = /\bAUTOINCREMENT\b/i.test(String(made?.sql));
  const [row] = counts
    ? await connection.query("SELECT seq AS last FROM sqlite_sequence WHERE name = ?1 COLLATE NOCASE", [name])
    : await connection.query(`SELECT max(rowid) AS last FROM ${connection.dialect.table(table)}`);
  return BigInt(String(row?.last ?? 0)) + 1n;
}
