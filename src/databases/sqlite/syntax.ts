import { commonCommentStart, commonTokens, type QuerySyntax } from "../syntax.ts";

export const sqliteSyntax: QuerySyntax = {
  tokens: [
    ...commonTokens.standard,
    { kind: "text", regexp: /[xX]?'(?:[^']|'')*'/y },
    { kind: "name", regexp: /`(?:[^`]|``)*`|\[[^\]]*\]/y },
    { kind: "placeholder", regexp: /\?\d*|[$:@][\p{L}\p{N}_]+/uy },
    commonTokens.word,
    commonTokens.symbol,
  ],
  commentStart: commonCommentStart,
  nestsComments: false,
  unlimited: "-1",
  guards: new Set(),
  passing: new Set(["cast"]),
  hasInfiniteTimes: false,
  codePointOrder: {
    isSaid: (query) => !/\bcollate\s+(?!["'`[]?binary\b)/i.test(query),
    hint: "Write COLLATE BINARY after the column, where it is compared and where it is sorted by.",
  },
};
