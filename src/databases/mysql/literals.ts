import { TidemarkError } from "../../errors.ts";
import type { SqlValue } from "../port.ts";

const specials = /[\\'\0]/g;

/**
 * A text as a literal. It is only right in our own sessions: they speak utf8mb4, in which no character
 * ends in a quote or a backslash, and their `sql_mode` has a backslash take the next character along.
 */
export function quotedText(text: string): string {
  return `'${text.replace(specials, (found) => (found === "\0" ? "\\0" : `\\${found}`))}'`;
}

/** Bytes as a literal. */
export function quotedBytes(bytes: Uint8Array): string {
  return `x'${Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("hex")}'`;
}

/** A value as a literal that the server reads as that value, with every digit. */
export function literalOf(value: SqlValue): string {
  switch (typeof value) {
    case "string":
      return quotedText(value);
    case "number":
      if (Number.isFinite(value)) return String(value);
      throw new TidemarkError("QUERY_FAILED", `MySQL has no number ${value}`);
    case "bigint":
      return value.toString();
    case "boolean":
      return value ? "TRUE" : "FALSE";
    default:
      return value === null ? "NULL" : quotedBytes(value);
  }
}

/** Where `?1` is not a placeholder: in texts, names and comments. */
const tokens =
  /'(?:[^'\\]|\\[\s\S]|'')*'|"(?:[^"\\]|\\[\s\S]|"")*"|`(?:[^`]|``)*`|--(?=\s|$)[^\n]*|#[^\n]*|\/\*[\s\S]*?\*\/|\?(\d+)/g;

/**
 * The statement with its parameters put in. They are sent as literals, because the driver has no parameter type for
 * exact numbers.
 */
export function withParameters(sql: string, params: readonly SqlValue[]): string {
  if (params.length === 0) return sql;
  return sql.replace(tokens, (token, number: string | undefined) => {
    if (number === undefined) return token;
    const value = params[Number(number) - 1];
    if (value === undefined) throw new TidemarkError("INTERNAL", `nothing is bound to ?${number}`);
    const literal = literalOf(value);
    // In parentheses, since two minus signs would begin a comment.
    return literal.startsWith("-") ? `(${literal})` : literal;
  });
}

/** The statement as it is prepared to ask what it gives. */
export function withoutParameters(sql: string): string {
  return sql.replace(tokens, (token, number: string | undefined) => (number === undefined ? token : "?"));
}
