import { registerPasswords } from "../connection-string.ts";
import type { Database } from "../port.ts";
import { mysqlSyntax } from "./syntax.ts";
import { mysqlTables } from "./table-reading.ts";

const example = "mysql://user@host:3306/database";

export const mysql: Database = {
  name: "mysql",
  schemes: ["mysql", "mariadb"],
  examples: [example],
  syntax: mysqlSyntax,
  tables: mysqlTables,
  async open(url, { role, applicationName }) {
    registerPasswords(url, example);
    const { openMysql } = await import("./connection.ts");
    return openMysql(url, role, applicationName);
  },
};
