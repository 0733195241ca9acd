import type { SqlDialect } from "../../databases/port.ts";

export interface SqlToken {
  readonly kind: "word" | "name" | "number" | "text" | "placeholder" | "symbol";
  /** As written; words in lower case. */
  readonly text: string;
  readonly start: number;
  readonly end: number;
  /** How many parentheses are open around it; a parenthesis itself belongs outside. */
  readonly depth: number;
}

interface Pattern {
  readonly kind: SqlToken["kind"] | "nothing";
  readonly regexp: RegExp;
}

const number: Pattern = { kind: "number", regexp: /(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?/y };

const common: readonly Pattern[] = [
  { kind: "nothing", regexp: /\s+|--[^\n]*/y },
  { kind: "name", regexp: /"(?:[^"]|"")*"/y },
  number,
];

const word: Pattern = { kind: "word", regexp: /[\p{L}_][\p{L}\p{N}_$]*/uy };
const symbol: Pattern = { kind: "symbol", regexp: /::|[<>=!~|&@#%^*/+-]+|[\s\S]/y };

const patterns: Readonly<Record<SqlDialect["name"], readonly Pattern[]>> = {
  postgres: [
    ...common,
    // A text before which stands an E, and in which a backslash takes the next character with it.
    { kind: "text", regexp: /[eE]'(?:[^'\\]|\\[\s\S]|'')*'|(?:[uU]&|[bBxXnN])?'(?:[^']|'')*'/y },
    { kind: "placeholder", regexp: /\$\d+/y },
    { kind: "text", regexp: /\$((?:[\p{L}_][\p{L}\p{N}_]*)?)\$[\s\S]*?\$\1\$/uy },
    word,
    symbol,
  ],
  sqlite: [
    ...common,
    { kind: "text", regexp: /[xX]?'(?:[^']|'')*'/y },
    { kind: "name", regexp: /`(?:[^`]|``)*`|\[[^\]]*\]/y },
    { kind: "placeholder", regexp: /\?\d*|[$:@][\p{L}\p{N}_]+/uy },
    word,
    symbol,
  ],
  mysql: [
    // Two minus signs begin a comment only before a blank: `5--3` is 8.
    { kind: "nothing", regexp: /\s+|--(?=\s|$)[^\n]*|#[^\n]*/y },
    { kind: "text", regexp: /[bBxXnN]?'(?:[^'\\]|\\[\s\S]|'')*'|"(?:[^"\\]|\\[\s\S]|"")*"/y },
    { kind: "name", regexp: /`(?:[^`]|``)*`/y },
    number,
    { kind: "placeholder", regexp: /\$\d+|\?/y },
    word,
    { kind: "symbol", regexp: /<=>|[<>=!~|&@%^*/+-]+|[\s\S]/y },
  ],
};

/**
 * A query's tokens, without blanks and comments. What stands in texts, quoted names and dollar quotes
 * is one token each, so that nothing inside them is taken for SQL.
 */
export function sqlTokens(sql: string, dialect: SqlDialect["name"]): SqlToken[] {
  const tokens: SqlToken[] = [];
  let depth = 0;
  let at = 0;
  while (at < sql.length) {
    const past = sql.startsWith("/*", at) ? endOfComment(sql, at, dialect === "postgres") : at;
    if (past > at) {
      at = past;
      continue;
    }
    const { kind, end } = match(sql, at, patterns[dialect], dialect === "mysql" ? mysqlComment : comment);
    const text = sql.slice(at, end);
    if (text === ")") depth = Math.max(0, depth - 1);
    if (kind !== "nothing") {
      tokens.push({ kind, text: kind === "word" ? text.toLowerCase() : text, start: at, end, depth });
    }
    if (text === "(") depth++;
    at = end;
  }
  return tokens;
}

const comment = /--|\/\*/;
const mysqlComment = /--(?=\s|$)|\/\*/;

function match(
  sql: string,
  at: number,
  among: readonly Pattern[],
  comment: RegExp,
): { kind: Pattern["kind"]; end: number } {
  for (const { kind, regexp } of among) {
    regexp.lastIndex = at;
    if (!regexp.test(sql)) continue;
    // An operator ends where a comment begins: `<--` is a comparison and what nobody reads.
    const end = regexp.lastIndex;
    if (kind !== "symbol") return { kind, end };
    const within = sql.slice(at + 1, end + 1).search(comment);
    return { kind, end: within === -1 || at + 1 + within >= end ? end : at + 1 + within };
  }
  return { kind: "symbol", end: at + 1 };
}

/** PostgreSQL's comments can hold comments; SQLite's end at the first end. */
function endOfComment(sql: string, from: number, nested: boolean): number {
  let open = 0;
  for (let at = from; at < sql.length; at++) {
    if (sql.startsWith("/*", at) && (nested || open === 0)) {
      open++;
      at++;
    } else if (sql.startsWith("*/", at)) {
      open--;
      at++;
      if (open === 0) return at + 1;
    }
  }
  return sql.length;
}

/** Where the parenthesis opens (step -1) or closes (step 1) around a token; null at the outermost level. */
export function enclosing(tokens: readonly SqlToken[], index: number, step: 1 | -1): number | null {
  const depth = tokens[index]?.depth ?? 0;
  for (let at = index + step; at >= 0 && at < tokens.length; at += step) {
    if ((tokens[at]?.depth ?? 0) < depth) return at;
  }
  return null;
}
