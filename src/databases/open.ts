import { TidemarkError } from "../errors.ts";
import type { OpenSqlOptions, SqlConnection } from "./port.ts";
import { anyOf, databaseOf, databases, schemeOf } from "./registry.ts";

export type { OpenSqlOptions } from "./port.ts";

/**
 * Opens a connection to a database.
 *
 * `sqlite:./path.db` and `sqlite:///absolute/path.db` open SQLite; the file and its folders are created where missing,
 * except for an input. `sqlite::memory:` is for tests: a pipeline cannot name it. `postgres://…` and `postgresql://…` open PostgreSQL by `pg`; `mysql://…`
 * and `mariadb://…` open either of these by `mysql2`, with TLS as `?ssl-mode=VERIFY_IDENTITY` says. Passwords in the
 * URL are registered as secrets.
 *
 * Throws `ARGUMENT_INVALID` for any other URL, `DRIVER_MISSING`, and by role: `OUTPUT_UNAVAILABLE`,
 * `SOURCE_UNAVAILABLE`, `STATE_UNAVAILABLE` where the database cannot be reached; `OUTPUT_FAILED`, `SOURCE_INVALID`,
 * `STATE_UNREADABLE` where the file is not a database.
 */
export async function openSql(url: string, options: OpenSqlOptions): Promise<SqlConnection> {
  const database = databaseOf(url);
  if (database !== undefined) return database.open(url, options);
  const scheme = schemeOf(url);
  const what = scheme === undefined ? "it has no scheme" : `no database is known by \`${scheme}:\``;
  const examples = databases.flatMap((one) => one.examples);
  throw new TidemarkError("ARGUMENT_INVALID", `the database URL cannot be used: ${what}`, {
    hint: `Use ${anyOf(examples)}.`,
  });
}
