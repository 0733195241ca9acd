import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const root = fileURLToPath(new URL("..", import.meta.url));

/** The numbers at the head of a test's name, as in "P1 P2: a crash …". */
const numbered = /(?:test|it|describe)(?:\.each\([^)]*\))?\(\s*["'`]((?:P\d+ ?)+)[:–-]/g;

function promisesOfSpec(): string[] {
  const spec = readFileSync(join(root, "docs/spec.md"), "utf8");
  return [...spec.matchAll(/^\| \*\*(P\d+)\*\*/gm)].map((match) => match[1] ?? "");
}

function promisesOfTests(): Set<string> {
  const files = ["src", "testing", "test"].flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: "utf8" }).map((file) => join(folder, file)),
  );
  const names = files
    .filter((file) => /\.test\.ts$|testing\/.*suite.*\.ts$/.test(file))
    .flatMap((file) =>
      [...readFileSync(join(root, file), "utf8").matchAll(numbered)].map((match) => match[1] ?? ""),
    );
  return new Set(names.flatMap((numbers) => numbers.trim().split(/\s+/)));
}

test("every promise of docs/spec.md has a test that carries its number, and no test names another", () => {
  const promised = promisesOfSpec();
  expect(promised).toEqual(Array.from({ length: 15 }, (_, index) => `P${index + 1}`));
  const proven = promisesOfTests();
  expect(promised.filter((promise) => !proven.has(promise))).toEqual([]);
  expect([...proven].filter((promise) => !promised.includes(promise))).toEqual([]);
});
