import { readFileSync, writeFileSync } from "node:fs";
import type { ServerResponse } from "node:http";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { builtCommand } from "../support/built-command.ts";
import { events, pipelineYaml, type SourceServer, sourceServer } from "./source-server.ts";
import { execute, jsonOf, root, start, startProcess, temporaryFolder, tidemark } from "./support.ts";

const toFile = "{ type: file, path: ./out.jsonl }";

/** A source that keeps its second page back for ever, and tells when it was asked for it. */
async function holdingSource(): Promise<{ source: SourceServer; asked: Promise<void>; release(): void }> {
  const source = await sourceServer(events(5));
  const held: ServerResponse[] = [];
  const asked = new Promise<void>((resolve) => {
    source.intercept = (_, response, url) => {
      if (url.searchParams.get("page") !== "2") return false;
      held.push(response);
      resolve();
      return true;
    };
  });
  const release = (): void => {
    source.intercept = () => false;
    for (const response of held) response.destroy();
  };
  return { source, asked, release };
}

function idsInFile(cwd: string): unknown[] {
  const text = readFileSync(join(cwd, "out.jsonl"), "utf8");
  return text
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line).id);
}

describe("stopping a run", () => {
  it.each([
    // Through the launcher, which the command must have replaced for the signal to reach it.
    ["SIGINT", [join(root, "bin/tidemark")]],
    ["SIGTERM", builtCommand],
  ] as const)(
    "P8: %s commits the batch at hand, and the next run goes on",
    async (signal, [program, ...words]) => {
      const cwd = temporaryFolder();
      const { source, asked, release } = await holdingSource();
      writeFileSync(join(cwd, "events.yaml"), pipelineYaml("events", source.endpoint, toFile));
      const started = startProcess(program, [...words, "run", "events.yaml", "--json"], { cwd });
      await asked;
      started.child.kill(signal);
      const ended = await started.ended;
      expect(jsonOf(ended)).toMatchObject({
        status: "failed",
        records_written: 2,
        new_cursor: "2026-01-01T00:02:00Z",
        error: { code: "RUN_CANCELLED", recoverable: true, stream: "acme/events" },
      });
      expect(ended.stderr).toContain(`${signal}: stopping after the batch at hand`);
      expect(ended.code).toBe(1);
      expect(idsInFile(cwd)).toEqual([1, 2]);

      release();
      const next = await tidemark(["run", "events.yaml", "--json"], { cwd });
      expect(jsonOf(next)).toMatchObject({ status: "completed", lower_bound: "2026-01-01T00:02:00Z" });
      expect(idsInFile(cwd)).toEqual([1, 2, 3, 4, 5]);
    },
  );

  it("begins no further pipeline", async () => {
    const cwd = temporaryFolder();
    const { source, asked } = await holdingSource();
    writeFileSync(join(cwd, "a.yaml"), pipelineYaml("a", source.endpoint, toFile));
    const other = "{ type: file, path: ./b.jsonl }";
    writeFileSync(join(cwd, "b.yaml"), pipelineYaml("b", source.endpoint, other));
    const started = start(["run", "a.yaml", "b.yaml", "--json"], { cwd });
    await asked;
    started.child.kill("SIGINT");
    expect(jsonOf(await started.ended)).toMatchObject([
      { pipeline: "a", error: { code: "RUN_CANCELLED" } },
      { pipeline: "b", run_id: null, pages: 0, error: { code: "RUN_CANCELLED" } },
    ]);
    expect(jsonOf(await execute(["state", "list", "--json"], { cwd }))).toMatchObject([{ stream: "a" }]);
  });

  it("stops a dry run too, with nothing moved", async () => {
    const cwd = temporaryFolder();
    const { source, asked } = await holdingSource();
    writeFileSync(join(cwd, "events.yaml"), pipelineYaml("events", source.endpoint, toFile));
    const started = start(["run", "events.yaml", "--dry-run"], { cwd });
    await asked;
    started.child.kill("SIGINT");
    const ended = await started.ended;
    expect(ended.stderr).toContain("error RUN_CANCELLED");
    expect(ended.code).toBe(1);
  });

  it.each([
    ["SIGINT", 130],
    ["SIGTERM", 143],
  ] as const)("a second %s ends it at once with code %i", async (signal, code) => {
    const cwd = temporaryFolder();
    const source = await sourceServer(events(5));
    const filter = "filters: [{ type: script, path: ./stuck.ts }]\n";
    writeFileSync(join(cwd, "events.yaml"), pipelineYaml("events", source.endpoint, toFile, filter));
    writeFileSync(
      join(cwd, "stuck.ts"),
      "export default () => { console.error('stuck'); return new Promise(() => {}); };\n",
    );
    const started = start(["run", "events.yaml"], { cwd });
    await started.stderrHolds("stuck");
    started.child.kill(signal);
    await started.stderrHolds("once more stops at once");
    started.child.kill(signal);
    expect((await started.ended).code).toBe(code);
  });
});
