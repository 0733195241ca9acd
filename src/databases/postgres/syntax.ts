import { commonCommentStart, commonTokens, type QuerySyntax } from "../syntax.ts";

export const postgresSyntax: QuerySyntax = {
  tokens: [
    ...commonTokens.standard,
    // In a text with an E before it, a backslash escapes the next character.
    { kind: "text", regexp: /[eE]'(?:[^'\\]|\\[\s\S]|'')*'|(?:[uU]&|[bBxXnN])?'(?:[^']|'')*'/y },
    { kind: "placeholder", regexp: /\$\d+/y },
    { kind: "text", regexp: /\$((?:[\p{L}_][\p{L}\p{N}_]*)?)\$[\s\S]*?\$\1\$/uy },
    commonTokens.word,
    commonTokens.symbol,
  ],
  commentStart: commonCommentStart,
  nestsComments: true,
  unlimited: "ALL",
  // It passes NULL over, as GREATEST of no other database does. LEAST would leave an upper bound alone.
  guards: new Set(["greatest"]),
  passing: new Set([
    "greatest",
    "cast",
    "date",
    "timestamp",
    "timestamptz",
    "timezone",
    "date_trunc",
    "to_timestamp",
  ]),
  hasInfiniteTimes: true,
  codePointOrder: {
    isSaid: (query) => /\bcollate\b/i.test(query),
    hint: 'Write COLLATE "C" after the column, where it is compared and where it is sorted by.',
  },
};
