import type { SqlDialect } from "../../sql/port.ts";
import { isBoundedBefore, numberedLimits } from "./numbered-limits.ts";
import { type SqlToken, sqlTokens } from "./sql-tokens.ts";
import { unlimited } from "./unlimited.ts";

/** One place in the query that a cursor's bound goes to. */
export interface Placeholder {
  /** Counted from 1, in the order timestamp, id, offset of the enabled cursors. */
  readonly number: number;
  readonly start: number;
  readonly end: number;
  /** How the query compares with it: `updated_at > $1` is strict; null where it does not, or by other means. */
  readonly comparison: "strict" | "inclusive" | null;
  /** Which end of the rows it is taken for: `updated_at > $1` is the lower one; null as for `comparison`. */
  readonly side: "lower" | "upper" | null;
  /** Whether the query says what NULL means there: `COALESCE($1, …)`, `$1 IS NULL OR …`. */
  readonly guarded: boolean;
}

/** A LIMIT, or FETCH FIRST, of the query as a whole. */
export interface TrailingLimit {
  /** How many rows; null where it is no plain number. */
  readonly rows: number | null;
  /** The text between these places is replaced by `without`, and every row comes. */
  readonly start: number;
  readonly end: number;
  readonly without: string;
}

/** A LIMIT inside of the query, which bounds what the whole brings and cannot be taken out; or what is as one. */
export interface InnerLimit {
  /** How the query says it: `LIMIT`, `row_number()`. */
  readonly what: string;
  readonly rows: number | null;
  readonly start: number;
  /** Whether a cursor's bound comes into the part that it limits. */
  readonly isBounded: boolean;
  /** The expressions that its own part of the query is sorted by, as written; null where by none. */
  readonly orderBy: string | null;
}

export interface QueryAnalysis {
  /** The first word, in lower case: `select`, `with`. */
  readonly verb: string;
  /** Where a second statement begins; null where there is none. */
  readonly secondStatement: number | null;
  /** Where the statement ends, before any semicolon. */
  readonly end: number;
  readonly placeholders: readonly Placeholder[];
  /** Placeholders of a form that is not understood, such as `:name`. */
  readonly strangers: readonly { readonly text: string; readonly start: number }[];
  readonly limit: TrailingLimit | null;
  readonly innerLimits: readonly InnerLimit[];
  /** What the whole is sorted by, as written; null where by nothing. */
  readonly orderBy: string | null;
}

const guards = new Set(["coalesce", "ifnull", "nullif", "greatest", "least", "nvl"]);
type Comparison = Pick<Placeholder, "comparison" | "side">;
/** What an operator makes of the placeholder behind it; before it, the ends are the other way round. */
const comparisons: ReadonlyMap<string, Comparison> = new Map([
  [">", { comparison: "strict", side: "lower" }],
  ["<", { comparison: "strict", side: "upper" }],
  [">=", { comparison: "inclusive", side: "lower" }],
  ["<=", { comparison: "inclusive", side: "upper" }],
]);
/** Words that end an ORDER BY or a LIMIT. */
const clauseWords = new Set(["limit", "offset", "fetch", "for", "union", "intersect", "except", "window"]);

/** What the engine has to know of a query that a user wrote, without running it. */
export function analyseQuery(sql: string, dialect: SqlDialect["name"]): QueryAnalysis {
  const all = sqlTokens(sql, dialect);
  const semicolon = all.findIndex(({ text, depth }) => text === ";" && depth === 0);
  const tokens = semicolon === -1 ? all : all.slice(0, semicolon);
  const further = semicolon === -1 ? undefined : all.slice(semicolon).find(({ text }) => text !== ";");
  const outermost = tokens.filter(({ depth }) => depth === 0);
  const analysed = placeholdersOf(tokens);
  return {
    verb: tokens.find(({ kind }) => kind === "word")?.text ?? "",
    secondStatement: further?.start ?? null,
    end: tokens.at(-1)?.end ?? 0,
    placeholders: analysed.known,
    strangers: analysed.strangers,
    limit: trailingLimit(outermost, dialect),
    innerLimits: [...innerLimits(tokens, sql), ...numberedLimits(tokens, (level) => orderByOf(level, sql))],
    orderBy: orderByOf(outermost, sql),
  };
}

function placeholdersOf(
  tokens: readonly SqlToken[],
): Pick<QueryAnalysis, "strangers"> & { known: Placeholder[] } {
  const known: Placeholder[] = [];
  const strangers: { text: string; start: number }[] = [];
  let unnumbered = 0;
  tokens.forEach((token, index) => {
    if (token.kind !== "placeholder") return;
    const { text, start, end } = token;
    const digits = text.slice(1);
    if (text !== "?" && !/^[1-9]\d*$/.test(digits)) {
      strangers.push({ text, start });
      return;
    }
    const number = text === "?" ? ++unnumbered : Number(digits);
    known.push({ number, start, end, ...usesOf(tokens, index) });
  });
  return { known, strangers };
}

/**
 * Looks at what stands beside a placeholder, and then, step by step, beside the parentheses around
 * it: `updated_at > COALESCE($1::timestamptz, …)`, `(updated_at, id) > ($1, $2)`.
 */
function usesOf(tokens: readonly SqlToken[], index: number): Comparison & Pick<Placeholder, "guarded"> {
  let from = index;
  let to = index;
  let guarded = false;
  for (;;) {
    to = skipCasts(tokens, to);
    const before = tokens[from - 1]?.text ?? "";
    const after = tokens[to + 1]?.text ?? "";
    const distinct = before === "from" && tokens[from - 2]?.text === "distinct";
    if (after === "is" || distinct) guarded = true;
    const compared = comparisonBetween(before, after);
    if (compared !== null) return { ...compared, guarded };
    const open = enclosing(tokens, from, -1);
    const close = enclosing(tokens, to, 1);
    if (open === null || close === null) return { comparison: null, side: null, guarded };
    from = open;
    to = close;
    const caller = tokens[open - 1];
    if (
      caller?.kind === "word" &&
      !/^(?:and|or|not|in|where|on|when|then|else|between|having)$/.test(caller.text)
    ) {
      if (guards.has(caller.text)) guarded = true;
      from = open - 1;
    }
  }
}

function comparisonBetween(before: string, after: string): Comparison | null {
  if (before === "between") return { comparison: "inclusive", side: "lower" };
  const behind = comparisons.get(before);
  if (behind !== undefined) return behind;
  const ahead = comparisons.get(after);
  return ahead === undefined ? null : { ...ahead, side: ahead.side === "lower" ? "upper" : "lower" };
}

/** The last token of `$1::timestamp(3) with time zone[]`, from its first. */
function skipCasts(tokens: readonly SqlToken[], index: number): number {
  let at = index;
  while (tokens[at + 1]?.text === "::") {
    at += 2;
    while (/^(?:\(|\[|\.|with|without|time|zone|precision|varying)$/.test(tokens[at + 1]?.text ?? "")) {
      const opened = tokens[at + 1]?.text;
      at++;
      if (opened === "(") while (at + 1 < tokens.length && tokens[at]?.text !== ")") at++;
      else if (opened === "[" || opened === ".") at++;
    }
  }
  return at;
}

/** The parenthesis that opens or closes around a token; null at the outermost level. */
function enclosing(tokens: readonly SqlToken[], index: number, step: 1 | -1): number | null {
  const depth = tokens[index]?.depth ?? 0;
  for (let at = index + step; at >= 0 && at < tokens.length; at += step) {
    if ((tokens[at]?.depth ?? 0) < depth) return at;
  }
  return null;
}

function trailingLimit(outermost: readonly SqlToken[], dialect: SqlDialect["name"]): TrailingLimit | null {
  for (let at = outermost.length - 1; at >= 0; at--) {
    const token = outermost[at];
    if (token?.kind !== "word") continue;
    if (token.text === "limit") return limitAt(outermost, at, dialect);
    if (token.text === "fetch") return fetchAt(outermost, at);
  }
  return null;
}

function limitAt(outermost: readonly SqlToken[], at: number, dialect: SqlDialect["name"]): TrailingLimit {
  let end = at + 1;
  while (end < outermost.length && !isClause(outermost[end])) end++;
  // SQLite's `LIMIT 20, 10` is an offset and then the count.
  const comma = outermost.slice(at, end).findIndex(({ text }) => text === ",");
  const first = comma === -1 ? at + 1 : at + comma + 1;
  return {
    rows: plainNumber(outermost.slice(first, end)),
    start: outermost[first]?.start ?? 0,
    end: outermost[end - 1]?.end ?? 0,
    without: unlimited[dialect],
  };
}

/** `FETCH FIRST 10 ROWS ONLY`; without a number it is one row. */
function fetchAt(outermost: readonly SqlToken[], at: number): TrailingLimit {
  const stop = outermost.findIndex(({ text }, index) => index > at && (text === "only" || text === "ties"));
  const last = stop === -1 ? outermost.length - 1 : stop;
  const count = outermost.slice(at, last).filter(({ kind }) => kind === "number");
  const bare = last - at <= 3 && count.length === 0;
  return {
    rows: bare ? 1 : plainNumber(count),
    start: outermost[at]?.start ?? 0,
    end: outermost[last]?.end ?? 0,
    without: "",
  };
}

function isClause(token: SqlToken | undefined): boolean {
  return token?.kind === "word" && clauseWords.has(token.text);
}

function plainNumber(tokens: readonly SqlToken[]): number | null {
  const [only] = tokens;
  if (tokens.length !== 1 || only?.kind !== "number" || !/^\d+$/.test(only.text)) return null;
  return Number(only.text);
}

/**
 * A LIMIT inside parentheses matters where rows of the whole come out of them: in a common table
 * expression or after FROM and JOIN, or where the bound itself is inside. In a list of columns or a
 * condition it only picks a value.
 */
function innerLimits(tokens: readonly SqlToken[], sql: string): InnerLimit[] {
  const found: InnerLimit[] = [];
  tokens.forEach((token, index) => {
    if (token.depth === 0 || token.kind !== "word" || (token.text !== "limit" && token.text !== "fetch"))
      return;
    const open = enclosing(tokens, index, -1);
    const close = enclosing(tokens, index, 1) ?? tokens.length;
    if (open === null) return;
    const before = tokens[open - 1]?.text ?? "";
    const inside = tokens.slice(open + 1, close);
    const bounds = inside.some(({ kind }) => kind === "placeholder");
    if (!bounds && !/^(?:as|materialized|from|join)$/.test(before)) return;
    const level = inside.filter(({ depth }) => depth === token.depth);
    const numbers = level
      .slice(level.indexOf(token) + 1)
      .filter(({ kind, depth }) => kind !== "word" && depth === token.depth);
    found.push({
      what: "LIMIT",
      // What is joined to the rows need not follow the bound.
      isBounded: before === "join" || isBoundedBefore(tokens, close),
      rows: plainNumber(numbers.slice(0, 1)),
      start: token.start,
      orderBy: orderByOf(level, sql),
    });
  });
  return found;
}

/** What stands after the last ORDER BY of one level. */
function orderByOf(level: readonly SqlToken[], sql: string): string | null {
  const at = level.findLastIndex(({ text }, index) => text === "by" && level[index - 1]?.text === "order");
  if (at === -1) return null;
  let end = at + 1;
  while (end < level.length && !isClause(level[end])) end++;
  const start = level[at + 1]?.start ?? 0;
  return sql.slice(start, level[end]?.start ?? lastEnd(level, end)).trim();
}

function lastEnd(level: readonly SqlToken[], end: number): number {
  return level[end - 1]?.end ?? 0;
}

/**
 * The query as it is sent: without its own limit, and with every placeholder in the database's form.
 */
export function rewriteQuery(
  sql: string,
  analysis: QueryAnalysis,
  placeholder: (number: number) => string,
): string {
  const { limit } = analysis;
  const edits = analysis.placeholders.map(({ number, start, end }) => ({
    start,
    end,
    text: placeholder(number),
  }));
  const outside =
    limit === null ? edits : edits.filter(({ start, end }) => end <= limit.start || start >= limit.end);
  if (limit !== null) outside.push({ start: limit.start, end: limit.end, text: limit.without });
  let rewritten = sql.slice(0, analysis.end);
  for (const { start, end, text } of outside.sort((a, b) => b.start - a.start)) {
    rewritten = rewritten.slice(0, start) + text + rewritten.slice(end);
  }
  return rewritten;
}
