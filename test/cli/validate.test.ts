import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { pipelineYaml } from "./source-server.ts";
import { execute, jsonOf, temporaryFolder, tidemark } from "./support.ts";

const toFile = "{ type: file, path: ./out.jsonl }";
const sound = pipelineYaml("events", "https://example.com/events", toFile);

const sixMistakes = `nmae: events
input:
  type: httpPolling
  endpoint: ftp://example.com
  pagination: { type: page, param: page, limit: 0 }
  statePersistence:
    timestamp: { field: at, queryParam: since, format: yyyy-QQ }
    order: sideways
filters:
  - { type: condition, expression: "amount >" }
output: { type: console }
`;

describe("tidemark validate", () => {
  it("says that a sound pipeline is valid, and opens nothing", async () => {
    const cwd = temporaryFolder();
    writeFileSync(join(cwd, "events.yaml"), sound);
    const { code, stdout, stderr } = await tidemark(["validate", "events.yaml"], { cwd });
    expect(stdout).toBe("");
    expect(stderr).toBe("valid\n");
    expect(code).toBe(0);
    expect(readdirSync(cwd)).toEqual(["events.yaml"]);
  });

  it("lists every error of every file at once, each at its line, in the files' order", async () => {
    const cwd = temporaryFolder();
    writeFileSync(join(cwd, "b.yaml"), sixMistakes);
    writeFileSync(join(cwd, "a.yaml"), sound.replace("dataField", "datafield"));
    const { code, stdout, stderr } = await execute(["validate", "b.yaml", "a.yaml", "none.yaml"], { cwd });
    const lines = stdout.trimEnd().split("\n");
    for (const line of lines) expect(line).toMatch(/^\S+:\d+:\d+ [A-Z_]+ \S/);
    const places = lines.map((line) => line.split(":").slice(0, 2).join(":"));
    expect(places).toEqual(places.toSorted((a, b) => a.localeCompare(b, "en", { numeric: true })));
    for (const place of [
      "a.yaml:7",
      "b.yaml:1",
      "b.yaml:4",
      "b.yaml:5",
      "b.yaml:7",
      "b.yaml:8",
      "b.yaml:10",
    ]) {
      expect(places).toContain(place);
    }
    expect(stdout).toMatch(/^none\.yaml:1:1 PIPELINE_NOT_FOUND /m);
    expect(stderr).toBe(`${lines.length} errors\n`);
    expect(code).toBe(2);
  });

  it("gives the list as JSON", async () => {
    const cwd = temporaryFolder();
    writeFileSync(join(cwd, "events.yaml"), sound.replace("dataField", "datafield"));
    const ended = await execute(["validate", "events.yaml", "--json"], { cwd });
    expect(jsonOf(ended)).toMatchObject([
      { file: "events.yaml", line: 7, column: 3, severity: "error", code: "KEY_UNKNOWN" },
    ]);
    expect(ended.stderr).toBe("");
    expect(ended.code).toBe(2);
  });

  it("ends with 0 where there are only warnings", async () => {
    const cwd = temporaryFolder();
    const withoutCursor = sound.replace(/ {2}statePersistence:.*(?=output)/s, "");
    writeFileSync(join(cwd, "events.yaml"), withoutCursor);
    const { code, stdout, stderr } = await execute(["validate", "events.yaml"], { cwd });
    expect(stdout).toMatch(/^events\.yaml:\d+:\d+ NO_CURSOR warning: /);
    expect(stderr).toBe("valid, 1 warning\n");
    expect(code).toBe(0);
  });

  it("takes folders, and variables from --param", async () => {
    const cwd = temporaryFolder();
    mkdirSync(join(cwd, "pipelines"));
    writeFileSync(join(cwd, "pipelines/a.yml"), pipelineYaml("a", "${BASE}/a", toFile));
    const missing = await execute(["validate", "pipelines"], { cwd });
    expect(missing.stdout).toMatch(/^pipelines\/a\.yml:6:\d+ ENV_MISSING .*BASE/);
    expect(missing.code).toBe(2);
    const given = await execute(["validate", "pipelines", "--param", "BASE=http://x.example"], { cwd });
    expect(given.stdout).toBe("");
    expect(given.code).toBe(0);
  });

  it("P14: shows no secret in what it says of a value", async () => {
    const cwd = temporaryFolder();
    const authentication =
      "  authentication: { type: bearer, tokn: '${API_TOKEN}', token: ['${API_TOKEN}'] }\n";
    writeFileSync(join(cwd, "a.yaml"), pipelineYaml("a", "https://x.example/", toFile, authentication));
    const env = { API_TOKEN: "tok-4711-very-secret" };
    const { code, stdout, stderr } = await tidemark(["validate", "a.yaml"], { cwd, env });
    expect(code).toBe(2);
    expect(stdout + stderr).not.toContain(env.API_TOKEN);
  });
});
