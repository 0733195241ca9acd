import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { syncFolder } from "./sync-folder.ts";

function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "tidemark-sync-folder-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

test("a folder is synced, also one that may not be read", () => {
  const folder = temporaryFolder();
  writeFileSync(join(folder, "a"), "1");
  syncFolder(folder);
  chmodSync(folder, 0o300);
  syncFolder(folder);
  chmodSync(folder, 0o700);
});

test("a folder that is gone is an error", () => {
  expect(() => syncFolder(join(temporaryFolder(), "missing"))).toThrow("ENOENT");
});
