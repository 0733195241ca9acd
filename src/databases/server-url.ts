import { TidemarkError } from "../errors.ts";
import { encodePassword } from "../model/web-address.ts";
import { registerSecret } from "../secrets.ts";

/**
 * Why a server's URL is probably not what was meant; null if it looks right, or names no server (`sqlite:./data.db`).
 * The answer quotes nothing of the URL, since any part of it may belong to the password.
 *
 * A user's name or password that is not percent-encoded ends early for every reader of URLs: the rest of it would be
 * taken for the host, and be looked up and shown. An `@` behind the host is therefore refused as well, but for
 * parameters that may hold one.
 *
 * ```ts
 * serverUrlProblem("postgres://app:x@y#z@db/shop"); // "it has a `#`, …"
 * ```
 */
export function serverUrlProblem(url: string): string | null {
  const [, rest] = /^[a-z][a-z0-9+.-]*:\/\/(.*)$/is.exec(url) ?? [];
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

/**
 * Registers the password in a server's URL as a secret, as it is written and as it is meant. Returns what
 * `serverUrlProblem` says of the URL. If there is a problem, the password cannot be separated from the rest, and the
 * whole URL is registered.
 */
export function registerPassword(text: string): string | null {
  const problem = serverUrlProblem(text);
  if (problem !== null) {
    registerSecret(text);
    return problem;
  }
  const url = new URL(text);
  for (const secret of [url.password, url.searchParams.get("password")]) {
    if (secret === null || secret === "") continue;
    registerSecret(secret);
    try {
      registerSecret(decodeURIComponent(secret));
    } catch {
      // A percent sign that encodes nothing: the text itself is registered.
    }
  }
  return null;
}

/** As `registerPassword`. Throws `ARGUMENT_INVALID` for a URL that has a problem; `example` is one that has none. */
export function assertServerUrl(url: string, example: string): void {
  const problem = registerPassword(url);
  if (problem === null) return;
  throw new TidemarkError("ARGUMENT_INVALID", `the database URL cannot be used: ${problem}`, {
    hint: `${encodePassword} Use ${example}.`,
  });
}
