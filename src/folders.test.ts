import { existsSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { makeFolder } from "./folders.ts";

function root(): string {
  const path = mkdtempSync(join(tmpdir(), "tidemark-folders-"));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

test("a folder is made with those it lies in, and the first of them is returned", () => {
  const path = root();
  expect(makeFolder(join(path, "a/b/c"))).toBe(join(path, "a"));
  expect(makeFolder(join(path, "a/b/d"))).toBe(join(path, "a/b/d"));
  expect(makeFolder(join(path, "a/b"))).toBeUndefined();
  expect(readdirSync(join(path, "a/b"))).toEqual(["c", "d"]);
});

test("a file or a link that leads nowhere in the way is the system's error", () => {
  const path = root();
  writeFileSync(join(path, "file"), "");
  symlinkSync(join(path, "nowhere"), join(path, "link"));
  expect(() => makeFolder(join(path, "file/a"))).toThrow("ENOTDIR");
  expect(() => makeFolder(join(path, "file"))).toThrow("EEXIST");
  expect(() => makeFolder(join(path, "link"))).toThrow("EEXIST");
  expect(() => makeFolder(join(path, "link/a"))).toThrow(/EEXIST|ENOENT/);
});

test.skipIf(!existsSync("/proc/self"))(
  "a place where the system makes no folders is an error at once",
  () => {
    expect(() => makeFolder("/proc/tidemark/a")).toThrow("ENOENT");
  },
);
