import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { events, pipelineYaml, sourceServer } from "./source-server.ts";
import { temporaryFolder, tidemark } from "./support.ts";

it.each([
  ["named in the environment is handed on", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", true],
  ["that is none is not", "nonsense", false],
])("a trace %s with what a run asks its source", async (_, TRACEPARENT, handed) => {
  const cwd = temporaryFolder();
  const source = await sourceServer(events(1));
  const seen: unknown[] = [];
  source.intercept = ({ headers }) => {
    seen.push(headers.traceparent, headers.tracestate);
    return false;
  };
  writeFileSync(join(cwd, "a.yaml"), pipelineYaml("a", source.endpoint, "{ type: file, path: ./a.jsonl }"));
  const { code } = await tidemark(["run", "a.yaml"], { cwd, env: { TRACEPARENT, TRACESTATE: "vendor=1" } });
  expect(code).toBe(0);
  expect(seen.slice(0, 2)).toEqual(handed ? [TRACEPARENT, "vendor=1"] : [undefined, undefined]);
});
