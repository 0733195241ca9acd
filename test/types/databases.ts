import type { SqlConnection } from "../../src/databases/port.ts";
import { mysqlRows } from "./mysql-rows.ts";
import { postgresRows, postgresSetup } from "./postgres-rows.ts";
import type { TypeRow } from "./rows.ts";
import { sqliteRows } from "./sqlite-rows.ts";

export type DatabaseName = "PostgreSQL" | "MariaDB" | "SQLite";

/** How the matrix handles one kind of database. */
export interface TypedDatabase {
  readonly name: DatabaseName;
  readonly setup: readonly string[];
  readonly rows: readonly TypeRow[];
  /** The text that the server itself has for a column's value. */
  readonly shown: (column: string) => string;
  /** The types of a table's columns, as the database declares them, by name. */
  declared(connection: SqlConnection, table: string): Promise<ReadonlyMap<string, string>>;
}

/** A list of each type: all its values, none, one that is NULL, and lists of lists. */
function listOf({ name, type, values, asValue, shown, catalogue }: TypeRow): TypeRow {
  const typed = values.map((value) => `${value}::${type}`);
  const [first = "NULL"] = typed;
  const keepsText = type !== "json" && type !== "numeric" && shown === undefined;
  return {
    name: `${name}[]`,
    type: `${type}[]`,
    catalogue: catalogue.map((word) => `_${word}`),
    values: [
      `ARRAY[${(keepsText ? typed : typed.slice(0, 1)).join(", ")}]::${type}[]`,
      "'{}'",
      `ARRAY[NULL, ${first}]::${type}[]`,
      `ARRAY[ARRAY[${first}], ARRAY[${first}]]::${type}[]`,
      `'[0:0]={NULL}'`,
    ],
    ...(asValue === undefined || type === "numeric" ? {} : { asValue }),
    ...(type === "json" ? { shown: (column: string) => `${column}::jsonb[]::text` } : {}),
  };
}

const postgres: TypedDatabase = {
  name: "PostgreSQL",
  setup: postgresSetup,
  rows: [...postgresRows, ...postgresRows.map(listOf)],
  shown: (column) => `${column}::text`,
  async declared(connection, table) {
    const rows = await connection.query(
      `SELECT attname AS name, format_type(atttypid, atttypmod) AS type FROM pg_attribute
        WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped`,
      [table],
    );
    return new Map(rows.map(({ name, type }) => [String(name), String(type)]));
  },
};

const mariadb: TypedDatabase = {
  name: "MariaDB",
  setup: [],
  rows: mysqlRows,
  shown: (column) => `CAST(${column} AS CHAR)`,
  async declared(connection, table) {
    const rows = await connection.query(
      "SELECT column_name AS name, column_type AS type FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name = ?1",
      [table],
    );
    // The width in which integers are shown says nothing, but for that of BOOLEAN.
    const shortened = (type: string) => type.replace(/^((?:big|medium|small)?int)\(\d+\)/, "$1");
    return new Map(rows.map(({ name, type }) => [String(name), shortened(String(type))]));
  },
};

const sqlite: TypedDatabase = {
  name: "SQLite",
  setup: [],
  rows: sqliteRows,
  shown: (column) => `typeof(${column}) || ' ' || quote(${column})`,
  async declared(connection, table) {
    const rows = await connection.query("SELECT name, type FROM pragma_table_info(?1)", [table]);
    return new Map(rows.map(({ name, type }) => [String(name), String(type)]));
  },
};

export const typedDatabases: Readonly<Record<DatabaseName, TypedDatabase>> = {
  PostgreSQL: postgres,
  MariaDB: mariadb,
  SQLite: sqlite,
};
