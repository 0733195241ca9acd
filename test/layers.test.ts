import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { circlesAmong, type Import, relativeImports, specifiersIn } from "./support/import-graph.ts";

const root = fileURLToPath(new URL("..", import.meta.url));

/**
 * The folders of `src` from the lowest layer to the highest; "" holds the files of `src` itself. Folders of one
 * layer do not import each other. A folder inside another may have a layer of its own.
 */
const layers: readonly (readonly string[])[] = [
  [""],
  ["model"],
  ["templates"],
  ["http", "databases"],
  ["state"],
  ["api/contracts"],
  ["state/storage"],
  ["delta-run", "engine"],
  ["inputs", "filters", "outputs"],
  ["pipeline"],
  ["schedule"],
  ["observability"],
  ["api"],
  ["cli"],
];
const folders = layers.flat().sort((a, b) => b.length - a.length);

test("a folder imports only from itself and from the layers below it", () => {
  const wrong = importsOfSource().filter(({ from, to }) => !isAllowed(from, to));
  expect(wrong.map(({ from, to }) => `${from} → ${to}`)).toEqual([]);
});

test("what users run imports nothing from the folders that are for tests", () => {
  const wrong = relativeImports(root, ["src"]).filter(
    ({ from, to }) => !/\.test\.ts$/.test(from) && !to.startsWith("src/") && to !== "package.json",
  );
  expect(wrong.map(({ from, to }) => `${from} → ${to}`)).toEqual([]);
});

test("the check itself sees an import that goes up", () => {
  expect(isAllowed("model/cursor.ts", "engine/ports.ts")).toBe(false);
  expect(isAllowed("state/store.ts", "state/storage/open.ts")).toBe(false);
  expect(isAllowed("api/contracts/run.ts", "api/service/service.ts")).toBe(false);
  expect(isAllowed("api/service/service.ts", "api/contracts/run.ts")).toBe(true);
  expect(isAllowed("inputs/a.ts", "outputs/b.ts")).toBe(false);
  expect(isAllowed("engine/sync.ts", "model/cursor.ts")).toBe(true);
  expect(importsOfSource().length).toBeGreaterThan(100);
});

test("no files import each other in a circle, not even types", () => {
  const imports = relativeImports(root, ["src", "testing", "bench", "examples", "scripts", "test"]);
  const message = "move what both sides need into a file of its own, or pass it as a parameter";
  expect(circlesAmong(imports), message).toEqual([]);
});

test("the check itself sees circles of two files, of many, and of one, and how they close", () => {
  const imports = importsBy({
    a: ["b", "c"],
    b: ["d"],
    c: ["d"],
    d: ["e", "out/of/reach"],
    e: ["f", "g"],
    f: ["h"],
    g: ["d"],
    h: ["f"],
    i: ["a", "i"],
  });
  expect(circlesAmong(imports)).toEqual(["d → e → g → d", "f → h → f", "i → i"]);
});

test("the check itself takes files that many import for no circle", () => {
  const imports = importsBy({ a: ["b", "c", "d"], b: ["d"], c: ["b", "d"], d: ["e"] });
  expect(circlesAmong(imports)).toEqual([]);
});

test("the check itself reads imports of types, of several lines and by `import()`, and none in comments", () => {
  const text = [
    '/** Example: `import { x } from "./comment.ts"`. */',
    'import type { A } from "./types.ts";',
    "import {",
    "  b,",
    '} from "../lines.ts";',
    'import "./effects.ts";',
    'export { c } from "./exports.ts";',
    'const d = await import("./later.ts");',
    'type E = import("./inline.ts").E;',
    'import { f } from "package";',
  ].join("\n");
  expect(specifiersIn(text)).toEqual([
    "./types.ts",
    "../lines.ts",
    "./effects.ts",
    "./exports.ts",
    "./later.ts",
    "./inline.ts",
  ]);
});

function importsBy(graph: Readonly<Record<string, readonly string[]>>): Import[] {
  return Object.entries(graph).flatMap(([from, targets]) => targets.map((to) => ({ from, to })));
}

function isAllowed(from: string, to: string): boolean {
  if (from === "index.ts") return true;
  const [here, there] = [folderOf(from), folderOf(to)];
  return here === there || rankOf(there) < rankOf(here);
}

function folderOf(file: string): string {
  if (!file.includes("/")) return "";
  const folder = folders.find((name) => name !== "" && file.startsWith(`${name}/`));
  if (folder === undefined) throw new Error(`src/${file} is in a folder that has no place among the layers`);
  return folder;
}

function rankOf(folder: string): number {
  return layers.findIndex((layer) => layer.includes(folder));
}

function importsOfSource(): Import[] {
  return relativeImports(`${root}/src`).filter(({ to }) => !to.startsWith(".."));
}
