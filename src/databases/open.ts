import { TidemarkError } from "../errors.ts";
import { encodePassword } from "../model/web-address.ts";
import { registerSecret } from "../secrets.ts";
import { registerPassword, serverUrlProblem } from "./connection-string.ts";
import type { SqlConnection } from "./port.ts";
import type { SqlRole } from "./roles.ts";

export interface OpenSqlOptions {
  /** What the connection is for: an input never creates or changes anything. */
  readonly role: SqlRole;
  /** How the connection names itself to a server, for those who look at its list of sessions. */
  readonly applicationName?: string;
}

const whatWorks =
  "Use sqlite:./path.db, sqlite:///absolute/path.db, sqlite::memory:, postgres://user@host:5432/database, or mysql://user@host:3306/database.";

type Opener = (url: string, options: OpenSqlOptions) => Promise<SqlConnection>;

const openAnySqlite: Opener = async (url, { role }) => {
  const { openSqlite } = await import("./sqlite/connection.ts");
  return openSqlite(sqlitePath(url), role);
};

const openAnyPostgres: Opener = async (url, { role, applicationName }) => {
  registerPasswords(url);
  const { openPostgres } = await import("./postgres/connection.ts");
  return openPostgres(url, role, applicationName);
};

const openAnyMysql: Opener = async (url, { role, applicationName }) => {
  registerPasswords(url);
  const { openMysql } = await import("./mysql/connection.ts");
  return openMysql(url, role, applicationName);
};

/** By what a URL begins with. A driver is loaded by those who use it. */
const openers: ReadonlyMap<string, Opener> = new Map([
  ["sqlite", openAnySqlite],
  ["postgres", openAnyPostgres],
  ["postgresql", openAnyPostgres],
  ["mysql", openAnyMysql],
  ["mariadb", openAnyMysql],
]);

/**
 * Opens a connection to a database.
 *
 * `sqlite:./path.db`, `sqlite:///absolute/path.db` and `sqlite::memory:` open SQLite; the file and
 * its folders are created where missing, except for an input. `postgres://…` and `postgresql://…`
 * open PostgreSQL by `pg`; `mysql://…` and `mariadb://…` open either of these by `mysql2`, with TLS as
 * `?ssl-mode=VERIFY_IDENTITY` says. Passwords in the URL are registered as secrets.
 *
 * Throws `ARGUMENT_INVALID` for any other URL, `DRIVER_MISSING`, and by role: `OUTPUT_UNAVAILABLE`,
 * `SOURCE_UNAVAILABLE`, `STATE_UNAVAILABLE` where the database cannot be reached; `OUTPUT_FAILED`,
 * `SOURCE_INVALID`, `STATE_UNREADABLE` where the file is no database.
 */
export async function openSql(url: string, options: OpenSqlOptions): Promise<SqlConnection> {
  const scheme = /^([a-z][a-z0-9+.-]*):/i.exec(url)?.[1]?.toLowerCase();
  const open = openers.get(scheme ?? "");
  if (open !== undefined) return open(url, options);
  const what = scheme === undefined ? "it has no scheme" : `no database is known by \`${scheme}:\``;
  throw new TidemarkError("ARGUMENT_INVALID", `the database URL cannot be used: ${what}`, {
    hint: whatWorks,
  });
}

/** The path in a `sqlite:` URL, taken as it is written. */
function sqlitePath(url: string): string {
  const rest = url.slice("sqlite:".length);
  const problem =
    rest === ""
      ? "it names no file"
      : rest.startsWith("//") && !rest.startsWith("///")
        ? "two slashes begin a host, and SQLite has none"
        : /[?#]/.test(rest)
          ? "it has parameters, which SQLite URLs do not take here"
          : null;
  if (problem !== null) {
    throw new TidemarkError("ARGUMENT_INVALID", `the database URL \`${url}\` cannot be used: ${problem}`, {
      hint: whatWorks,
    });
  }
  return rest.startsWith("///") ? rest.slice(2) : rest;
}

/** Registers the password as a secret. Throws `ARGUMENT_INVALID` for a URL that does not say what was meant. */
function registerPasswords(url: string): void {
  const problem = serverUrlProblem(url);
  if (problem === null) {
    registerPassword(new URL(url));
    return;
  }
  // The password cannot be told apart, so that all of it is kept out of sight.
  registerSecret(url);
  throw new TidemarkError("ARGUMENT_INVALID", `the database URL cannot be used: ${problem}`, {
    hint: `${encodePassword} ${whatWorks}`,
  });
}
