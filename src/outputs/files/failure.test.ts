import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { expect, test } from "vitest";
import { temporaryFolder } from "../../../test/cli/support.ts";
import { systemClock } from "../../clock.ts";
import { fileFailure } from "./failure.ts";
import { OffsetsFile } from "./offsets-file.ts";

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

test("a full disk under the sink offsets may pass as well", () => {
  const offsets = new DatabaseSync(join(temporaryFolder(), "offsets.db"));
  offsets.exec("CREATE TABLE t (x); PRAGMA max_page_count = 2");
  const full = thrownBy(() => offsets.exec("INSERT INTO t VALUES (zeroblob(100000))"));
  offsets.close();
  expect(fileFailure("offsets.db", full)).toMatchObject({ code: "OUTPUT_UNAVAILABLE", recoverable: true });
});

test("sink offsets that can only be read, or cannot be opened, may pass as well", () => {
  const path = join(temporaryFolder(), "offsets.db");
  new DatabaseSync(path).close();
  const offsets = new DatabaseSync(path, { readOnly: true });
  const readOnly = thrownBy(() => offsets.exec("CREATE TABLE t (x)"));
  offsets.close();
  const unopened = thrownBy(() => new DatabaseSync(join(path, "offsets.db")));
  for (const cause of [readOnly, unopened]) {
    expect(fileFailure(path, cause)).toMatchObject({ code: "OUTPUT_UNAVAILABLE", recoverable: true });
  }
});

test("sink offsets that cannot be opened are an error of the output, with their path", async () => {
  const path = join(temporaryFolder(), "offsets.db");
  mkdirSync(path);
  await expect(OffsetsFile.open(path, systemClock)).rejects.toMatchObject({
    code: "OUTPUT_UNAVAILABLE",
    message: expect.stringContaining(path),
  });
});

test("a path that is wrong fails until it is changed", () => {
  const folder = join(temporaryFolder(), "out.jsonl");
  mkdirSync(folder);
  const wrong = thrownBy(() => writeFileSync(folder, "x"));
  expect(fileFailure(folder, wrong)).toMatchObject({ code: "OUTPUT_FAILED", recoverable: false });
});
