import type { QuerySyntax } from "../../databases/syntax.ts";
import { type SqlToken, sqlTokens } from "./sql-tokens.ts";

const changing = new Set(["insert", "update", "delete", "merge"]);

/** What a query does in addition to reading, for messages; an input's transaction is read-only. */
export function effectsOf(sql: string, syntax: QuerySyntax): string[] {
  const tokens = sqlTokens(sql, syntax);
  const words = (at: number, count: number): string =>
    tokens
      .slice(at, at + count)
      .map(({ text }) => text)
      .join(" ");
  const effects = new Set<string>();
  tokens.forEach((token, at) => {
    if (token.kind !== "word") return;
    const lock = lockAt(words(at, 4));
    if (lock !== null) {
      effects.add(
        `locks the rows that it reads (\`${lock}\`), which nothing needs: all rows of a run come from one snapshot, and no transaction of the source is to wait for it; leave that out`,
      );
    } else if (token.text === "skip" && words(at, 2) === "skip locked") {
      effects.add(
        "leaves out rows that another session has locked (`SKIP LOCKED`), and they would never come; leave that out",
      );
    } else if (token.text === "into" && token.depth === 0) {
      effects.add("writes what it selects (`INTO`); an input only reads");
    } else if (changesAt(tokens, at)) {
      effects.add(`changes rows (\`${token.text.toUpperCase()}\` in a WITH); an input only reads`);
    }
  });
  return [...effects];
}

function lockAt(words: string): string | null {
  const [, lock] = /^(for (?:no key )?update|for (?:key )?share|lock in share mode)(?: |$)/.exec(words) ?? [];
  return lock?.toUpperCase() ?? null;
}

/** A statement in parentheses; a function of the same name has parentheses after it. */
function changesAt(tokens: readonly SqlToken[], at: number): boolean {
  return changing.has(tokens[at]?.text ?? "") && tokens[at - 1]?.text === "(" && tokens[at + 1]?.text !== "(";
}
