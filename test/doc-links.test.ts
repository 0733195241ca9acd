import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const root = fileURLToPath(new URL("..", import.meta.url));

test("every link from one document to a file of the project leads there, to its heading too", () => {
  const documents = documentsOf("");
  expect(documents.length).toBeGreaterThan(25);
  expect(documents.flatMap((file) => deadLinks(join(root, file)).map((link) => `${file}: ${link}`))).toEqual(
    [],
  );
});

test("every page of the documentation can be reached from README.md", () => {
  const reached = new Set<string>();
  const follow = (file: string): void => {
    if (reached.has(file) || !file.endsWith(".md")) return;
    reached.add(file);
    for (const link of linksOf(readFileSync(file, "utf8"))) {
      const [path = ""] = link.split("#");
      const target = resolve(dirname(file), path);
      if (path !== "" && existsSync(target) && target.startsWith(root)) follow(target);
    }
  };
  follow(join(root, "README.md"));
  const pages = documentsOf("docs").filter((page) => !page.startsWith("docs/decisions/"));
  expect(pages.filter((page) => !reached.has(join(root, page)))).toEqual([]);
});

test("every file and folder that ARCHITECTURE.md names is there", () => {
  const text = readFileSync(join(root, "ARCHITECTURE.md"), "utf8");
  const named = [...text.matchAll(/`((?:src|test|testing|docs|bench)\/[\w./-]*)`/g)].map(
    ([, path = ""]) => path,
  );
  expect(named.length).toBeGreaterThan(30);
  expect(named.filter((path) => !existsSync(join(root, path)))).toEqual([]);
});

test("every decision has a number of its own, in its name and in its title", () => {
  const files = readdirSync(join(root, "docs/decisions"));
  const numbers = files.map((file) => Number(file.slice(0, 4)));
  expect(numbers).toEqual([...new Set(numbers)]);
  const titles = files.map((file) => readFileSync(join(root, "docs/decisions", file), "utf8").split("\n")[0]);
  expect(titles.map((title) => Number(/^# (\d+)\. /.exec(title ?? "")?.[1]))).toEqual(numbers);
});

/** What is for work on the project itself, and so is in a checkout alone. */
const inCheckout = ["bench/", "test/", "src/", ".ci/", "CONTRIBUTING.md", "ARCHITECTURE.md"];

test("what the documentation leads a user to is in the package", () => {
  const { files }: { files: string[] } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  const pages = ["README.md", "CHANGELOG.md", ...documentsOf("docs"), ...documentsOf("examples")];
  const outside = pages.flatMap((page) =>
    linksOf(readFileSync(join(root, page), "utf8"))
      .map((link) => relative(root, resolve(root, dirname(page), link.split("#")[0] ?? "")))
      .filter((path) => !inCheckout.some((part) => `${path}/`.startsWith(part) || path === part))
      .filter((path) => path !== "" && !files.some((entry) => path === entry || path.startsWith(`${entry}/`)))
      .map((path) => `${page}: ${path}`),
  );
  expect(outside).toEqual([]);
});

test("the check itself sees a dead link, and no link in code", () => {
  const text = "[a](gone.md) [b](#here)\n```ts\nparts[0](x.md)\n```\n`[c](no.md)` [d](https://example.com/x)";
  expect(linksOf(text)).toEqual(["gone.md", "#here"]);
  expect(headingsOf("# The `run` command, again\n## Here")).toEqual(["the-run-command-again", "here"]);
});

/** Markdown files of the project, from its root on; what is installed or made is left out. */
function documentsOf(folder: string): string[] {
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.name.startsWith(".") || ["node_modules", "dist", "results"].includes(entry.name)) return [];
    if (entry.isDirectory()) return documentsOf(path);
    return entry.name.endsWith(".md") ? [path] : [];
  });
}

function deadLinks(file: string): string[] {
  return linksOf(readFileSync(file, "utf8")).filter((link) => {
    const [path = "", heading] = link.split("#");
    const target = path === "" ? file : resolve(dirname(file), path);
    if (!existsSync(target)) return true;
    if (heading === undefined || !target.endsWith(".md")) return false;
    return !headingsOf(readFileSync(target, "utf8")).includes(heading);
  });
}

function linksOf(text: string): string[] {
  return [...withoutCode(text).matchAll(/\]\(([^)\s]+)\)/g)]
    .map((match) => match[1] ?? "")
    .filter((link) => !/^[a-z]+:/.test(link));
}

function headingsOf(text: string): string[] {
  return [...withoutBlocks(text).matchAll(/^#{1,6} (.+)$/gm)].map((match) =>
    (match[1] ?? "")
      .trim()
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, "")
      .replaceAll(" ", "-"),
  );
}

function withoutBlocks(text: string): string {
  return text.replace(/^```[\s\S]*?^```$/gm, "");
}

function withoutCode(text: string): string {
  return withoutBlocks(text).replace(/`[^`\n]*`/g, "");
}
