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
  urlProblem(url) {
    return url === memoryUrl
      ? "a database in memory is lost when the run ends, with all that it holds; name a file"
      : pathProblem(url);
  },
  async checkUrl(url) {
    pathOf(url);
  },
  async open(url, { role }) {
    const { openSqlite } = await import("./connection.ts");
    return openSqlite(pathOf(url), role);
  },
};

/** For tests of connections. A pipeline cannot use it. */
const memoryUrl = "sqlite::memory:";

function pathProblem(url: string): string | null {
  const rest = url.slice("sqlite:".length);
  if (rest === "") return "it names no file";
  if (rest.startsWith("//") && !rest.startsWith("///"))
    return "two slashes begin a host, and SQLite has none";
  if (/[?#]/.test(rest)) return "it has parameters, which SQLite URLs do not take here";
  return /[/\\]\.{0,2}$/.test(rest) ? "it names a folder, and a database is a file" : null;
}

/** The path in a `sqlite:` URL, taken as it is written. */
function pathOf(url: string): string {
  const rest = url.slice("sqlite:".length);
  const problem = pathProblem(url);
  if (problem !== null) {
    throw new TidemarkError("ARGUMENT_INVALID", `the database URL \`${url}\` cannot be used: ${problem}`, {
      hint: `Use ${examples.join(" or ")}.`,
    });
  }
  return rest.startsWith("///") ? rest.slice(2) : rest;
}
