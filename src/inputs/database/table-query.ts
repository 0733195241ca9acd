import type { Incremental } from "../../engine/ports.ts";
import { formatPath } from "../../model/record.ts";
import type { SqlDialect } from "../../sql/port.ts";
import type { DatabaseInputConfig } from "./schema.ts";
import { unlimited } from "./unlimited.ts";

export interface TableQueries {
  /** All rows that have a cursor, between the bounds, ascending; without a cursor declared, all rows. */
  readonly rows: string;
  /** The same in no order. */
  readonly unsorted: string;
  /** How many of its placeholders are lower bounds: 1 or 0. An upper bound comes after it. */
  readonly lowerBounds: 0 | 1;
  readonly upperBounds: 0 | 1;
  /**
   * The rows without a cursor, which no bound finds: all of them where they are to be delivered, one
   * where one is enough to fail; null where nobody asks for them.
   */
  readonly withoutCursor: string | null;
}

/**
 * The queries that read a table. Rows of one cursor value come in the order of their key, so that two
 * reads give them alike. Texts are compared by code point, as cursors are. Both bounds are inclusive.
 */
export function tableQueries(
  config: DatabaseInputConfig,
  incremental: Incremental,
  dialect: SqlDialect,
  has: { readonly lower: boolean; readonly upper: boolean },
  /** The cursor's column as it is compared, where that is not the bare column. */
  comparedAs: string | null = null,
): TableQueries {
  const table = dialect.table(config.table ?? "");
  const columns = config.columns?.map((name) => dialect.identifier(name)).join(", ") ?? "*";
  const keys = (incremental.key ?? []).map((path) => dialect.identifier(formatPath(path)));
  const condition = config.where === undefined ? [] : [`(${config.where}\n)`];
  const [leading] = incremental.cursors;
  const select = (conditions: readonly string[], rest: string): string =>
    `SELECT ${columns} FROM ${table}${conditions.length === 0 ? "" : ` WHERE ${conditions.join(" AND ")}`}${rest}`;

  const nothing = { lowerBounds: 0, upperBounds: 0, withoutCursor: null } as const;
  if (leading === undefined) {
    return { ...nothing, rows: select(condition, orderBy(keys)), unsorted: select(condition, "") };
  }
  if (leading.path === null) {
    const limit = ` LIMIT ${unlimited[dialect.name]}`;
    const rows = select(condition, `${orderBy(keys)}${limit} OFFSET ${dialect.placeholder(1)}`);
    return { ...nothing, rows, unsorted: rows, lowerBounds: 1 };
  }
  const column = dialect.identifier(formatPath(leading.path));
  const compared = comparedAs ?? column;
  const lower = has.lower ? [`${compared} >= ${dialect.placeholder(1)}`] : [`${column} IS NOT NULL`];
  const lowerBounds = has.lower ? 1 : 0;
  const upperBounds = has.upper ? 1 : 0;
  const upper = upperBounds === 0 ? [] : [`${compared} <= ${dialect.placeholder(lowerBounds + 1)}`];
  const bounded = [...lower, ...upper, ...condition];
  const without = select(
    [`${column} IS NULL`, ...condition],
    incremental.onNullCursor === "fail" ? " LIMIT 1" : "",
  );
  return {
    lowerBounds,
    upperBounds,
    unsorted: select(bounded, ""),
    rows: select(bounded, orderBy([compared, ...keys.filter((key) => key !== column)])),
    withoutCursor: incremental.onNullCursor === "skip" ? null : without,
  };
}

function orderBy(terms: readonly string[]): string {
  return terms.length === 0 ? "" : ` ORDER BY ${terms.join(", ")}`;
}
