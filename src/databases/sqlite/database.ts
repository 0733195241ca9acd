import { TidemarkError } from "../../errors.ts";
import type { Database } from "../port.ts";
import { sqliteSyntax } from "./syntax.ts";
import { sqliteTables } from "./table-reading.ts";

const examples = ["sqlite:./path.db", "sqlite:///absolute/path.db"];

export const sqlite: Database = {
  title: "SQLite",
  schemes: ["sqlite"],
  examples,
  isServer: false,
  syntax: sqliteSyntax,
  tables: sqliteTables,
  async open(url, { role }) {
    const { openSqlite } = await import("./connection.ts");
    return openSqlite(pathOf(url), role);
  },
};

/** The path in a `sqlite:` URL, taken as it is written. */
function pathOf(url: string): string {
  const rest = url.slice("sqlite:".length);
  const problem =
    rest === ""
      ? "it names no file"
      : rest.startsWith("//") && !rest.startsWith("///")
        ? "two slashes begin a host, and SQLite has none"
        : /[?#]/.test(rest)
          ? "it has parameters, which SQLite URLs do not take here"
          : null;
  if (problem !== null) {
    throw new TidemarkError("ARGUMENT_INVALID", `the database URL \`${url}\` cannot be used: ${problem}`, {
      hint: `Use ${examples.join(", ")}, or sqlite::memory:.`,
    });
  }
  return rest.startsWith("///") ? rest.slice(2) : rest;
}
