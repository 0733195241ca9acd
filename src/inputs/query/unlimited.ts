import type { SqlDialect } from "../../databases/port.ts";

/** What stands after LIMIT where there is to be none. */
export const unlimited: Readonly<Record<SqlDialect["name"], string>> = {
  postgres: "ALL",
  sqlite: "-1",
  mysql: "18446744073709551615",
};
