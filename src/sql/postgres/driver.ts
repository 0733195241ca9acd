import type pg from "pg";
import type { from } from "pg-copy-streams";
import type Cursor from "pg-cursor";
import { TidemarkError } from "../../errors.ts";

/** The two packages that speak to PostgreSQL; they are installed by those who use it. */
export interface PostgresDriver {
  readonly Client: typeof pg.Client;
  readonly Cursor: typeof Cursor;
}

/** Loads the driver. Throws `DRIVER_MISSING` naming the install command. */
export async function loadPostgresDriver(): Promise<PostgresDriver> {
  try {
    const [{ default: postgres }, { default: cursor }] = await Promise.all([
      import("pg"),
      import("pg-cursor"),
    ]);
    return { Client: postgres.Client, Cursor: cursor };
  } catch (error) {
    if (!isMissingPackage(error)) throw error;
    throw new TidemarkError("DRIVER_MISSING", "PostgreSQL needs the packages `pg` and `pg-cursor`", {
      cause: error,
      hint: "Install them beside tidemark: npm install pg pg-cursor",
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
