import { chmodSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { deltaRun, openState } from "../src/index.ts";
import { createOffsetsFile } from "../src/outputs/files/create-offsets.ts";
import { OffsetsFile } from "../src/outputs/files/offsets-file.ts";
import { FakeClock } from "../testing/fake-clock.ts";
import { testFolder } from "./support/command.ts";

const key = { connector: "acme", stream: "orders" };

/** The rights of every file in a folder, by its name. */
function rightsIn(folder: string): Record<string, string> {
  const files = readdirSync(folder, { recursive: true, encoding: "utf8" });
  return Object.fromEntries(
    files
      .map((file) => [file, statSync(join(folder, file))] as const)
      .filter(([, stat]) => stat.isFile())
      .map(([file, stat]) => [file, (stat.mode & 0o777).toString(8)]),
  );
}

/** Empty files, and one that no earlier version has: they are not written again. */
const writtenOnce = /\.lock$|^~streams\.jsonl$/;

async function runOnce(url: string, look: () => void = () => {}): Promise<void> {
  await using state = await openState(url);
  await deltaRun(state, key, async (run) => {
    run.setNewCursor("2026-01-01T00:00:00Z");
    look();
  });
}

test.each(["sqlite:FOLDER/state.db", "file:FOLDER"])(
  "P14: files that hold state are made for their owner alone, with what lies beside them: %s",
  async (url) => {
    const folder = testFolder();
    const seen: Record<string, string> = {};
    const look = (): void => void Object.assign(seen, rightsIn(folder));
    await runOnce(url.replace("FOLDER", folder), look);
    look();
    expect(Object.keys(seen).length).toBeGreaterThan(2);
    expect(new Set(Object.values(seen))).toEqual(new Set(["600"]));
  },
);

test.each(["sqlite:FOLDER/state.db", "file:FOLDER"])(
  "P14: files of earlier versions lose the rights of others, and those of a group that may not write: %s",
  async (url) => {
    const folder = testFolder();
    await runOnce(url.replace("FOLDER", folder));
    for (const file of Object.keys(rightsIn(folder))) chmodSync(join(folder, file), 0o644);
    await runOnce(url.replace("FOLDER", folder));
    const wide = Object.entries(rightsIn(folder)).filter(
      ([file, mode]) => mode !== "600" && !writtenOnce.test(file),
    );
    expect(wide).toEqual([]);
  },
);

test("state that a group may write to was shared on purpose: the group keeps its rights", async () => {
  const folder = testFolder();
  await runOnce(`sqlite:${folder}/state.db`);
  chmodSync(join(folder, "state.db"), 0o664);
  await runOnce(`sqlite:${folder}/state.db`);
  expect(rightsIn(folder)["state.db"]).toBe("660");
});

test("P14: a file output's ledger is its owner's alone", async () => {
  const folder = testFolder();
  const path = join(folder, "out.jsonl.tidemark", "ledger.db");
  createOffsetsFile(path, key);
  const ledger = await OffsetsFile.open(path, new FakeClock());
  chmodSync(path, 0o644);
  (await OffsetsFile.open(path, new FakeClock()))?.close();
  ledger?.close();
  expect(rightsIn(folder)["out.jsonl.tidemark/ledger.db"]).toBe("600");
  expect((statSync(join(folder, "out.jsonl.tidemark")).mode & 0o777).toString(8)).toBe("700");
});
