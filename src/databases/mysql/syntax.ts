import { commonTokens, type QuerySyntax } from "../syntax.ts";

export const mysqlSyntax: QuerySyntax = {
  tokens: [
    // Two minus signs begin a comment only before a blank: `5--3` is 8.
    { kind: "nothing", regexp: /\s+|--(?=\s|$)[^\n]*|#[^\n]*/y },
    { kind: "text", regexp: /[bBxXnN]?'(?:[^'\\]|\\[\s\S]|'')*'|"(?:[^"\\]|\\[\s\S]|"")*"/y },
    { kind: "name", regexp: /`(?:[^`]|``)*`/y },
    commonTokens.number,
    { kind: "placeholder", regexp: /\$\d+|\?/y },
    commonTokens.word,
    { kind: "symbol", regexp: /<=>|[<>=!~|&@%^*/+-]+|[\s\S]/y },
  ],
  commentStart: /--(?=\s|$)|\/\*/,
  nestsComments: false,
  unlimited: "18446744073709551615",
  guards: new Set(),
  passing: new Set(["cast", "convert", "date", "timestamp", "str_to_date"]),
  hasInfiniteTimes: false,
  codePointOrder: {
    isSaid: (query) => /\bbinary\b|\bcollate\s+\w*(?:_bin|binary)\b/i.test(query),
    hint: "Write CAST(column AS BINARY), where it is compared and where it is sorted by.",
  },
};
