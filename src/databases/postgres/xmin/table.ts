import { TidemarkError } from "../../../errors.ts";
import type { SqlConnection } from "../../port.ts";

const nextTransaction = "(SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint)";

/**
 * An expression for a row's transaction as a 64-bit id. A row keeps the lower half; the upper one is that of the last
 * transaction before the next with this lower half. So it is exact for every row whose transaction is among the last
 * 2^32; an older row gets a later id than its real one, never an earlier one. Below 3 there are no transactions: such
 * rows are older than the cluster's own.
 */
export function transactionOf(xmin: string, next = nextTransaction): string {
  const half = `${xmin}::text::bigint`;
  return `CASE WHEN ${half} < 3 THEN ${half} ELSE ${next} - 1 - ((${next} - 1 - ${half}) & 4294967295) END`;
}

const treeQuery = `
WITH RECURSIVE tree(oid, fresh) AS (
  SELECT to_regclass($1)::oid, false
  UNION ALL
  SELECT i.inhrelid, t.fresh OR ($2::bigint IS NOT NULL AND ${transactionOf("i.xmin")} >= $2::bigint)
    FROM pg_catalog.pg_inherits i JOIN tree t ON t.oid = i.inhparent
)
SELECT t.oid::text AS oid, t.fresh, c.oid::regclass::text AS name, c.relkind::text AS kind, m.amname AS method
  FROM tree t JOIN pg_catalog.pg_class c ON c.oid = t.oid LEFT JOIN pg_catalog.pg_am m ON m.oid = c.relam`;

/**
 * The partitions that became part of the table since the horizon: the rows that they brought with
 * them may be older. Throws `CONFIG_INCOHERENT` where rows have no transaction to be read by.
 */
export async function freshPartitions(
  connection: SqlConnection,
  table: string,
  since: string | null,
): Promise<string[]> {
  const rows = await connection.query(treeQuery, [connection.dialect.table(table), since]);
  for (const { kind, method, name } of rows) {
    if (kind === "p" || ((kind === "r" || kind === "m") && method === "heap")) continue;
    throw new TidemarkError(
      "CONFIG_INCOHERENT",
      `${name} cannot be read with \`cursor: xmin\`: its rows do not have the transaction that wrote them`,
      { hint: "Name the tables behind it, or follow a column." },
    );
  }
  return rows.filter(({ fresh }) => fresh === true).map(({ oid }) => String(oid));
}

/** The column that is added to each row, for the engine alone. */
export const transactionColumn = "tidemark_xmin";

export interface XminQuery {
  readonly table: string;
  readonly columns: readonly string[] | undefined;
  readonly where: string | undefined;
  readonly keys: readonly string[];
  /** Whether there is a lower bound, `$2`; the upper one is `$1`. */
  readonly hasLower: boolean;
  /** Whether the partitions in `$3` are read completely as well. */
  readonly hasFresh: boolean;
}

/** All rows of the transactions between two bounds, both included, in the order of the transactions. */
export function xminQuery({ table, columns, where, keys, hasLower, hasFresh }: XminQuery): string {
  const lower = hasFresh
    ? [`(${transactionColumn} >= $2::bigint OR ${table}.tableoid = ANY ($3::text::oid[]))`]
    : [`${transactionColumn} >= $2::bigint`];
  const conditions = [
    `${transactionColumn} <= $1::bigint`,
    ...(hasLower ? lower : []),
    ...(where === undefined ? [] : [`(${where}\n)`]),
  ];
  const selected = columns === undefined ? "*" : [...columns, transactionColumn].join(", ");
  return `SELECT ${selected} FROM ${table}
CROSS JOIN LATERAL (SELECT ${transactionOf("xmin")} AS ${transactionColumn}) AS tidemark_transaction
WHERE ${conditions.join(" AND ")} ORDER BY ${[transactionColumn, ...keys].join(", ")}`;
}
