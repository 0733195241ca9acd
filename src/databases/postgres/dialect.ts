import { standardFragments } from "../fragments.ts";
import { quoted, quotedParts } from "../names.ts";
import type { ColumnKind, SqlDialect } from "../port.ts";
import { postgresBounds } from "./bounds.ts";
import { postgresSyntax } from "./syntax.ts";
import { postgresTables } from "./table-reading.ts";

const types: Readonly<Record<ColumnKind, string>> = {
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
  columnType: (kind) => types[kind],
  keyType: () => types.text,
  syntax: postgresSyntax,
  bounds: postgresBounds,
  tables: postgresTables,
  fragments: {
    ...standardFragments,
    skipping: (query, placeholder) => `${query} LIMIT ${postgresSyntax.unlimited} OFFSET ${placeholder}`,
    byCodePoint: (column) => `${column} COLLATE "C"`,
    text: (placeholder) => `CAST(${placeholder} AS text)`,
    list: (placeholder) => `json_array_elements_text(${placeholder}::json) AS v(value)`,
  },
};
