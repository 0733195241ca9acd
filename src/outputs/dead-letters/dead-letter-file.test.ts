import { spawn } from "node:child_process";
import { appendFileSync, mkdtempSync, readFileSync, renameSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { letterWith } from "../../../test/support/letters.ts";
import type { DeadLetter } from "../../engine/ports.ts";
import { DeadLetterFile } from "./dead-letter-file.ts";
import { readLetterLine } from "./letter-line.ts";

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), "tidemark-letter-file-"));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

function letter(id: string): DeadLetter {
  return letterWith({ id, record: { id, text: "x".repeat(2_000) } });
}

const idsIn = (path: string): (string | undefined)[] =>
  readFileSync(path, "utf8")
    .trimEnd()
    .split("\n")
    .map((line) => readLetterLine(line)?.id);

test("P14: a new file is readable by its owner alone, whatever the umask is", () => {
  const path = join(folder(), "deep", "refused.jsonl");
  const before = process.umask(0);
  onTestFinished(() => void process.umask(before));
  const file = new DeadLetterFile(path);
  file.add(letter("a"));
  file.sync();
  expect(statSync(path).mode & 0o777).toBe(0o600);
});

test("a line that a crash cut short does not spoil the next", () => {
  const path = join(folder(), "refused.jsonl");
  const file = new DeadLetterFile(path);
  file.add(letter("a"));
  file.sync();
  appendFileSync(path, '{"id":"b","time":');
  file.add(letter("c"));
  file.sync();
  expect(idsIn(path)).toEqual(["a", undefined, "c"]);
});

test("P5: a file that is moved away before a sync loses nothing: what was added is in the new one too", () => {
  const path = join(folder(), "refused.jsonl");
  const file = new DeadLetterFile(path);
  file.add(letter("a"));
  file.sync();
  for (const id of ["b", "c", "d"]) file.add(letter(id));
  renameSync(path, `${path}.old`);
  file.sync();
  expect(idsIn(`${path}.old`)).toEqual(["a", "b", "c", "d"]);
  expect(idsIn(path)).toEqual(["b", "c", "d"]);
  file.add(letter("e"));
  rmSync(path);
  file.sync();
  expect(idsIn(path)).toEqual(["e"]);
});

test("a full disk fails the write with the file's name, and may pass", () => {
  const file = new DeadLetterFile("/dev/full");
  expect(() => file.add(letter("a"))).toThrow(
    expect.objectContaining({
      code: "OUTPUT_UNAVAILABLE",
      recoverable: true,
      message: expect.stringContaining("/dev/full: ENOSPC"),
    }),
  );
  file.close();
});

test("processes that add to one file at once leave every line whole", async () => {
  const path = join(folder(), "refused.jsonl");
  const source = new URL("./dead-letter-file.ts", import.meta.url).href;
  const script = `
    const { DeadLetterFile } = await import(${JSON.stringify(source)});
    const file = new DeadLetterFile(process.argv[1]);
    const letter = JSON.parse(process.argv[2]);
    for (let n = 0; n < 300; n++) {
      file.add({ ...letter, id: process.argv[3] + n });
      if (n % 10 === 0) file.sync();
    }
    file.sync();`;
  const add = (name: string) =>
    new Promise((resolve) =>
      spawn(process.execPath, [
        "--input-type=module",
        "-e",
        script,
        path,
        JSON.stringify(letter("")),
        name,
      ]).on("exit", resolve),
    );
  expect(await Promise.all([add("a"), add("b"), add("c")])).toEqual([0, 0, 0]);
  const ids = idsIn(path);
  expect(ids).toHaveLength(900);
  expect(new Set(ids).size).toBe(900);
  expect(ids).not.toContain(undefined);
});
