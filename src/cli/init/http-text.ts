import { indented, scalar } from "./yaml-lines.ts";

export const pagingKinds = ["none", "page", "offset", "cursor", "link"] as const;
export const signInKinds = ["none", "bearer", "basic", "apiKey", "oauth"] as const;

/** How one page follows another; empty texts are left out. */
export interface Paging {
  readonly kind: Exclude<(typeof pagingKinds)[number], "none">;
  readonly param: string;
  readonly nextField: string;
  readonly limitParam: string;
  readonly limit: string;
}

/** The authentication of requests. The secrets themselves stay in the environment. */
export interface SignIn {
  readonly kind: Exclude<(typeof signInKinds)[number], "none">;
  readonly keyHeader: string;
  readonly tokenUrl: string;
}

export interface HttpSource {
  readonly kind: "http";
  readonly endpoint: string;
  /** Dotted path of the list in the answer; null where the answer is the list. */
  readonly dataField: string | null;
  /** The parameter that asks for what changed. */
  readonly queryParam: string;
  readonly paging: Paging | null;
  readonly signIn: SignIn | null;
}

/** The lines of an HTTP input, up to its `statePersistence`. */
export function httpLines({ endpoint, dataField, paging, signIn }: HttpSource, key: string): string[] {
  return [
    "type: httpPolling",
    `endpoint: ${scalar(endpoint)}`,
    ...(signIn === null ? noSignIn : signInLines(signIn)),
    ...(dataField === null
      ? ["# The answer itself is the list of records. If the list is inside: dataField: path.to.list"]
      : ["# Where the list of records is in the answer.", `dataField: ${scalar(dataField)}`]),
    "# The field that identifies a record, so that none is repeated.",
    `key: ${scalar(key)}`,
    ...(paging === null ? noPaging : pagingLines(paging)),
  ];
}

const noPaging = [
  "# One request gives all records. If the source has pages: page, offset, cursor or link.",
  "# pagination: { type: page, param: page, limitParam: per_page, limit: 100 }",
];

function pagingLines({ kind, param, nextField, limitParam, limit }: Paging): string[] {
  const keys = [
    `type: ${kind}`,
    ...(param === "" ? [] : [`param: ${scalar(param)}`]),
    ...(nextField === "" ? [] : [`nextCursorField: ${scalar(nextField)}`]),
    ...(limitParam === "" ? [] : [`limitParam: ${scalar(limitParam)}`, `limit: ${limit}`]),
  ];
  return ["# How one page follows another.", "pagination:", ...indented(keys)];
}

const noSignIn = [
  "# If the source wants a sign-in. Secrets stay in the environment.",
  '# authentication: { type: bearer, token: "${API_TOKEN}" }',
];

function signInLines({ kind, keyHeader, tokenUrl }: SignIn): string[] {
  const keys = {
    bearer: ["type: bearer", "token: ${API_TOKEN}"],
    basic: ["type: basic", "username: ${API_USER}", "password: ${API_PASSWORD}"],
    apiKey: ["type: apiKey", `name: ${scalar(keyHeader)}`, "value: ${API_KEY}"],
    oauth: [
      "type: oauth2ClientCredentials",
      `tokenUrl: ${scalar(tokenUrl)}`,
      "clientId: ${CLIENT_ID}",
      "clientSecret: ${CLIENT_SECRET}",
    ],
  }[kind];
  return ["# Secrets stay in the environment.", "authentication:", ...indented(keys)];
}
