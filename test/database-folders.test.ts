import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { databases } from "../src/databases/registry.ts";
import { relativeImports } from "./support/import-graph.ts";

const root = fileURLToPath(new URL("../src", import.meta.url));
const folders = readdirSync(join(root, "databases"), { withFileTypes: true })
  .filter((entry) => entry.isDirectory() && existsSync(join(root, "databases", entry.name, "database.ts")))
  .map(({ name }) => name);

/** What every database has a file for; what only one of them needs has a file of its own besides. */
const ofEach = [
  "database",
  "connection",
  "dialect",
  "errors",
  "values",
  // What inputs ask for.
  "syntax",
  "bounds",
  "table-reading",
  "catalog",
  // What outputs ask for.
  "table-store",
  "table-keys",
  "column-rules",
  "value-checks",
  "row-values",
  "record-faults",
];
const ofServers = [
  "address",
  "connect",
  "driver",
  "commit-safe/safe-bounds",
  "commit-safe/timestamps",
  "commit-safe/ids",
];

/** Code that keeps data of Tidemark's own in one of the databases, and so has reasons to know which one it is. */
const keepers = /^(?:state\/storage|api\/keys|outputs\/files)\//;

test("each database has a folder with the same files, and a line in the registry", () => {
  const registered = readFileSync(join(root, "databases/registry.ts"), "utf8");
  expect(folders).toHaveLength(databases.length);
  for (const folder of folders) {
    const has = (file: string): boolean => existsSync(join(root, "databases", folder, `${file}.ts`));
    const isServer = has("commit-safe/safe-bounds");
    const missing = [...ofEach, ...(isServer ? ofServers : [])].filter((file) => !has(file));
    expect({ folder, missing }).toEqual({ folder, missing: [] });
    expect(registered).toContain(`from "./${folder}/database.ts"`);
  }
});

test("only a database's own folder, the registry and what keeps Tidemark's own data import a database's files", () => {
  expect(importsOfSource().filter(isForeign)).toEqual([]);
});

test("no code asks a dialect for its name to decide what to do", () => {
  const asking = readdirSync(root, { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".ts") && !file.endsWith(".test.ts"))
    .filter((file) => comparesName(readFileSync(join(root, file), "utf8")));
  expect(asking).toEqual([]);
  expect(comparesName('if (connection.dialect.name === "sqlite") return;')).toBe(true);
  expect(comparesName("switch (dialect.name) {")).toBe(true);
});

test("the check itself sees an import of a database's file from elsewhere", () => {
  const [folder] = folders;
  const file = `databases/${folder}/connection.ts`;
  expect(isForeign({ from: "inputs/query/read.ts", to: file })).toBe(true);
  expect(isForeign({ from: "databases/open.ts", to: file })).toBe(true);
  expect(isForeign({ from: "databases/registry.ts", to: file })).toBe(true);
  expect(isForeign({ from: "databases/registry.ts", to: `databases/${folder}/database.ts` })).toBe(false);
  expect(isForeign({ from: `databases/${folder}/dialect.ts`, to: file })).toBe(false);
  expect(isForeign({ from: "state/storage/open.ts", to: file })).toBe(false);
  expect(importsOfSource().length).toBeGreaterThan(100);
});

function comparesName(text: string): boolean {
  return /\bdialect\.name\s*(?:[!=]==|\)\s*\{)/.test(text);
}

function importsOfSource() {
  return relativeImports(root).filter(({ from }) => !from.endsWith(".test.ts"));
}

function isForeign({ from, to }: { readonly from: string; readonly to: string }): boolean {
  const folder = folders.find((name) => to.startsWith(`databases/${name}/`));
  if (folder === undefined || from.startsWith(`databases/${folder}/`) || keepers.test(from)) return false;
  return from !== "databases/registry.ts" || to !== `databases/${folder}/database.ts`;
}
