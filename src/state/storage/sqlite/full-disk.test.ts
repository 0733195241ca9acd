import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { expect, onTestFinished, test } from "vitest";
import { stateFileError } from "./file.ts";

test("a database that has no room to grow is reported as such, with where to look", () => {
  const folder = mkdtempSync(join(tmpdir(), "tidemark-full-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const db = new DatabaseSync(join(folder, "full.db"));
  onTestFinished(() => db.close());
  db.exec("CREATE TABLE t (x); PRAGMA max_page_count = 2");
  let thrown: unknown;
  try {
    db.prepare("INSERT INTO t VALUES (?)").run("x".repeat(100_000));
  } catch (error) {
    thrown = stateFileError(error, "state.db");
  }
  expect(thrown).toMatchObject({
    code: "STATE_UNAVAILABLE",
    message: expect.stringContaining("full"),
    hint: expect.stringContaining("the disk has room"),
  });
});
