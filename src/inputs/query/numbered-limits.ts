import { type InnerLimit, isBoundedBefore } from "./limits.ts";
import type { SqlToken } from "./sql-tokens.ts";

const numbering = new Set(["row_number", "rank", "dense_rank"]);

/**
 * Row numbers that limit a query like a LIMIT does: `row_number() OVER (ORDER BY updated_at) AS n`, and elsewhere `n <=
 * 100`. Numbers with PARTITION BY pick rows of each group, and are ignored.
 */
export function numberedLimits(
  tokens: readonly SqlToken[],
  orderByOf: (level: readonly SqlToken[]) => string | null,
): InnerLimit[] {
  return tokens.flatMap((token, index): InnerLimit[] => {
    const opens = index + 4;
    const [open, over, paren] = [tokens[index + 1], tokens[index + 3], tokens[opens]];
    if (token.kind !== "word" || !numbering.has(token.text)) return [];
    if (open?.text !== "(" || over?.text !== "over" || paren?.text !== "(") return [];
    const closes = tokens.findIndex(({ depth }, at) => at > opens && depth === paren.depth);
    const level = tokens.slice(opens + 1, closes).filter(({ depth }) => depth === paren.depth + 1);
    const alias = tokens[tokens[closes + 1]?.text === "as" ? closes + 2 : closes + 1];
    if (closes < 0 || alias === undefined || level.some(({ text }) => text === "partition")) return [];
    const compared = comparedWith(tokens, alias, closes);
    if (compared === null) return [];
    const part = tokens.findIndex(({ depth }, at) => at > closes && depth < token.depth);
    return [
      {
        what: `${token.text}()`,
        rows: compared.rows,
        start: compared.start,
        orderBy: orderByOf(level),
        isBounded: isBoundedBefore(tokens, part < 0 ? tokens.length : part),
        removal: null,
        names: null,
        isMixed: part >= 0 && choosesAmong(tokens.slice(part)),
      },
    ];
  });
}

interface Compared {
  readonly start: number;
  /** How many rows pass; null where that is not a plain number. */
  readonly rows: number | null;
}

/** The comparison that limits the numbers of that name. */
function comparedWith(tokens: readonly SqlToken[], alias: SqlToken, from: number): Compared | null {
  const name = plainName(alias);
  for (let at = from; at < tokens.length; at++) {
    const token = tokens[at];
    if (token === undefined || token === alias || plainName(token) !== name) continue;
    const [behind, value] = [tokens[at + 1]?.text, numberOf(tokens[at + 2])];
    const first = tokens[at - 1]?.text === "." ? at - 2 : at;
    const [ahead, bound] = [tokens[first - 1]?.text, numberOf(tokens[first - 2])];
    if (behind === "<=" || behind === "=") return { start: token.start, rows: value };
    if (behind === "<") return { start: token.start, rows: value === null ? null : value - 1 };
    if (behind === "between") return { start: token.start, rows: numberOf(tokens[at + 4]) };
    if (ahead === ">=") return { start: token.start, rows: bound };
    if (ahead === ">") return { start: token.start, rows: bound === null ? null : bound - 1 };
  }
  return null;
}

const choosing = new Set([
  "or",
  "having",
  "group",
  "distinct",
  "union",
  "intersect",
  "except",
  "limit",
  "fetch",
]);

/** Whether the numbered rows are also filtered by something other than their number. */
function choosesAmong(behind: readonly SqlToken[]): boolean {
  return behind.some(({ kind, text }, at) => {
    if (kind !== "word") return false;
    if (text === "join") return !/^(?:left|outer)$/.test(behind[at - 1]?.text ?? "");
    if (text === "and") return behind[at - 2]?.text !== "between";
    return choosing.has(text);
  });
}

function plainName({ kind, text }: SqlToken): string | null {
  if (kind === "word") return text.toLowerCase();
  return kind === "name" ? text.slice(1, -1).toLowerCase() : null;
}

function numberOf(token: SqlToken | undefined): number | null {
  return token?.kind === "number" && /^\d+$/.test(token.text) ? Number(token.text) : null;
}
