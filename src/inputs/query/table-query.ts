import type { ColumnKind, SqlDialect } from "../../databases/port.ts";
import type { Incremental } from "../../engine/ports.ts";
import { formatPath } from "../../model/record.ts";
import type { DatabaseInputConfig } from "./schema.ts";

export interface TableQueries {
  /** All rows that have a cursor, between the bounds, ascending; without a cursor declared, all rows. */
  readonly rows: string;
  /** The same rows, unordered. */
  readonly unsorted: string;
  /** How many of its placeholders are lower bounds: 1 or 0. An upper bound comes after it. */
  readonly lowerBounds: 0 | 1;
  readonly upperBounds: 0 | 1;
  /** The rows without a cursor, which no bound finds, if they are delivered. */
  readonly delivered: string | null;
  /** Rows that no bound finds and that are refused by name. */
  readonly refused: string | null;
  /** Further conditions for the rows between the bounds. */
  readonly conditions: readonly string[];
}

/** The column of the leading cursor. */
export interface LeadingColumn {
  readonly kind: ColumnKind | undefined;
  /** The column as it is compared; null where that is the bare column. */
  readonly comparedAs: string | null;
  /** A further condition for rows between the bounds; null for none. */
  readonly within: string | null;
}

/**
 * The queries that read a table. Rows with equal cursors are sorted by their key, so that two reads return them in the
 * same order. Texts are compared by code point, as cursors are. Both bounds are inclusive.
 */
export function tableQueries(
  config: DatabaseInputConfig,
  incremental: Incremental,
  dialect: SqlDialect,
  has: { readonly lower: boolean; readonly upper: boolean },
  leadingColumn: LeadingColumn,
): TableQueries {
  const table = dialect.table(config.table ?? "");
  const columns = config.columns?.map((name) => dialect.identifier(name)).join(", ") ?? "*";
  const keys = (incremental.key ?? []).map((path) => dialect.identifier(formatPath(path)));
  const condition = config.where === undefined ? [] : [`(${config.where}\n)`];
  const [leading] = incremental.cursors;
  const select = (conditions: readonly string[], rest: string): string =>
    `SELECT ${columns} FROM ${table}${conditions.length === 0 ? "" : ` WHERE ${conditions.join(" AND ")}`}${rest}`;

  const none = { delivered: null, refused: null, conditions: condition };
  const nothing = { ...none, lowerBounds: 0, upperBounds: 0 } as const;
  if (leading === undefined) {
    return { ...nothing, rows: select(condition, orderBy(keys)), unsorted: select(condition, "") };
  }
  if (leading.path === null) {
    const rows = dialect.fragments.skipping(select(condition, orderBy(keys)), dialect.placeholder(1));
    return { ...nothing, rows, unsorted: rows, lowerBounds: 1 };
  }
  const column = dialect.identifier(formatPath(leading.path));
  const compared = leadingColumn.comparedAs ?? column;
  const lower = has.lower ? [`${compared} >= ${dialect.placeholder(1)}`] : [`${column} IS NOT NULL`];
  const lowerBounds = has.lower ? 1 : 0;
  const upperBounds = has.upper ? 1 : 0;
  const upper = upperBounds === 0 ? [] : [`${compared} <= ${dialect.placeholder(lowerBounds + 1)}`];
  const { kind } = leadingColumn;
  const { nulls, odd } = dialect.tables.valuesWithoutPlace({
    column,
    kind,
    leading,
    hasUpper: has.upper,
  });
  const placed = [nulls, odd].filter((values) => values !== null).map((values) => `NOT ${values}`);
  const further = leadingColumn.within === null ? [] : [leadingColumn.within];
  const conditions = [...placed, ...further, ...condition];
  const bounded = [...lower, ...upper, ...conditions];
  const without = (values: readonly (string | null)[]): string | null => {
    const any = values.filter((condition) => condition !== null).join(" OR ");
    return any === "" ? null : select([`(${any})`, ...condition], "");
  };
  const noCursor = [`${column} IS NULL`, nulls];
  return {
    lowerBounds,
    upperBounds,
    conditions,
    unsorted: select(bounded, ""),
    rows: select(bounded, orderBy([compared, ...keys.filter((key) => key !== column)])),
    delivered: incremental.onNullCursor === "deliver" ? without(noCursor) : null,
    // Invalid cursor values are refused by name, whatever is declared for null cursors.
    refused: without(incremental.onNullCursor === "fail" ? [...noCursor, odd] : [odd]),
  };
}

function orderBy(terms: readonly string[]): string {
  return terms.length === 0 ? "" : ` ORDER BY ${terms.join(", ")}`;
}
