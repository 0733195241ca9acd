import type { Database } from "../port.ts";
import { assertServerUrl, serverUrlProblem } from "../server-url.ts";
import { mysqlSyntax } from "./syntax.ts";
import { mysqlTables } from "./table-reading.ts";

const example = "mysql://user@host:3306/database";

export const mysql: Database = {
  title: "MySQL",
  schemes: ["mysql", "mariadb"],
  examples: [example],
  isServer: true,
  syntax: mysqlSyntax,
  tables: mysqlTables,
  urlProblem: serverUrlProblem,
  async checkUrl(url) {
    assertServerUrl(url, example);
    const { mysqlAddress } = await import("./address.ts");
    mysqlAddress(url);
  },
  async open(url, { role, applicationName }) {
    assertServerUrl(url, example);
    const { openMysql } = await import("./connection.ts");
    return openMysql(url, role, applicationName);
  },
};
