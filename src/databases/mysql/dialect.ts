import { commonFragments, insertWith } from "../fragments.ts";
import { tableNameParts } from "../names.ts";
import type { ColumnKind, SqlDialect, SqlFragments } from "../port.ts";
import { mysqlBounds } from "./bounds.ts";
import { mysqlSyntax } from "./syntax.ts";
import { mysqlTables } from "./table-reading.ts";

function quoted(name: string): string {
  return `\`${name.replaceAll("`", "``")}\``;
}

/** Texts are compared code point by code point; a text as long as it gets, since nothing says how long. */
const text = "LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin";

const types: Readonly<Record<ColumnKind, string>> = {
  boolean: "TINYINT(1)",
  integer: "BIGINT",
  decimal: "DECIMAL(65,30)",
  float: "DOUBLE",
  text,
  // TIMESTAMP ends in 2038; moments are kept in UTC.
  timestamp: "DATETIME(6)",
  date: "DATE",
  // MySQL's own JSON keeps numbers as doubles. Where this is made, `json_valid` is added to it.
  json: text,
  bytes: "LONGBLOB",
};

const fragments: SqlFragments = {
  ...commonFragments,
  // With a connector, a stream and an identity of 200 each, an index holds no more.
  longestKeyText: 168,
  // The columns that hold names are compared so already.
  byCodePoint: (column) => column,
  insert(insertion) {
    const { key, replaced } = insertion;
    // A column of the key gets the value that it has, so that the row stays as it is.
    const set = replaced.length === 0 ? key.slice(-1) : replaced;
    const values = set.map((name) => `${name} = VALUES(${name})`).join(", ");
    return insertWith(insertion, `ON DUPLICATE KEY UPDATE ${values}`);
  },
  skipping: (query, placeholder) => `${query} LIMIT ${mysqlSyntax.unlimited} OFFSET ${placeholder}`,
  text: (placeholder) => placeholder,
  list: (placeholder) =>
    `JSON_TABLE(${placeholder}, '$[*]' COLUMNS (value VARCHAR(200) CHARACTER SET utf8mb4 PATH '$')) v`,
  moment: (iso) => iso.replace("T", " ").replace("Z", ""),
  dropTemporaryTable: (table) => `DROP TEMPORARY TABLE ${table}`,
};

/** Collations that compare code points and do not take `a` and `a ` for one; no name is known to both. */
const exactCollations = { mariadb: "utf8mb4_nopad_bin", mysql: "utf8mb4_0900_bin" } as const;

/** The dialect that MySQL and MariaDB share, up to the names of collations; by what `VERSION()` says. */
export function mysqlDialect(version: string): SqlDialect {
  const collation = exactCollations[/mariadb/i.test(version) ? "mariadb" : "mysql"];
  return {
    name: "mysql",
    identifier: quoted,
    table: (name) => tableNameParts(name).map(quoted).join("."),
    // Numbered, so that one parameter can stand in several places; the connection puts the values in.
    placeholder: (n) => `?${n}`,
    columnType: (kind) => types[kind],
    keyType: (characters) => `VARCHAR(${characters}) CHARACTER SET utf8mb4 COLLATE ${collation}`,
    fragments,
    syntax: mysqlSyntax,
    bounds: mysqlBounds,
    tables: mysqlTables,
  };
}
