import { execFile, spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { routes } from "../../src/api/service/contracts.ts";
import { root, temporaryFolder } from "../cli/support.ts";
import { builtCommand } from "../support/built-command.ts";
import { serveProcess } from "./support.ts";

const guide = readFileSync(join(root, "docs/service.md"), "utf8");
const blocks = [...guide.matchAll(/^```sh\n([\s\S]*?)^```$/gm)].map(([, text = ""]) => text);

/** A shell that fails at the first answer that is a refusal. */
const preamble = `set -eu
curl() { command curl --fail-with-body --show-error "$@"; echo; }
tidemark() { ${builtCommand.map((word) => `"${word}"`).join(" ")} "$@"; }
`;

/** What the guide's commands need besides a shell. */
const isRunnable = ["bash", "curl", "jq"].every((tool) => spawnSync(tool, ["--version"]).status === 0);

it.runIf(isRunnable)(
  "the guide's commands do what they say, run as they stand from top to bottom",
  async () => {
    const cwd = temporaryFolder();
    const { url } = await serveProcess([], cwd);
    const script = preamble + blocks.join("\n").replace("http://127.0.0.1:7733", url);
    writeFileSync(join(cwd, "guide.sh"), script);
    const told = await new Promise<string>((resolve, reject) => {
      execFile("bash", ["guide.sh"], { cwd }, (error, stdout, stderr) => {
        if (error === null) resolve(stdout);
        else reject(new Error(`${stdout.slice(-1500)}\n${stderr.slice(-1500)}`));
      });
    });
    expect(told).toContain('"lower_bound_cursor":"2026-03-01T08:00:00Z"');
    expect(told).toContain('"verified":true');
    expect(told).toContain('"partition":"account/17"');
    expect(told).toContain('"action":"revoke"');
  },
);

it("the guide has a command for every route", () => {
  const commands = blocks.join("\n");
  const missing = Object.values(routes).filter(({ path }) => {
    const form = path.replaceAll(/\{id\}/g, "$(jq -r .id key.json)").split(/\{\w+\}/);
    const pattern = form.map((part) => part.replaceAll(/[$().[\]]/g, "\\$&")).join('[^/"]+');
    return !new RegExp(`\\$API${pattern}["?]`).test(commands);
  });
  expect(missing.map(({ path }) => path)).toEqual([]);
});
