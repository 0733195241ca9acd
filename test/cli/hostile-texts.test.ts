import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { stringify } from "yaml";
import { deltaRun, openState } from "../../src/index.ts";
import { type HttpTestServer, sendJson, startHttpServer } from "../support/http-server.ts";
import { type Ended, execute, root, start, temporaryFolder, tidemark } from "./support.ts";

/** Clears the screen in two ways, names the window, writes over the line, turns the direction. */
const hostile = "\u001b[2J\u009b2J\u001b]0;owned\u0007over\r\u202eback\u2066\u007f";
/** Names hold no control characters, and may hold any other. */
const turned = "\u202eback\u2066";
const key = { connector: `c${turned}`, stream: `s${turned}` };

/** All but the line breaks, tabs and colours of the command itself; there are no colours where nobody looks. */
const obeyed = /(?![\n\t])\p{Cc}|[\u2028-\u202e\u2066-\u2069]/u;

function expectVisible({ stdout, stderr }: Pick<Ended, "stdout" | "stderr">): void {
  for (const text of [stdout, stderr]) {
    const at = text.search(obeyed);
    expect(at === -1 ? "" : JSON.stringify(text.slice(Math.max(0, at - 60), at + 20))).toBe("");
  }
  // The text did get there, so that the test tests something.
  expect(stdout + stderr).toContain("back");
}

/** A source whose records, headers and refusals are hostile. */
function startSource(): Promise<HttpTestServer> {
  return startHttpServer(({ url }, response) => {
    if (url.pathname === "/refuses") {
      response.writeHead(400, { "content-type": "text/plain; charset=utf-8", "x-why": "back" });
      response.end(`no${hostile}`);
      return;
    }
    sendJson(response, [{ id: 1, text: hostile, updated_at: "2026-01-01T00:00:00Z" }]);
  });
}

function pipelineAt(origin: string, path: string, output: unknown): string {
  return stringify({
    name: `n${turned}`,
    ...key,
    input: {
      type: "httpPolling",
      endpoint: `${origin}${path}`,
      key: "id",
      statePersistence: {
        timestamp: { enabled: true, field: "updated_at", queryParam: "since" },
        order: "ascending",
        until: { queryParam: "until" },
      },
    },
    output,
  });
}

const toFile = { type: "file", path: "./out.jsonl" };

async function storedStream(cwd: string): Promise<void> {
  await using state = await openState(`sqlite:${join(cwd, ".tidemark/state.db")}`);
  await deltaRun(state, { ...key, cursorType: "opaque_token", actor: `a${hostile}` }, async (run) => {
    run.setNewCursor(`t${hostile}`);
    run.setMetadata({ [hostile]: hostile });
  });
  await deltaRun(state, { ...key, cursorType: "opaque_token" }, () => {
    throw new Error(`failed${hostile}`);
  }).catch(() => {});
}

describe("no text of files, records, answers or the state reaches a terminal as it is", () => {
  it("with the commands on the state", async () => {
    const cwd = temporaryFolder();
    await storedStream(cwd);
    const { connector, stream } = key;
    const commands = [
      ["state", "list"],
      ["state", "show", connector, stream],
      ["state", "history", connector, stream],
      ["state", "coverage", connector, stream],
      ["state", "export"],
      ["state", "reset", connector, stream, "--reason", hostile, "--yes"],
      ["state", "set", connector, stream, `u${hostile}`, "--reason", hostile],
      ["audit"],
      ["audit", connector, stream],
      ["state", "show", `missing${hostile}`, stream],
      ["state", "show", connector, stream, `--wrong${hostile}`],
      [`wrong${hostile}`],
    ];
    for (const args of commands) {
      expectVisible(await execute(args, { cwd }));
      expectVisible(await execute([...args, "--json"], { cwd }));
    }
  });

  it("with the commands on keys", async () => {
    const cwd = temporaryFolder();
    await tidemark(["keys", "create", "--scope", "read", "--name", hostile], { cwd });
    for (const args of [
      ["keys", "list"],
      ["keys", "history"],
    ]) {
      const ended = await tidemark(args, { cwd, env: { TIDEMARK_ACTOR: hostile } });
      expect(ended.stdout).not.toMatch(obeyed);
    }
    expectVisible(await tidemark(["keys", "list"], { cwd }));
  });

  it("with the commands on pipelines", async () => {
    const cwd = temporaryFolder();
    await using source = await startSource();
    writeFileSync(join(cwd, "good.yaml"), pipelineAt(source.origin, "/", toFile));
    writeFileSync(join(cwd, "console.yaml"), pipelineAt(source.origin, "/", { type: "console" }));
    writeFileSync(join(cwd, "refused.yaml"), pipelineAt(source.origin, "/refuses", toFile));
    writeFileSync(
      join(cwd, "wrong.yaml"),
      pipelineAt(source.origin, "/", { type: `file${hostile}`, [`path${hostile}`]: hostile }),
    );
    const range = ["--from", "2026-01-01T00:00:00Z", "--to", "2026-01-02T00:00:00Z"];
    const commands = [
      ["run", "good.yaml"],
      ["run", "console.yaml", "--dry-run"],
      ["run", "refused.yaml"],
      ["run", `missing${hostile}.yaml`],
      ["validate", "wrong.yaml"],
      ["backfill", "good.yaml", ...range],
      ["verify", "refused.yaml"],
    ];
    for (const args of commands) {
      expectVisible(await execute(args, { cwd }));
      expectVisible(await execute([...args, "--json"], { cwd }));
    }
  });

  it("with the logs of what goes on and on", async () => {
    const cwd = temporaryFolder();
    await using source = await startSource();
    const refused = pipelineAt(source.origin, "/refuses", toFile);
    const scheduled = refused.replace("input:\n", 'input:\n  schedule: "* * * * * *"\n');
    writeFileSync(join(cwd, "refused.yaml"), scheduled);
    const running = start(["start", "refused.yaml", "--no-service"], { cwd });
    await running.stderrHolds("run failed");
    running.child.kill("SIGTERM");
    expectVisible(await running.ended);
  });
});

it("everything that a command writes goes through the one place that sees to it", () => {
  const folder = join(root, "src/cli");
  const files = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((file) =>
    file.endsWith(".ts"),
  );
  const writers = files.filter((file) => {
    const text = readFileSync(join(folder, file), "utf8");
    return /process\.std(?:out|err)\.write|\bconsole\.\w+\(/.test(text);
  });
  // `main.ts` has one message, for an old Node that could load nothing else.
  expect(writers.toSorted()).toEqual(["main.ts", "terminal.ts"]);
});
