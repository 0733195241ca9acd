import { registerPasswords } from "../connection-string.ts";
import type { Database } from "../port.ts";
import { mysqlSyntax } from "./syntax.ts";

const example = "mysql://user@host:3306/database";

export const mysql: Database = {
  name: "mysql",
  schemes: ["mysql", "mariadb"],
  examples: [example],
  syntax: mysqlSyntax,
  readsByTransaction: false,
  async open(url, { role, applicationName }) {
    registerPasswords(url, example);
    const { openMysql } = await import("./connection.ts");
    return openMysql(url, role, applicationName);
  },
};
