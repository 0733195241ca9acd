import type { SqlDialect } from "../../databases/port.ts";

/** What the ledger says to each database in words of its own. */
export interface LedgerWords {
  /** How long the name of a lane may be; null where it may be as long as it is. */
  readonly longestScope: number | null;
  /** What follows `INSERT …`, so that a row of that key is replaced in these columns. */
  replacing(key: readonly string[], columns: readonly string[]): string;
  /** What follows `INSERT … SELECT …`, so that a row that is there stays as it is; `column` is one of its key. */
  ignoring(column: string): string;
  /** The statements of a claim, of which the last changes a row where the claim is granted. */
  claim(table: string, params: readonly string[]): readonly string[];
  /** A parameter where nothing beside it says that it is text. */
  text(placeholder: string): string;
  /** The elements of a JSON list given as parameter, as rows `v.value`. */
  list(placeholder: string): string;
  /** A column of text as it is to be compared by code point. */
  byCodePoint(column: string): string;
  /** A moment in ISO 8601, in UTC, as the database takes it. */
  moment(iso: string): string;
  readonly dropTemporary: string;
}

const claimColumns = "(connector, stream, lane, epoch, updated_at, records, fields)";

function onConflict(key: readonly string[], columns: readonly string[]): string {
  return `ON CONFLICT (${key.join(", ")}) DO UPDATE SET ${columns.map((name) => `${name} = excluded.${name}`).join(", ")}`;
}

/** What SQLite and PostgreSQL say alike. */
const common = {
  longestScope: null,
  byCodePoint: (column: string) => column,
  replacing: onConflict,
  ignoring: () => "WHERE true ON CONFLICT DO NOTHING",
  claim: (table: string, params: readonly string[]) => [
    `INSERT INTO ${table} AS p ${claimColumns} VALUES (${params.join(", ")}, 0, '[]')
      ${onConflict(["connector", "stream", "lane"], ["epoch", "updated_at"])} WHERE p.epoch < excluded.epoch`,
  ],
  moment: (iso: string) => iso,
  dropTemporary: "DROP TABLE",
};

export const ledgerWords: Readonly<Record<SqlDialect["name"], LedgerWords>> = {
  sqlite: {
    ...common,
    text: (placeholder) => placeholder,
    list: (placeholder) => `json_each(${placeholder}) v`,
  },
  postgres: {
    ...common,
    byCodePoint: (column) => `${column} COLLATE "C"`,
    text: (placeholder) => `CAST(${placeholder} AS text)`,
    list: (placeholder) => `json_array_elements_text(${placeholder}::json) AS v(value)`,
  },
  mysql: {
    // With a connector, a stream and an identity of 200 each, an index holds no more.
    longestScope: 168,
    // The columns that hold names are compared so already.
    byCodePoint: (column) => column,
    replacing: (_key, columns) =>
      `ON DUPLICATE KEY UPDATE ${columns.map((name) => `${name} = VALUES(${name})`).join(", ")}`,
    ignoring: (column) => `ON DUPLICATE KEY UPDATE ${column} = VALUES(${column})`,
    // Where a row is there, the first takes its lock and changes nothing; what the second says it changed
    // is then beyond doubt.
    claim: (table, [connector, stream, lane, epoch, now]) => [
      `INSERT INTO ${table} ${claimColumns} VALUES (${connector}, ${stream}, ${lane}, 0, ${now}, 0, '[]')
        ON DUPLICATE KEY UPDATE lane = VALUES(lane)`,
      `UPDATE ${table} SET epoch = ${epoch}, updated_at = ${now}
        WHERE connector = ${connector} AND stream = ${stream} AND lane = ${lane} AND epoch < ${epoch}`,
    ],
    text: (placeholder) => placeholder,
    list: (placeholder) =>
      `JSON_TABLE(${placeholder}, '$[*]' COLUMNS (value VARCHAR(200) CHARACTER SET utf8mb4 PATH '$')) v`,
    moment: (iso) => iso.replace("T", " ").replace("Z", ""),
    dropTemporary: "DROP TEMPORARY TABLE",
  },
};
