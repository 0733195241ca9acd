import { mysql } from "./mysql/database.ts";
import type { Database } from "./port.ts";
import { postgres } from "./postgres/database.ts";
import { sqlite } from "./sqlite/database.ts";

/** Every database that Tidemark speaks to. A further one has a folder of its own and a line here. */
export const databases: readonly Database[] = [sqlite, postgres, mysql];

/** The database that a URL is for; undefined where no database is known by its scheme. */
export function databaseOf(url: string): Database | undefined {
  const scheme = /^([a-z][a-z0-9+.-]*):/i.exec(url)?.[1]?.toLowerCase();
  return databases.find(({ schemes }) => scheme !== undefined && schemes.includes(scheme));
}
