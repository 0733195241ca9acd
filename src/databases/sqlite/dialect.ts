import { standardFragments } from "../fragments.ts";
import { quoted, quotedParts } from "../names.ts";
import type { ColumnKind, SqlDialect } from "../port.ts";
import { sqliteBounds } from "./bounds.ts";
import { sqliteSyntax } from "./syntax.ts";
import { sqliteTables } from "./table-reading.ts";

const types: Readonly<Record<ColumnKind, string>> = {
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
  columnType: (kind) => types[kind],
  keyType: () => types.text,
  syntax: sqliteSyntax,
  bounds: sqliteBounds,
  tables: sqliteTables,
  fragments: {
    ...standardFragments,
    skipping: (query, placeholder) => `${query} LIMIT ${sqliteSyntax.unlimited} OFFSET ${placeholder}`,
    text: (placeholder) => placeholder,
    list: (placeholder) => `json_each(${placeholder}) v`,
  },
};
