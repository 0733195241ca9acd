import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { expect, onTestFinished, test } from "vitest";
import { openSqliteState } from "./sqlite.ts";

test("the write-ahead log is cut back after a reader that stayed open for long is gone", async () => {
  const folder = mkdtempSync(join(tmpdir(), "tidemark-wal-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, "state.db");
  await using store = await openSqliteState(file);
  const megabytes = (): number => statSync(`${file}-wal`).size / 1_048_576;
  const error = "x".repeat(4000);
  const poll = async (): Promise<void> => {
    const run = await store.begin({ connector: "c", stream: "s" }, { cursorType: "numeric_id" });
    await store.fail(run, { error });
  };
  await poll();
  const reader = new DatabaseSync(file, { readOnly: true });
  onTestFinished(() => {
    if (reader.isOpen) reader.close();
  });
  reader.exec("BEGIN");
  reader.prepare("SELECT count(*) FROM tidemark_runs").get();
  while (megabytes() < 8) await poll();
  reader.exec("COMMIT");
  await poll();
  expect(megabytes()).toBeLessThanOrEqual(4.01);
});
