import type pg from "pg";
import type { from } from "pg-copy-streams";
import { isMissingPackage, loadDriver } from "../driver.ts";

/** The package that speaks to PostgreSQL; it is installed by those who use it. */
export interface PostgresDriver {
  readonly Client: typeof pg.Client;
}

/** Throws `DRIVER_MISSING`. */
export function loadPostgresDriver(): Promise<PostgresDriver> {
  return loadDriver(async () => ({ Client: (await import("pg")).default.Client }), "PostgreSQL needs", "pg");
}

/** What begins a COPY into the server; null where the package that has it is not installed. */
export async function loadCopyFrom(): Promise<typeof from | null> {
  try {
    return (await import("pg-copy-streams")).from;
  } catch (error) {
    if (isMissingPackage(error)) return null;
    throw error;
  }
}
