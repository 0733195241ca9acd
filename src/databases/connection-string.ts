import { z } from "zod";
import { TidemarkError } from "../errors.ts";
import { encodePassword } from "../model/web-address.ts";
import { registerSecret } from "../secrets.ts";

/**
 * Why a server's URL does not say what was meant; null where nothing speaks against it. Other schemes
 * pass. The answer quotes nothing of the URL, since any part of it may belong to the password.
 *
 * A user's name or password that is not percent-encoded ends early for every reader of URLs: the rest of
 * it would be taken for the host, and be looked up and shown. An `@` behind the host is therefore refused as well, but for
 * parameters that may hold one.
 *
 * ```ts
 * serverUrlProblem("postgres://app:x@y#z@db/shop"); // "it has a `#`, …"
 * ```
 */
export function serverUrlProblem(url: string): string | null {
  const [, rest] = /^(?:postgres|postgresql|mysql|mariadb):\/\/(.*)$/is.exec(url) ?? [];
  if (rest === undefined) return null;
  if (rest.includes("#")) return "it has a `#`, and a database URL has no fragment";
  if (/[\t\r\n]/.test(url.trim())) return "it has a tab or a line break";
  const end = rest.search(/[/?]/);
  const authority = end === -1 ? rest : rest.slice(0, end);
  const [path = "", ...query] = rest.slice(authority.length).split("?");
  if (authority.split("@").length > 2) return "it has more than one `@` before the host";
  if (path.includes("@")) return "it has a `/` before its `@`";
  if (query.join("?").split("&").some(goesOn)) return "it has a `?` before its `@`";
  if (/%(?![0-9a-f]{2})/i.test(rest)) return "it has a `%` that begins no percent-encoded character";
  return URL.canParse(url) ? null : "it cannot be read as a URL";
}

/** Parameters whose values may hold an `@`: names, paths and passwords. */
const freeParameters =
  /^(?:user|password|host|database|dbname|(?:fallback_)?application_name|options|passfile|service|socket(?:path)?|ssl-?(?:ca|cert|key|rootcert|password))$/i;

/** Whether what looks like a parameter is a password that goes on to its `@`. */
function goesOn(parameter: string): boolean {
  const [name = "", ...values] = parameter.split("=");
  return name.includes("@") || (values.join("=").includes("@") && !freeParameters.test(name));
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
export function validateConnection(
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

/** Registers the password as a secret. Throws `ARGUMENT_INVALID` for a URL that does not say what was meant. */
export function registerPasswords(url: string, example: string): void {
  const problem = serverUrlProblem(url);
  if (problem === null) {
    registerPassword(new URL(url));
    return;
  }
  // The password cannot be told apart, so that all of it is kept out of sight.
  registerSecret(url);
  throw new TidemarkError("ARGUMENT_INVALID", `the database URL cannot be used: ${problem}`, {
    hint: `${encodePassword} Use ${example}.`,
  });
}
