import type mysql from "mysql2";
import { loadDriver } from "../driver.ts";

/** The package that speaks to MySQL and MariaDB; it is installed by those who use it. */
export type MysqlDriver = Pick<typeof mysql, "createConnection">;

/** Throws `DRIVER_MISSING`. */
export function loadMysqlDriver(): Promise<MysqlDriver> {
  return loadDriver(async () => (await import("mysql2")).default, "MySQL and MariaDB need", "mysql2");
}
