import jsonata from "jsonata";
import { formatPath, type Path } from "../../model/record.ts";
import { decidingComparisons, guardedFields } from "./syntax.ts";

/** A comparison by which records are dropped that lack a field. */
export interface MissingDoubt {
  readonly field: string;
  /** Where the comparison stands in the expression. */
  readonly offset: number;
}

/**
 * Comparisons with `!=` that are false where a field is missing, which drops the record although it is "not equal". Not
 * those of a field that is always there (`present`), or that the expression itself asks for.
 */
export function missingDoubts(expression: string, present: readonly Path[]): MissingDoubt[] {
  const tree = jsonata(expression).ast();
  const known = new Set([...present, ...guardedFields(tree)].map(formatPath));
  return decidingComparisons(tree).flatMap(({ operator, fields, position }) => {
    const doubtful =
      operator === "!=" ? fields.map(formatPath).find((field) => !known.has(field)) : undefined;
    return doubtful === undefined
      ? []
      : [{ field: doubtful, offset: Math.max(0, position - operator.length) }];
  });
}
