import type { ColumnKind, SqlDialect } from "./port.ts";

function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** A name already in quotes is one part, so that a table with a dot in its name can be named. */
function quotedParts(name: string): string {
  return tableNameParts(name).map(quoted).join(".");
}

/**
 * The parts of a table's name as people write it: `schema.table` has two, `"odd.name"` is one.
 */
export function tableNameParts(name: string): string[] {
  const parts: string[] = [];
  const part = /"((?:[^"]|"")*)"|([^."]+)/y;
  let at = 0;
  while (at < name.length) {
    part.lastIndex = at;
    const match = part.exec(name);
    if (match === null) return [name];
    parts.push(match[1] === undefined ? (match[2] ?? "") : match[1].replaceAll('""', '"'));
    at = part.lastIndex;
    if (at < name.length) {
      if (name[at] !== "." || at + 1 === name.length) return [name];
      at++;
    }
  }
  return parts;
}

const sqliteTypes: Readonly<Record<ColumnKind, string>> = {
  boolean: "BOOLEAN",
  integer: "INTEGER",
  decimal: "NUMERIC",
  float: "REAL",
  text: "TEXT",
  timestamp: "TEXT",
  date: "TEXT",
  // Both words: the first tells readers what it holds, the second keeps SQLite from turning `"1"` into 1.
  json: "JSON TEXT",
  bytes: "BLOB",
};

export const sqliteDialect: SqlDialect = {
  name: "sqlite",
  identifier: quoted,
  table: quotedParts,
  placeholder: (n) => `?${n}`,
  columnType: (kind) => sqliteTypes[kind],
  keyType: () => sqliteTypes.text,
};

const postgresTypes: Readonly<Record<ColumnKind, string>> = {
  boolean: "boolean",
  integer: "bigint",
  decimal: "numeric",
  float: "double precision",
  text: "text",
  timestamp: "timestamp with time zone",
  date: "date",
  json: "jsonb",
  bytes: "bytea",
};

export const postgresDialect: SqlDialect = {
  name: "postgres",
  identifier: quoted,
  table: quotedParts,
  placeholder: (n) => `$${n}`,
  columnType: (kind) => postgresTypes[kind],
  keyType: () => postgresTypes.text,
};
