import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { execute } from "./cli/support.ts";
import { testFolder } from "./support/command.ts";
import { sendJson, startHttpServer } from "./support/http-server.ts";

const records = [1, 2, 3].map((id) => ({ id, updated_at: `2026-01-01T00:0${id}:00Z` }));

test("a command that a warning hints at works as it is printed, also with `storagePath`", async () => {
  await using server = await startHttpServer((_, response) => sendJson(response, { data: records }));
  const folder = testFolder();
  writeFileSync(
    join(folder, "x.yaml"),
    `name: x
input:
  type: httpPolling
  endpoint: ${server.origin}/
  dataField: data
  key: id
  statePersistence: { storagePath: ./st, timestamp: { field: updated_at, queryParam: since }, order: ascending }
output: { type: file, path: ./out.jsonl }
`,
  );
  const lines = () => readFileSync(join(folder, "out.jsonl"), "utf8").trimEnd().split("\n").length;
  await execute(["run", "x.yaml"], { cwd: folder });
  rmSync(join(folder, "st"), { recursive: true });
  const { stdout } = await execute(["run", "x.yaml"], { cwd: folder });
  const [, hinted = ""] = /OUTPUT_AHEAD.*(state set --state file:.*) --reason/.exec(stdout) ?? [];
  expect(hinted).toBe("state set --state file:./st x default 2026-01-01T00:03:00Z --type timestamp_utc");
  expect(lines()).toBe(6);
  rmSync(join(folder, "st"), { recursive: true });
  const set = await execute([...hinted.split(" "), "--reason", "kept"], { cwd: folder });
  expect(set).toMatchObject({ code: 0 });
  await execute(["run", "x.yaml"], { cwd: folder });
  expect(lines()).toBe(6);
});

test.each([
  [["--state", "file:./other"], "tidemark state list --state file:./other`"],
  [[], "tidemark state list`"],
])(
  "an error names the state in the command that it hints at, where it was given: %s",
  async (given, hinted) => {
    const { stderr } = await execute(["state", "show", "x", "default", ...given], { cwd: testFolder() });
    expect(stderr).toContain(hinted);
  },
);
