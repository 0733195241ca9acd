import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { expect, onTestFinished, test } from "vitest";
import { BetterSqlite } from "../../../../test/support/drivers.js";
import { BetterSqliteHandle } from "../../../databases/sqlite/handle.ts";
import { openStateFile, stateFileError } from "./file.ts";

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

test("P10: a new state file whose log cannot be copied into it gets no name, and the next start makes one", () => {
  const folder = mkdtempSync(join(tmpdir(), "tidemark-full-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, "state.db");
  /** A reader of the empty file stops the checkpoint, as a full disk does: SQLite closes the file without an error. */
  class Unfinished extends BetterSqlite {
    constructor(path: string) {
      super(path);
      const reader = new BetterSqliteHandle(BetterSqlite, path, { timeout: 0 });
      onTestFinished(() => reader.close());
      reader.exec("PRAGMA journal_mode = WAL; BEGIN; SELECT * FROM sqlite_master");
    }
  }
  const start = (): unknown => openStateFile(file, Unfinished);
  expect(start).toThrow(
    expect.objectContaining({
      code: "STATE_UNAVAILABLE",
      hint: expect.stringContaining("the disk has room"),
    }),
  );
  expect(readdirSync(folder)).toEqual([]);
  const db = openStateFile(file);
  onTestFinished(() => db.close());
  expect(db.prepare("SELECT count(*) AS streams FROM tidemark_streams").get()).toEqual({ streams: 0 });
});
