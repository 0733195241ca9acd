import { z } from "zod";
import { encodePassword } from "../model/web-address.ts";
import { registerSecret } from "../secrets.ts";

/**
 * Why a server's URL does not say what was meant; null where nothing speaks against it. Other schemes
 * pass. The answer quotes nothing of the URL, since any part of it may belong to the password.
 *
 * A user's name or password that is not percent-encoded ends early for every reader of URLs: the rest of
 * it would be taken for the host, and be looked up and shown.
 *
 * ```ts
 * serverUrlProblem("postgres://app:x@y#z@db/shop"); // "it has a `#`, …"
 * ```
 */
export function serverUrlProblem(url: string): string | null {
  const [, rest] = /^(?:postgres|postgresql|mysql|mariadb):\/\/(.*)$/is.exec(url) ?? [];
  if (rest === undefined) return null;
  if (rest.includes("#")) return "it has a `#`, and a database URL has no fragment";
  const end = rest.search(/[/?]/);
  const authority = end === -1 ? rest : rest.slice(0, end);
  const behind = end === -1 ? "" : rest.slice(end);
  if (authority.split("@").length > 2) return "it has more than one `@` before the host";
  const beforeValues = behind.split("=", 1)[0] ?? "";
  if (!authority.includes("@") && authority !== "" && beforeValues.includes("@")) {
    return `it has a \`${behind[0]}\` before its \`@\``;
  }
  if (/%(?![0-9a-f]{2})/i.test(rest)) return "it has a `%` that begins no percent-encoded character";
  return null;
}

/** Refuses what `serverUrlProblem` names. */
const connectionStringSchema = z
  .string()
  .min(1)
  .superRefine((text, context) => {
    const problem = serverUrlProblem(text);
    if (problem === null) return;
    context.addIssue({ code: "custom", message: `cannot be used: ${problem}. ${encodePassword}` });
  });

/** The keys by which an input or an output names its database: one of the two. */
export const connectionShape = {
  connectionString: connectionStringSchema
    .optional()
    .describe(
      "The database: `sqlite:./data.db`, `sqlite:///absolute/data.db`, `postgres://user@host:5432/database` or `mysql://user@host:3306/database`.",
    ),
  connectionStringRef: connectionStringSchema
    .optional()
    .describe("The same as `connectionString`, for files that keep it apart as `${DATABASE_URL}`."),
} as const;

interface Connection {
  readonly connectionString?: string | undefined;
  readonly connectionStringRef?: string | undefined;
}

/** Refuses a database that is named by neither of the keys, or by both. */
export function refuseConnectionMistakes(
  { connectionString, connectionStringRef }: Connection,
  refuse: (path: string[], message: string) => void,
): void {
  const given = [connectionString, connectionStringRef].filter((text) => text !== undefined);
  if (given.length === 0) refuse(["connectionString"], "is missing");
  if (given.length === 2) refuse(["connectionStringRef"], "cannot be given together with `connectionString`");
}

/** Keeps the URL's password out of all that is shown, as it is written and as it is meant. */
export function registerPassword(url: URL): void {
  for (const secret of [url.password, url.searchParams.get("password")]) {
    if (secret === null || secret === "") continue;
    registerSecret(secret);
    try {
      registerSecret(decodeURIComponent(secret));
    } catch {
      // A stray percent sign: the text itself is registered.
    }
  }
}
