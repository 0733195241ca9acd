import type { Database } from "../port.ts";
import { assertServerUrl, serverUrlProblem } from "../server-url.ts";
import { postgresSyntax } from "./syntax.ts";
import { postgresTables } from "./table-reading.ts";

const example = "postgres://user@host:5432/database";

export const postgres: Database = {
  title: "PostgreSQL",
  schemes: ["postgres", "postgresql"],
  examples: [example],
  isServer: true,
  syntax: postgresSyntax,
  tables: postgresTables,
  urlProblem: serverUrlProblem,
  async checkUrl(url) {
    assertServerUrl(url, example);
    const { postgresAddress } = await import("./address.ts");
    postgresAddress(url);
  },
  async open(url, { role, applicationName }) {
    assertServerUrl(url, example);
    const { openPostgres } = await import("./connection.ts");
    return openPostgres(url, role, applicationName);
  },
};
