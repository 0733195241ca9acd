import type { QuerySyntax } from "../../databases/syntax.ts";
import { enclosing, type SqlToken } from "./sql-tokens.ts";

/** A text of the query that is replaced. */
export interface Removal {
  readonly start: number;
  readonly end: number;
  readonly without: string;
}

/** A LIMIT, or FETCH FIRST, of the query as a whole. Taken out, every row comes. */
export interface TrailingLimit extends Removal {
  /** How many rows; null where it is no plain number. */
  readonly rows: number | null;
}

/** A LIMIT inside of the query, which bounds what the whole brings; or what is as one. */
export interface InnerLimit {
  /** How the query says it: `LIMIT`, `row_number()`. */
  readonly what: string;
  readonly rows: number | null;
  readonly start: number;
  /** Whether a cursor's bound comes into the part that it limits. */
  readonly isBounded: boolean;
  /** The expressions that its own part of the query is sorted by, as written; null where by none. */
  readonly orderBy: string | null;
  /** How it is taken out of the query, so that every row comes; null where it cannot be. */
  readonly removal: Removal | null;
  /** What its part names, in lower case, where no bound stands in it; null where the rows are its own anyway. */
  readonly names: ReadonlySet<string> | null;
  /** Whether other rows can come, or fewer, of those that it lets through, though it cannot be taken out. */
  readonly isMixed: boolean;
}

const clauseWords = new Set(["limit", "offset", "fetch", "for", "union", "intersect", "except", "window"]);

/** The LIMIT behind the query as a whole, of its outermost tokens. */
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

/** Whether what stands there ends an ORDER BY or a LIMIT. */
export function isClause(tokens: readonly SqlToken[], at: number): boolean {
  return isKeyword(tokens, at) && clauseWords.has(tokens[at]?.text ?? "");
}

/** Behind a point, or AS, a word is a name: `l.limit`. */
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

/** What stands before the parenthesis of a part whose rows are rows of the query; the empty text is its beginning. */
const givesRows = /^(?:|\(|as|materialized|from|join|union|all|distinct|in)$/;
/** What stands behind a part from which rows are taken away. */
const takesAway = /^(?:except|intersect|minus)$/;

/**
 * A LIMIT inside parentheses matters where rows of the whole come out of them: in a common table
 * expression or after FROM and JOIN, or where the bound itself is inside. In a list of columns or a
 * condition it only picks a value.
 */
export function innerLimits(
  tokens: readonly SqlToken[],
  syntax: QuerySyntax,
  orderByOf: (level: readonly SqlToken[]) => string | null,
): InnerLimit[] {
  return tokens.flatMap((token, index): InnerLimit[] => {
    if (token.depth === 0 || !isLimit(tokens, index)) return [];
    const part = partAround(tokens, index);
    // In a list of columns it picks a value.
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

/** Whether a bound stands inside a part of the query or before it: one behind it cannot move what the part brings. */
export function isBoundedBefore(tokens: readonly SqlToken[], end: number): boolean {
  return tokens.slice(0, end).some(({ kind }) => kind === "placeholder");
}

interface Part {
  /** The words around it; empty where there are none. For one of several in a list, what the list is of. */
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

/** Where an OFFSET, or the first number of `LIMIT 5, 10`, leaves out rows that a bound lets through. */
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
