import type mysql from "mysql2";
import { TidemarkError } from "../../errors.ts";

/** The package that speaks to MySQL and MariaDB; it is installed by those who use it. */
export type MysqlDriver = Pick<typeof mysql, "createConnection">;

/** Loads the driver. Throws `DRIVER_MISSING` naming the install command. */
export async function loadMysqlDriver(): Promise<MysqlDriver> {
  try {
    return (await import("mysql2")).default;
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ERR_MODULE_NOT_FOUND")) throw error;
    throw new TidemarkError("DRIVER_MISSING", "MySQL and MariaDB need the package `mysql2`", {
      cause: error,
      hint: "Install it beside tidemark: npm install mysql2",
    });
  }
}
