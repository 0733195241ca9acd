import type { QuerySyntax, TokenKind, TokenPattern } from "../../databases/syntax.ts";

export interface SqlToken {
  readonly kind: TokenKind;
  /** As written; words in lower case. */
  readonly text: string;
  readonly start: number;
  readonly end: number;
  /** How many parentheses are open around it; a parenthesis itself belongs outside. */
  readonly depth: number;
}

/**
 * A query's tokens, without blanks and comments. Strings, quoted names and dollar quotes are one token each, so that
 * nothing inside them counts as SQL.
 */
export function sqlTokens(sql: string, syntax: QuerySyntax): SqlToken[] {
  const tokens: SqlToken[] = [];
  let depth = 0;
  let at = 0;
  while (at < sql.length) {
    const past = sql.startsWith("/*", at) ? endOfComment(sql, at, syntax.nestsComments) : at;
    if (past > at) {
      at = past;
      continue;
    }
    const { kind, end } = match(sql, at, syntax.tokens, syntax.commentStart);
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

function match(
  sql: string,
  at: number,
  among: readonly TokenPattern[],
  comment: RegExp,
): { kind: TokenPattern["kind"]; end: number } {
  for (const { kind, regexp } of among) {
    regexp.lastIndex = at;
    if (!regexp.test(sql)) continue;
    // An operator ends where a comment begins: `<--` is a comparison followed by a comment.
    const end = regexp.lastIndex;
    if (kind !== "symbol") return { kind, end };
    const within = sql.slice(at + 1, end + 1).search(comment);
    return { kind, end: within === -1 || at + 1 + within >= end ? end : at + 1 + within };
  }
  return { kind: "symbol", end: at + 1 };
}

/** The position after a comment; `nested` where comments can contain comments. */
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
