import { writeFileSync } from "node:fs";
import type { ServerResponse } from "node:http";
import { join } from "node:path";
import { expect, it } from "vitest";
import { events, pipelineYaml, sourceServer } from "./source-server.ts";
import { jsonOf, start, temporaryFolder, tidemark } from "./support.ts";

it("an error of a pipeline that is over cuts no other off, and the command ends with 1", async () => {
  const cwd = temporaryFolder();
  const source = await sourceServer(events(1));
  const asked = Promise.withResolvers<ServerResponse>();
  source.intercept = (_, response, url) => {
    if (url.pathname !== "/held") return false;
    asked.resolve(response);
    return true;
  };
  const script =
    "export default (r) => { setTimeout(() => { throw new Error('late'); }, 1000); return r; };\n";
  writeFileSync(join(cwd, "s.mjs"), script);
  const filter = "filters: [{ type: script, path: ./s.mjs }]\n";
  const toFile = (name: string): string => `{ type: file, path: ./${name}.jsonl }`;
  writeFileSync(join(cwd, "a.yaml"), pipelineYaml("a", source.endpoint, toFile("a"), filter));
  const held = source.endpoint.replace("/events", "/held");
  writeFileSync(join(cwd, "b.yaml"), pipelineYaml("b", held, toFile("b")));
  const started = start(["run", "a.yaml", "b.yaml", "--json"], { cwd });
  const told = Promise.withResolvers<void>();
  let stderr = "";
  started.child.stderr?.on("data", (text: string) => {
    stderr += text;
    if (stderr.includes("FILTER_FAILED")) told.resolve();
  });
  const response = await asked.promise;
  await told.promise;
  source.intercept = () => false;
  response.end(JSON.stringify({ events: [] }));
  const ended = await started.ended;
  expect(ended.code).toBe(1);
  expect(stderr).toContain("pipeline a: script ./s.mjs: it threw when nothing waited for it: late");
  expect(jsonOf(ended)).toMatchObject([{ status: "completed" }, { status: "completed" }]);
});

it("process.exit() at the top of a script is an error of the file", async () => {
  const cwd = temporaryFolder();
  writeFileSync(join(cwd, "s.mjs"), "process.exit(0);\n");
  const filter = "filters: [{ type: script, path: ./s.mjs }]\n";
  writeFileSync(
    join(cwd, "a.yaml"),
    pipelineYaml("a", "http://127.0.0.1:1/events", "{ type: file, path: ./a.jsonl }", filter),
  );
  const ended = await tidemark(["validate", "a.yaml"], { cwd });
  expect(ended.code).toBe(2);
  expect(ended.stdout + ended.stderr).toMatch(/a\.yaml:\d+:\d+ SCRIPT_INVALID .*called process\.exit\(\)/);
});
