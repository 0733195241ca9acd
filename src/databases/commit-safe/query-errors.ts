import type { TidemarkError } from "../../errors.ts";

/**
 * By classes of SQLSTATE that SQL's standard has: names, rights and text that is no query (42), values that no type
 * holds (22), rules that a value breaks, or a column that two tables have (23), no such database or schema (3D, 3F), what a
 * transaction that only reads may not do (25006), more than one row (21).
 */
const ofQueries = /^(?:42|22|23|3D|3F|21|25006)/;

interface States {
  /** States of a query's own errors that this database has besides. */
  readonly further?: ReadonlySet<string>;
  /** Those that a query has only as a part of another one, such as two columns of one name. */
  readonly onlyInside: ReadonlySet<string>;
}

/** Whether a query itself is what the database refuses, so that it cannot be read with any bound or without. */
export function queryErrors({ further, onlyInside }: States): (error: TidemarkError) => boolean {
  return ({ cause, details }) => {
    if (cause === undefined) return true;
    const state = String(details?.sqlState);
    return (ofQueries.test(state) || further?.has(state) === true) && !onlyInside.has(state);
  };
}
