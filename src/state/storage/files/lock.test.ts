import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { expect, onTestFinished, test } from "vitest";
import { lockError, withLock } from "./lock.ts";

function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "tidemark-lock-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

function thrownBy(work: () => void): unknown {
  try {
    work();
  } catch (error) {
    return error;
  }
  throw new Error("it did not throw");
}

test("a lock that a full disk refuses is reported as such, with where to look", () => {
  const db = new DatabaseSync(join(temporaryFolder(), "full.db"));
  onTestFinished(() => db.close());
  db.exec("CREATE TABLE t (x); PRAGMA max_page_count = 2");
  const full = thrownBy(() => db.prepare("INSERT INTO t VALUES (?)").run("x".repeat(100_000)));
  expect(lockError(full, "events.lock")).toMatchObject({
    code: "STATE_UNAVAILABLE",
    message: expect.stringContaining("disk is full"),
    hint: expect.stringContaining("the disk has room"),
  });
});

test("a lock that another process holds is reported as such", () => {
  const file = join(temporaryFolder(), "held.lock");
  const [holder, other] = [new DatabaseSync(file), new DatabaseSync(file, { timeout: 0 })];
  onTestFinished(() => {
    holder.close();
    other.close();
  });
  holder.exec("BEGIN EXCLUSIVE");
  const busy = thrownBy(() => other.exec("BEGIN EXCLUSIVE"));
  expect(lockError(busy, file)).toMatchObject({
    message: expect.stringContaining("another process holds it"),
    hint: expect.stringContaining("stopped or stuck"),
  });
});

test("a lock file with content may be removed, as its error says", async () => {
  const file = join(temporaryFolder(), "events.lock");
  writeFileSync(file, "not a lock at all, and longer than a hundred characters: ".repeat(3));
  const refused = withLock(file, () => "done");
  await expect(refused).rejects.toMatchObject({
    code: "STATE_UNAVAILABLE",
    message: expect.stringContaining("not a database"),
    hint: expect.stringContaining("remove it"),
  });
  rmSync(file);
  expect(await withLock(file, () => "done")).toBe("done");
});
