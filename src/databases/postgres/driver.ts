import type pg from "pg";
import type { from } from "pg-copy-streams";
import { TidemarkError } from "../../errors.ts";

/** The package that speaks to PostgreSQL; it is installed by those who use it. */
export interface PostgresDriver {
  readonly Client: typeof pg.Client;
}

/** Loads the driver. Throws `DRIVER_MISSING` naming the install command. */
export async function loadPostgresDriver(): Promise<PostgresDriver> {
  try {
    return { Client: (await import("pg")).default.Client };
  } catch (error) {
    if (!isMissingPackage(error)) throw error;
    throw new TidemarkError("DRIVER_MISSING", "PostgreSQL needs the package `pg`", {
      cause: error,
      hint: "Install it beside tidemark: npm install pg",
    });
  }
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

function isMissingPackage(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ERR_MODULE_NOT_FOUND";
}
