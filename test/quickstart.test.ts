import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { type CommandResult, createFolder } from "./support/example-run.ts";

const quickstart = fileURLToPath(new URL("../examples/quickstart/run.ts", import.meta.url));

function execute(folder: string, file: string, words: readonly string[]): Promise<CommandResult> {
  return new Promise((resolve, reject) => {
    const child = spawn(file, words, { cwd: folder, stdio: ["ignore", "pipe", "pipe"] });
    let stdout = "";
    let stderr = "";
    child.stdout.on("data", (chunk) => {
      stdout += chunk;
    });
    child.stderr.on("data", (chunk) => {
      stderr += chunk;
    });
    child.once("error", reject);
    child.once("close", (code) => resolve({ code, stdout, stderr }));
  });
}

it("P6: the quickstart moves only the changes, loses and doubles nothing, and its last command works when pasted", async () => {
  const folder = await createFolder();
  const { code, stdout, stderr } = await execute(folder, process.execPath, [quickstart]);
  expect({ code, failed: stdout.match(/^✗.*$/gm), stderr: code === 0 ? "" : stderr }).toEqual({
    code: 0,
    failed: null,
    stderr: "",
  });
  const [, judged = ""] = stdout.split("What came of it");
  expect(judged.match(/^✓ /gm)).toHaveLength(4);
  expect(judged).toMatch(/^first run +1,324 +4 +1,324 +everything /m);
  expect(judged).toMatch(/^second run +385 +2 +384 +2018-02-05T23:58:05\.039Z +2018-02-07T01:45:04\.877Z$/m);
  expect(judged).toMatch(/^1,707 rows in /m);

  const [last] = [...stdout.matchAll(/^ {2}\$ (.+)$/gm)].slice(-1);
  const shown = await execute(folder, "sh", ["-c", last?.[1] ?? "false"]);
  expect(shown).toMatchObject({ code: 0, stdout: expect.stringContaining("2018-02-07T01:45:04.877Z") });

  const again = await execute(folder, process.execPath, [quickstart]);
  expect(again).toMatchObject({ code: 0, stdout: expect.stringContaining("1,324 written") });
});
