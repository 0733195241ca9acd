/** What a piece of a query's text is. */
export type TokenKind = "word" | "name" | "number" | "text" | "placeholder" | "symbol";

export interface TokenPattern {
  readonly kind: TokenKind | "nothing";
  /** Sticky. */
  readonly regexp: RegExp;
}

/** The parts of a database's SQL syntax that are needed to analyse a user's query without a server. */
export interface QuerySyntax {
  /** The kinds of token, in the order in which they are tried. */
  readonly tokens: readonly TokenPattern[];
  /** Where a comment begins, inside a run of symbols. */
  readonly commentStart: RegExp;
  /** Whether comments can hold comments. */
  readonly nestsComments: boolean;
  /** The word after LIMIT that means no limit. */
  readonly unlimited: string;
  /** Functions that skip NULL, in addition to COALESCE and the like. */
  readonly guards: ReadonlySet<string>;
  /** Functions that the lowest value of a cursor comes out of as one that is as low. */
  readonly passing: ReadonlySet<string>;
  /** Whether an infinite timestamp less an hour is infinite. */
  readonly hasInfiniteTimes: boolean;
  /** How a query says that texts are compared by code point. */
  readonly codePointOrder: { readonly isSaid: (query: string) => boolean; readonly hint: string };
}

const number: TokenPattern = { kind: "number", regexp: /(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?/y };
const word: TokenPattern = { kind: "word", regexp: /[\p{L}_][\p{L}\p{N}_$]*/uy };

/** Tokens that databases have in common. */
export const commonTokens = {
  number,
  word,
  /** Blanks and comments, quoted names, numbers. */
  standard: [
    { kind: "nothing", regexp: /\s+|--[^\n]*/y },
    { kind: "name", regexp: /"(?:[^"]|"")*"/y },
    number,
  ] satisfies TokenPattern[],
  symbol: { kind: "symbol", regexp: /::|[<>=!~|&@#%^*/+-]+|[\s\S]/y } satisfies TokenPattern,
} as const;

export const commonCommentStart = /--|\/\*/;
