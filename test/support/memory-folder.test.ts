import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync } from "node:fs";
import { basename, join } from "node:path";
import { expect, test } from "vitest";
import { testFolder } from "./command.ts";
import { useMemoryFolder } from "./memory-folder.ts";

test("temporary files lie in a folder of the run, until it ends", () => {
  const [folder, env] = [testFolder(), { TMPDIR: undefined }];
  const remove = useMemoryFolder({ folder, bytes: 0, env });
  expect(readdirSync(folder).map((name) => join(folder, name))).toEqual([env.TMPDIR]);
  remove();
  expect(readdirSync(folder)).toEqual([]);
});

test.each([
  ["TMPDIR is set", { env: { TMPDIR: "/elsewhere" } }],
  ["too little is free", { bytes: Number.MAX_SAFE_INTEGER }],
  ["there is no such folder", { folder: "/nowhere/at/all" }],
])("temporary files lie where they always do, where %s", (_, more) => {
  const memory = { folder: testFolder(), bytes: 0, env: { TMPDIR: undefined }, ...more };
  const before = memory.env.TMPDIR;
  useMemoryFolder(memory)();
  expect(memory.env.TMPDIR).toBe(before);
});

test("the folder of a run that was killed is removed, and that of one that goes on is not", () => {
  const folder = testFolder();
  const { pid } = spawnSync(process.execPath, ["--version"]);
  const [abandoned, used] = [pid, process.pid].map((of) =>
    mkdtempSync(join(folder, `tidemark-vitest-${of}-`)),
  );
  mkdirSync(join(folder, "of-others"));
  useMemoryFolder({ folder, bytes: 0, env: {} })();
  expect([abandoned, used].map((each) => existsSync(String(each)))).toEqual([false, true]);
  expect(existsSync(join(folder, "of-others"))).toBe(true);
});

test("the folder of a killed run that a disk is still mounted in does not stop the next run", ({ skip }) => {
  const folder = testFolder();
  const { pid } = spawnSync(process.execPath, ["--version"]);
  const abandoned = mkdtempSync(join(folder, `tidemark-vitest-${pid}-`));
  const mounted = spawnSync("mount", ["-t", "tmpfs", "-o", "size=64k", "tmpfs", abandoned]).status === 0;
  skip(!mounted, "mounting a disk needs root");
  try {
    useMemoryFolder({ folder, bytes: 0, env: {} })();
    expect(readdirSync(folder)).toEqual([basename(abandoned)]);
  } finally {
    spawnSync("umount", [abandoned]);
  }
});
