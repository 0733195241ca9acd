import { registerPasswords } from "../connection-string.ts";
import type { Database } from "../port.ts";
import { postgresSyntax } from "./syntax.ts";
import { postgresTables } from "./table-reading.ts";

const example = "postgres://user@host:5432/database";

export const postgres: Database = {
  name: "postgres",
  schemes: ["postgres", "postgresql"],
  examples: [example],
  syntax: postgresSyntax,
  tables: postgresTables,
  async open(url, { role, applicationName }) {
    registerPasswords(url, example);
    const { openPostgres } = await import("./connection.ts");
    return openPostgres(url, role, applicationName);
  },
};
