import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const source = fileURLToPath(new URL("../src", import.meta.url));

/** The folders from the lowest layer to the highest; those of one layer do not know each other. */
const layers: readonly (readonly string[])[] = [
  [""],
  ["model"],
  ["http", "sql"],
  ["state"],
  ["engine"],
  ["inputs", "filters", "outputs"],
  ["pipeline"],
  ["schedule"],
  ["observability"],
  ["service"],
  ["testing"],
  ["cli"],
];

interface Import {
  readonly from: string;
  readonly to: string;
}

test("a folder imports only from itself and from the layers below it", () => {
  const wrong = importsOfSource().filter(({ from, to }) => !isAllowed(from, to));
  expect(wrong.map(({ from, to }) => `${from} → ${to}`)).toEqual([]);
});

test("the check itself sees an import that goes up", () => {
  expect(isAllowed("model/cursor.ts", "engine/ports.ts")).toBe(false);
  expect(isAllowed("inputs/a.ts", "outputs/b.ts")).toBe(false);
  expect(isAllowed("engine/sync.ts", "model/cursor.ts")).toBe(true);
  expect(importsOfSource().length).toBeGreaterThan(100);
});

function isAllowed(from: string, to: string): boolean {
  if (from === "index.ts") return true;
  const [here, there] = [folderOf(from), folderOf(to)];
  if (here === there) return true;
  // Tests of a part may use what is exported for testing; what users run may not.
  if (/\.test\.ts$/.test(from) && there === "testing") return true;
  if (here === "cli" && there === "testing") return false;
  return rankOf(there) < rankOf(here);
}

function folderOf(file: string): string {
  return file.includes("/") ? (file.split("/")[0] ?? "") : "";
}

function rankOf(folder: string): number {
  const rank = layers.findIndex((layer) => layer.includes(folder));
  if (rank < 0) throw new Error(`src/${folder} has no place among the layers`);
  return rank;
}

function importsOfSource(): Import[] {
  const files = readdirSync(source, { recursive: true, encoding: "utf8" }).filter((file) =>
    file.endsWith(".ts"),
  );
  return files.flatMap((file) => {
    const text = readFileSync(join(source, file), "utf8");
    const specifiers = [...text.matchAll(/(?:from|import)\s*\(?\s*"(\.[^"]+)"/g)].map(
      (match) => match[1] ?? "",
    );
    return specifiers
      .map((specifier) => relative(source, resolve(source, dirname(file), specifier)))
      .filter((to) => !to.startsWith(".."))
      .map((to) => ({ from: file, to }));
  });
}
