import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { expect, test } from "vitest";
import { temporaryFolder } from "../../../test/cli/support.ts";
import { fileFailure } from "./failure.ts";

function thrownBy(action: () => void): unknown {
  try {
    action();
  } catch (error) {
    return error;
  }
  throw new Error("it did not fail");
}

test("a full disk may pass, so that the run is tried again", () => {
  const full = thrownBy(() => writeFileSync("/dev/full", "x"));
  expect(fileFailure("./out.jsonl", full)).toMatchObject({
    code: "OUTPUT_UNAVAILABLE",
    recoverable: true,
    message: expect.stringContaining("./out.jsonl: ENOSPC"),
    hint: expect.stringContaining("disk has room"),
  });
});

test("a full disk under the ledger may pass as well", () => {
  const ledger = new DatabaseSync(join(temporaryFolder(), "ledger.db"));
  ledger.exec("CREATE TABLE t (x); PRAGMA max_page_count = 2");
  const full = thrownBy(() => ledger.exec("INSERT INTO t VALUES (zeroblob(100000))"));
  ledger.close();
  expect(fileFailure("ledger.db", full)).toMatchObject({ code: "OUTPUT_UNAVAILABLE", recoverable: true });
});

test("a path that is wrong fails until it is changed", () => {
  const folder = join(temporaryFolder(), "out.jsonl");
  mkdirSync(folder);
  const wrong = thrownBy(() => writeFileSync(folder, "x"));
  expect(fileFailure(folder, wrong)).toMatchObject({ code: "OUTPUT_FAILED", recoverable: false });
});
