import type { QuerySyntax } from "../../databases/syntax.ts";
import {
  type InnerLimit,
  innerLimits,
  isClause,
  type Removal,
  skippedRows,
  type TrailingLimit,
  trailingLimit,
} from "./limits.ts";
import { numberedLimits } from "./numbered-limits.ts";
import { enclosing, type SqlToken, sqlTokens } from "./sql-tokens.ts";

/** A placeholder in the query for a cursor's bound. */
export interface Placeholder {
  /** Counted from 1, in the order timestamp, id, offset of the enabled cursors. */
  readonly number: number;
  readonly start: number;
  readonly end: number;
  /** How the query compares with it: `updated_at > $1` is strict; null where it does not, or in another way. */
  readonly comparison: "strict" | "inclusive" | null;
  /** Which end it bounds: `updated_at > $1` is the lower one; null as for `comparison`. */
  readonly side: "lower" | "upper" | null;
  /** Whether the query handles NULL there: `COALESCE($1, …)`, `$1 IS NULL OR …`. */
  readonly guarded: boolean;
  /** The calculation with it; null where it is compared directly, or only cast. */
  readonly calculation: Calculation | null;
}

/** A function or an operator with a bound as argument. It may fail for the lowest and the highest value. */
export interface Calculation {
  /** Its name in messages: `datetime()`, `-`. */
  readonly name: string;
  /** Whether it returns an infinite timestamp unchanged. */
  readonly keepsInfinity: boolean;
  /** Whether it uses the placeholder only for some rows, so that NULL handling elsewhere does not apply. */
  readonly isBranch?: boolean;
}

export interface QueryAnalysis {
  /** The first word, in lower case: `select`, `with`. */
  readonly verb: string;
  /** Where a second statement begins; null where there is none. */
  readonly secondStatement: number | null;
  /** Where the statement ends, before any semicolon. */
  readonly end: number;
  readonly placeholders: readonly Placeholder[];
  /** Placeholders of an unsupported form, such as `:name`. */
  readonly strangers: readonly { readonly text: string; readonly start: number }[];
  readonly limit: TrailingLimit | null;
  readonly innerLimits: readonly InnerLimit[];
  /** The position of an OFFSET that leaves out rows which pass the bound; null for none. */
  readonly skipsRows: number | null;
  /** The ORDER BY of the whole query, as written; null for none. */
  readonly orderBy: string | null;
}

const guards = new Set(["coalesce", "ifnull", "nvl"]);
const isGuard = (name: string, syntax: QuerySyntax): boolean => guards.has(name) || syntax.guards.has(name);
/** Functions that return one of their arguments. */
const choosing = new Set(["if", "iif", "decode", "choose", "elt"]);
const arithmetic = /^[-+*/%^|&#~]+$/;
/** Words before a parenthesis that are no functions. */
const conjunctions =
  /^(?:and|or|not|in|where|on|when|then|else|between|having|as|materialized|from|join|lateral|select|union|all|any|some|exists|using|by|limit|offset|values|row|interval|is|distinct|with|over|filter)$/;
type Comparison = Pick<Placeholder, "comparison" | "side">;
/**
 * The comparison of an operator with the placeholder after it; with the placeholder before it, the ends are swapped.
 */
const comparisons: ReadonlyMap<string, Comparison> = new Map([
  [">", { comparison: "strict", side: "lower" }],
  ["<", { comparison: "strict", side: "upper" }],
  [">=", { comparison: "inclusive", side: "lower" }],
  ["<=", { comparison: "inclusive", side: "upper" }],
]);
/** Analyses a user's query without running it. */
export function analyseQuery(sql: string, syntax: QuerySyntax): QueryAnalysis {
  const all = sqlTokens(sql, syntax);
  const semicolon = all.findIndex(({ text, depth }) => text === ";" && depth === 0);
  const tokens = semicolon === -1 ? all : all.slice(0, semicolon);
  const further = semicolon === -1 ? undefined : all.slice(semicolon).find(({ text }) => text !== ";");
  const outermost = tokens.filter(({ depth }) => depth === 0);
  const analysed = placeholdersOf(tokens, syntax);
  return {
    verb: tokens.find(({ kind }) => kind === "word")?.text ?? "",
    secondStatement: further?.start ?? null,
    end: tokens.at(-1)?.end ?? 0,
    placeholders: analysed.known,
    strangers: analysed.strangers,
    limit: trailingLimit(outermost, syntax),
    innerLimits: [
      ...innerLimits(tokens, syntax, (level) => orderByOf(level, sql)),
      ...numberedLimits(tokens, (level) => orderByOf(level, sql)),
    ],
    skipsRows: skippedRows(tokens),
    orderBy: orderByOf(outermost, sql),
  };
}

function placeholdersOf(
  tokens: readonly SqlToken[],
  syntax: QuerySyntax,
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
    known.push({ number, start, end, ...usesOf(tokens, index, syntax) });
  });
  return { known, strangers };
}

/**
 * Reads the tokens next to a placeholder, and then, level by level, those next to the parentheses around it:
 * `updated_at > COALESCE($1::timestamptz, …)`, `(updated_at, id) > ($1, $2)`.
 */
function usesOf(
  tokens: readonly SqlToken[],
  index: number,
  syntax: QuerySyntax,
): Comparison & Pick<Placeholder, "guarded" | "calculation"> {
  let from = index;
  let to = index;
  let guarded = false;
  let calculation: Calculation | null = null;
  for (;;) {
    to = skipCasts(tokens, to);
    const before = tokens[from - 1]?.text ?? "";
    const after = tokens[to + 1]?.text ?? "";
    const distinct = before === "from" && tokens[from - 2]?.text === "distinct";
    if (after === "is" || distinct) guarded = true;
    calculation ??= operation(before, after, syntax);
    if (/^(?:then|else)$/.test(before)) {
      calculation ??= { name: "CASE", keepsInfinity: false, isBranch: true };
      guarded ||= isCaseOfNull(tokens, from);
    }
    const compared = comparisonBetween(before, after);
    if (compared !== null) return { ...compared, guarded, calculation };
    const open = enclosing(tokens, from, -1);
    const close = enclosing(tokens, to, 1);
    if (open === null || close === null) return { comparison: null, side: null, guarded, calculation };
    from = open;
    to = close;
    const caller = tokens[open - 1];
    if (caller?.kind === "word" && !conjunctions.test(caller.text)) {
      if (isGuard(caller.text, syntax)) guarded = true;
      else calculation ??= call(caller.text, tokens.slice(open, close), syntax);
      from = open - 1;
    }
  }
}

/** The calculation of an operator next to a placeholder. An infinite time minus an hour is infinite. */
function operation(before: string, after: string, syntax: QuerySyntax): Calculation | null {
  if (arithmetic.test(after)) {
    return { name: after, keepsInfinity: syntax.hasInfiniteTimes && (after === "+" || after === "-") };
  }
  if (!arithmetic.test(before)) return null;
  return { name: before, keepsInfinity: syntax.hasInfiniteTimes && before === "+" };
}

/** The calculation of a function with a placeholder among its arguments. */
function call(name: string, inside: readonly SqlToken[], syntax: QuerySyntax): Calculation | null {
  // A negative number in an unsigned type becomes a high one.
  const isUnsigned = inside.some(({ text }) => text === "unsigned");
  if (syntax.passing.has(name) && !isUnsigned) return null;
  return { name: `${name}()`, keepsInfinity: false, isBranch: choosing.has(name) };
}

/** Whether the CASE around a token checks a placeholder for NULL. */
function isCaseOfNull(tokens: readonly SqlToken[], index: number): boolean {
  const begins = tokens.findLastIndex(({ text }, at) => at < index && text === "case");
  return tokens
    .slice(begins, index)
    .some(({ kind }, at, within) => kind === "placeholder" && within[at + 1]?.text === "is");
}

/** The placeholders for which the query handles NULL wherever it matters. */
export function guardedNumbers(placeholders: readonly Placeholder[]): ReadonlySet<number> {
  const bare = placeholders.filter(({ guarded, calculation }) => !guarded && calculation?.isBranch === true);
  const numbers = new Set(placeholders.filter(({ guarded }) => guarded).map(({ number }) => number));
  for (const { number } of bare) numbers.delete(number);
  return numbers;
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

/** The expressions after the last ORDER BY of one level. */
function orderByOf(level: readonly SqlToken[], sql: string): string | null {
  const at = level.findLastIndex(({ text }, index) => text === "by" && level[index - 1]?.text === "order");
  if (at === -1) return null;
  let end = at + 1;
  while (end < level.length && !isClause(level, end)) end++;
  const start = level[at + 1]?.start ?? 0;
  return sql.slice(start, level[end]?.start ?? lastEnd(level, end)).trim();
}

function lastEnd(level: readonly SqlToken[], end: number): number {
  return level[end - 1]?.end ?? 0;
}

/**
 * The query as it is sent: without its own limits, and with every placeholder in the database's form.
 */
export function rewriteQuery(
  sql: string,
  analysis: QueryAnalysis,
  placeholder: (number: number) => string,
): string {
  const { limit, innerLimits } = analysis;
  const removals: Removal[] = innerLimits.flatMap(({ removal }) => (removal === null ? [] : [removal]));
  if (limit !== null) removals.push(limit);
  const edits = analysis.placeholders.map(({ number, start, end }) => ({
    start,
    end,
    text: placeholder(number),
  }));
  const outside = edits.filter(({ start, end }) =>
    removals.every((removal) => end <= removal.start || start >= removal.end),
  );
  outside.push(...removals.map(({ start, end, without }) => ({ start, end, text: without })));
  let rewritten = sql.slice(0, analysis.end);
  for (const { start, end, text } of outside.sort((a, b) => b.start - a.start)) {
    rewritten = rewritten.slice(0, start) + text + rewritten.slice(end);
  }
  return rewritten;
}
