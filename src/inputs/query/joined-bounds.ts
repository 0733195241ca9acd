import type { QuerySyntax } from "../../databases/syntax.ts";
import { analyseQuery } from "./query-analysis.ts";
import { type SqlToken, sqlTokens } from "./sql-tokens.ts";

/** Words between two conditions that let rows through for which only one of them holds. */
const either = new Set(["or", "union"]);

/**
 * Finds two separate lower bounds in a query: `updated_at > $1 AND id > $2`. Such a query never returns a changed row
 * whose id is below the highest. Null where it compares the pair, as in `(updated_at, id) > ($1, $2)` and `updated_at >
 * $1 OR (updated_at = $1 AND id > $2)`, or has only one of the bounds.
 */
export function boundsJoinedByAnd(
  sql: string,
  syntax: QuerySyntax,
  first: number,
  second: number,
): number | null {
  const lower = analyseQuery(sql, syntax).placeholders.filter(({ side }) => side === "lower");
  const ofFirst = lower.filter(({ number }) => number === first);
  const ofSecond = lower.filter(({ number }) => number === second);
  const [bound] = ofSecond;
  if (bound === undefined || ofFirst.length === 0) return null;
  const tokens = sqlTokens(sql, syntax);
  const paired = ofFirst.some((one) => ofSecond.some((other) => isPair(tokens, one.start, other.start)));
  return paired ? null : bound.start;
}

/** Whether two placeholders are values of one comparison, or their conditions are joined by OR. */
function isPair(tokens: readonly SqlToken[], one: number, other: number): boolean {
  const from = Math.min(one, other);
  const to = Math.max(one, other);
  const between = tokens.filter(({ start }) => start >= from && start <= to);
  const outermost = Math.min(...between.map(({ depth }) => depth));
  const words = between.filter(({ depth, kind }) => depth === outermost && kind === "word");
  return !words.some(({ text }) => text === "and") || words.some(({ text }) => either.has(text));
}
