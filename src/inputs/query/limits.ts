import type { QuerySyntax } from "../../databases/syntax.ts";
import { enclosing, type SqlToken } from "./sql-tokens.ts";

/** A part of the query's text that is replaced. */
export interface Removal {
  readonly start: number;
  readonly end: number;
  readonly without: string;
}

/** The outermost LIMIT or FETCH FIRST of a query. Without it, every row is returned. */
export interface TrailingLimit extends Removal {
  /** How many rows; null where it is no plain number. */
  readonly rows: number | null;
}

/** A LIMIT inside the query that limits its result, or an equivalent such as `row_number()`. */
export interface InnerLimit {
  /** Its form in the query: `LIMIT`, `row_number()`. */
  readonly what: string;
  readonly rows: number | null;
  readonly start: number;
  /** Whether a cursor's bound is inside the limited part. */
  readonly isBounded: boolean;
  /** The ORDER BY expressions of the limited part, as written; null for none. */
  readonly orderBy: string | null;
  /** How to remove it from the query, so that every row is returned; null where that is not possible. */
  readonly removal: Removal | null;
  /** The names in the limited part, in lower case, if it has no bound; null where they do not matter. */
  readonly names: ReadonlySet<string> | null;
  /** Whether it may change or drop rows that it lets through, although it cannot be removed. */
  readonly isMixed: boolean;
}

const clauseWords = new Set(["limit", "offset", "fetch", "for", "union", "intersect", "except", "window"]);

/** The LIMIT at the end of the query, among its outermost tokens. */
export function trailingLimit(level: readonly SqlToken[], syntax: QuerySyntax): TrailingLimit | null {
  for (let at = level.length - 1; at >= 0; at--) {
    if (isLimit(level, at)) return limitFrom(level, at, syntax);
  }
  return null;
}

function limitFrom(level: readonly SqlToken[], at: number, syntax: QuerySyntax): TrailingLimit {
  return level[at]?.text === "limit" ? limitAt(level, at, syntax) : fetchAt(level, at);
}

function limitAt(level: readonly SqlToken[], at: number, syntax: QuerySyntax): TrailingLimit {
  let end = at + 1;
  while (end < level.length && !isClause(level, end)) end++;
  // SQLite's `LIMIT 20, 10` is an offset and then the count.
  const comma = level.slice(at, end).findIndex(({ text }) => text === ",");
  const first = comma === -1 ? at + 1 : at + comma + 1;
  return {
    rows: plainNumber(level.slice(first, end)),
    start: level[first]?.start ?? 0,
    end: level[end - 1]?.end ?? 0,
    without: syntax.unlimited,
  };
}

/** `FETCH FIRST 10 ROWS ONLY`; without a number it is one row. */
function fetchAt(level: readonly SqlToken[], at: number): TrailingLimit {
  const stop = level.findIndex(({ text }, index) => index > at && (text === "only" || text === "ties"));
  const last = stop === -1 ? level.length - 1 : stop;
  const count = level.slice(at, last).filter(({ kind }) => kind === "number");
  const bare = last - at <= 3 && count.length === 0;
  return {
    rows: bare ? 1 : plainNumber(count),
    start: level[at]?.start ?? 0,
    end: level[last]?.end ?? 0,
    without: "",
  };
}

/** Whether the token ends an ORDER BY or a LIMIT. */
export function isClause(tokens: readonly SqlToken[], at: number): boolean {
  return isKeyword(tokens, at) && clauseWords.has(tokens[at]?.text ?? "");
}

/** After a dot or AS, a word is a name: `l.limit`. */
function isKeyword(tokens: readonly SqlToken[], at: number): boolean {
  return tokens[at]?.kind === "word" && !/^(?:\.|as)$/.test(tokens[at - 1]?.text ?? "");
}

function isLimit(tokens: readonly SqlToken[], at: number): boolean {
  return isKeyword(tokens, at) && /^(?:limit|fetch)$/.test(tokens[at]?.text ?? "");
}

function plainNumber(tokens: readonly SqlToken[]): number | null {
  const [only] = tokens;
  if (tokens.length !== 1 || only?.kind !== "number" || !/^\d+$/.test(only.text)) return null;
  return Number(only.text);
}

/** Tokens before the parenthesis of a part whose rows are rows of the query; the empty text is the query's start. */
const givesRows = /^(?:|\(|as|materialized|from|join|union|all|distinct|in)$/;
/** Tokens after a part that remove rows from it. */
const takesAway = /^(?:except|intersect|minus)$/;

/**
 * A LIMIT inside parentheses matters if their rows become rows of the query: in a common table expression, after FROM
 * and JOIN, or if the bound itself is inside. In a select list or a condition it only picks a value.
 */
export function innerLimits(
  tokens: readonly SqlToken[],
  syntax: QuerySyntax,
  orderByOf: (level: readonly SqlToken[]) => string | null,
): InnerLimit[] {
  return tokens.flatMap((token, index): InnerLimit[] => {
    if (token.depth === 0 || !isLimit(tokens, index)) return [];
    const part = partAround(tokens, index);
    // In a select list it picks a value.
    if (part === null || part.before === "select") return [];
    const { before, behind, inside, close } = part;
    const holdsBound = inside.some(({ kind }) => kind === "placeholder");
    if (!holdsBound && !/^(?:as|materialized|from|join)$/.test(before)) return [];
    const level = inside.filter(({ depth }) => depth === token.depth);
    const limit = limitFrom(level, level.indexOf(token), syntax);
    const { rows, start, end, without } = limit;
    const isBounded = before === "join" || isBoundedBefore(tokens, close);
    const isRows = givesRows.test(before) && !takesAway.test(behind) && !part.isNegated;
    const isPage = isRows && isBounded && (holdsBound || before !== "join");
    return [
      {
        what: "LIMIT",
        isBounded,
        rows,
        start: token.start,
        orderBy: orderByOf(level),
        removal: isPage ? { start, end, without } : null,
        isMixed: holdsBound && !isPage,
        names: holdsBound ? null : namesIn(inside),
      },
    ];
  });
}

/** Whether a bound is inside a part of the query or before it: a bound after it cannot change the part's rows. */
export function isBoundedBefore(tokens: readonly SqlToken[], end: number): boolean {
  return tokens.slice(0, end).some(({ kind }) => kind === "placeholder");
}

interface Part {
  /** The tokens around it; empty for none. For an item of a list, the token before the list. */
  readonly before: string;
  readonly behind: string;
  readonly isNegated: boolean;
  readonly inside: readonly SqlToken[];
  /** Where it ends. */
  readonly close: number;
}

/** The parentheses around a token. */
function partAround(tokens: readonly SqlToken[], index: number): Part | null {
  const open = enclosing(tokens, index, -1);
  if (open === null) return null;
  const close = enclosing(tokens, index, 1) ?? tokens.length;
  return {
    before: wordBefore(tokens, open),
    behind: tokens[close + 1]?.text ?? "",
    isNegated: tokens[open - 2]?.text === "not",
    inside: tokens.slice(open + 1, close),
    close,
  };
}

function wordBefore(tokens: readonly SqlToken[], open: number): string {
  const before = tokens[open - 1]?.text ?? "";
  if (before !== ",") return before;
  const depth = tokens[open]?.depth;
  const list = tokens
    .slice(0, open)
    .findLast((token) => token.depth === depth && /^(?:select|from|with|by)$/.test(token.text));
  return list?.text ?? before;
}

function namesIn(tokens: readonly SqlToken[]): ReadonlySet<string> {
  const names = tokens.filter(({ kind, text }) => kind === "word" || kind === "name" || text === "*");
  return new Set(names.map(({ kind, text }) => (kind === "name" ? text.slice(1, -1) : text).toLowerCase()));
}

/** The position of an OFFSET (or the first number of `LIMIT 5, 10`) that leaves out rows which pass the bound. */
export function skippedRows(tokens: readonly SqlToken[]): number | null {
  const at = tokens.findIndex((token, index) => {
    if (!isKeyword(tokens, index)) return false;
    const [next, further] = [tokens[index + 1], tokens[index + 2]];
    const skips =
      token.text === "offset"
        ? (next?.kind === "number" && Number(next.text) !== 0) || next?.text === "("
        : token.text === "limit" &&
          further?.text === "," &&
          next?.kind === "number" &&
          Number(next.text) !== 0;
    if (!skips) return false;
    if (token.depth === 0) return isBoundedBefore(tokens, tokens.length);
    const part = partAround(tokens, index);
    return part !== null && givesRows.test(part.before) && isBoundedBefore(part.inside, part.inside.length);
  });
  return tokens[at]?.start ?? null;
}
