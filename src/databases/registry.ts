import { mysql } from "./mysql/database.ts";
import type { Database } from "./port.ts";
import { postgres } from "./postgres/database.ts";
import { sqlite } from "./sqlite/database.ts";

/** Every supported database. To add one, add its folder and a line here. */
export const databases: readonly Database[] = [sqlite, postgres, mysql];

/** The database whose SQL is assumed where the URL is not known yet, as in `${DATABASE_URL}`. */
export const assumedDatabase: Database = postgres;

/** The database that a URL is for; undefined where no database is known by its scheme. */
export function databaseOf(url: string): Database | undefined {
  const scheme = schemeOf(url);
  return databases.find(({ schemes }) => scheme !== undefined && schemes.includes(scheme));
}

/** The part before the first colon, in lower case; undefined where there is none. */
export function schemeOf(url: string): string | undefined {
  return /^([a-z][a-z0-9+.-]*):/i.exec(url)?.[1]?.toLowerCase();
}

/** Whether a URL names a database: a known scheme, and a file or a server behind it. */
export function namesDatabase(url: string): boolean {
  const database = databaseOf(url);
  if (database === undefined) return false;
  return (database.isServer ? /^[^:]+:\/\//s : /^[^:]+:./s).test(url);
}

/** Short forms of each database's URL: `sqlite:PATH`, `postgres://…`. */
export const urlForms: readonly string[] = databases.map(
  ({ schemes: [scheme], isServer }) => `${scheme}${isServer ? "://…" : ":PATH"}`,
);

/** `a, b or c`. Every start needs it, and `Intl.ListFormat` takes 12 ms to load. */
export function anyOf(names: readonly string[]): string {
  const last = names.at(-1) ?? "";
  return names.length < 2 ? last : `${names.slice(0, -1).join(", ")} or ${last}`;
}
