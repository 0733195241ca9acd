import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { describe, expect, it } from "vitest";
import { processOwner } from "../../src/state/owner.ts";
import { openState } from "../../src/state/storage/open.ts";
import { events, pipelineYaml, type SourceServer, sourceServer } from "./source-server.ts";
import { execute, jsonOf, start, temporaryFolder, tidemark } from "./support.ts";

const toTable = "{ type: database, connectionString: 'sqlite:./out.db', table: events, key: id }";
const toFile = "{ type: file, path: ./out.jsonl }";
const toConsole = "{ type: console }";

async function folderWithPipeline(
  output: string,
  more?: string,
): Promise<{ cwd: string; source: SourceServer }> {
  const cwd = temporaryFolder();
  const source = await sourceServer(events(5));
  writeFileSync(join(cwd, "events.yaml"), pipelineYaml("events", source.endpoint, output, more));
  return { cwd, source };
}

function idsInTable(cwd: string): unknown[] {
  const db = new DatabaseSync(join(cwd, "out.db"), { readOnly: true });
  try {
    return db
      .prepare("SELECT id FROM events ORDER BY id")
      .all()
      .map(({ id }) => id);
  } finally {
    db.close();
  }
}

function idsIn(text: string): unknown[] {
  return text
    .split("\n")
    .filter((line) => line.startsWith("{"))
    .map((line) => JSON.parse(line).id);
}

describe("tidemark run", () => {
  it("fetches everything, then only what is new, and sums up each run", async () => {
    const { cwd, source } = await folderWithPipeline(toTable);
    const first = await tidemark(["run", "events.yaml"], { cwd });
    expect(first.stderr).toContain("events: started (acme/events)");
    expect(first.stdout).toMatch(/^✓ events {2}completed in /m);
    expect(first.stdout).toMatch(/^ {4}records +5 read, 5 written$/m);
    expect(first.stdout).toMatch(/^ {4}pages +4, \d+ checkpoints?$/m);
    expect(first.stdout).toMatch(/^ {4}watermark +none → 2026-01-01T00:05:00Z$/m);
    expect(first.code).toBe(0);
    source.events.push(...events(2, 6));
    const second = await tidemark(["run", "events.yaml"], { cwd });
    expect(second.stdout).toMatch(/, 2 written$/m);
    expect(second.stdout).toMatch(/^ {4}watermark +2026-01-01T00:05:00Z → 2026-01-01T00:07:00Z$/m);
    expect(idsInTable(cwd)).toEqual([1, 2, 3, 4, 5, 6, 7]);
    const third = await tidemark(["run", "events.yaml"], { cwd });
    expect(third.stdout).toMatch(/^ {4}watermark +2026-01-01T00:07:00Z, unchanged$/m);
  });

  it("gives one JSON object for one pipeline, and nothing else on stdout", async () => {
    const { cwd } = await folderWithPipeline(toFile);
    const ended = await tidemark(["run", "events.yaml", "--json"], { cwd });
    expect(jsonOf(ended)).toEqual({
      pipeline: "events",
      connector: "acme",
      stream: "events",
      status: "completed",
      run_id: expect.any(String),
      records_read: 5,
      records_written: 5,
      records_refused: 0,
      records_dead_lettered: 0,
      records_filtered: 0,
      filters: [],
      pages: 4,
      checkpoints: expect.any(Number),
      lower_bound: null,
      new_cursor: "2026-01-01T00:05:00Z",
      duration_ms: expect.any(Number),
      warnings: [],
      error: null,
    });
    expect(ended.stderr).toContain("completed");
    expect(ended.code).toBe(0);
  });

  it("runs the pipelines of a folder one after another; one that fails does not stop the others", async () => {
    const cwd = temporaryFolder();
    const source = await sourceServer(events(3));
    source.intercept = (_, response, url) => {
      if (url.pathname !== "/broken") return false;
      response.writeHead(404).end("no such thing");
      return true;
    };
    mkdirSync(join(cwd, "pipelines"));
    const broken = source.endpoint.replace("/events", "/broken");
    for (const [name, endpoint] of [
      ["a", broken],
      ["b", source.endpoint],
      ["c", source.endpoint],
    ] as const) {
      const output = `{ type: file, path: ./${name}.jsonl }`;
      writeFileSync(join(cwd, `pipelines/${name}.yaml`), pipelineYaml(name, endpoint, output));
    }
    const ended = await execute(["run", "pipelines", "--json"], { cwd });
    expect(jsonOf(ended)).toMatchObject([
      {
        pipeline: "a",
        status: "failed",
        error: { code: "SOURCE_REFUSED", stream: "acme/a", recoverable: false },
      },
      { pipeline: "b", status: "completed", records_written: 3, error: null },
      { pipeline: "c", status: "completed", records_written: 3, error: null },
    ]);
    expect(ended.code).toBe(1);
    const human = await execute(["run", "pipelines/a.yaml", "pipelines/b.yaml"], { cwd });
    expect(human.stdout).toMatch(/^✗ a {2}failed in /m);
    expect(human.stderr).toMatch(/^error SOURCE_REFUSED {2}.*404/m);
    expect(human.stderr).toMatch(/^ {2}stream acme\/a$/m);
    expect(human.stderr).toMatch(/^→ /m);
    expect(human.stderr).toContain("2 pipelines: 1 failed, 1 completed");
    expect(human.code).toBe(1);
  });

  it("P11: a dry run shows the first records and the counts, and moves nothing", async () => {
    const { cwd, source } = await folderWithPipeline(toTable);
    source.events.push(...events(9, 6));
    const dry = await execute(["run", "events.yaml", "--dry-run"], { cwd });
    expect(idsIn(dry.stdout)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    expect(dry.stderr).toMatch(/^ {4}records +14 read, 14 would be written$/m);
    expect(dry.stderr).toMatch(/none → 2026-01-01T00:14:00Z \(not moved\)$/m);
    expect(dry.code).toBe(0);
    expect(readdirSync(cwd)).toEqual(["events.yaml"]);

    await execute(["run", "events.yaml"], { cwd });
    const before = await execute(["state", "show", "acme", "events", "--json"], { cwd });
    source.events.push(...events(1, 15));
    const asJson = await execute(["run", "events.yaml", "--dry-run", "--json"], { cwd });
    expect(jsonOf(asJson)).toMatchObject({
      dry_run: true,
      run_id: null,
      status: "completed",
      lower_bound: "2026-01-01T00:14:00Z",
      new_cursor: "2026-01-01T00:15:00Z",
      records_written: 1,
      records: [{ id: 15 }],
    });
    const after = await execute(["state", "show", "acme", "events", "--json"], { cwd });
    expect(after.stdout).toBe(before.stdout);
    expect(idsInTable(cwd)).toHaveLength(14);
  });

  it("starts over on purpose with --full-refresh, and the audit log tells", async () => {
    const { cwd, source } = await folderWithPipeline(toTable);
    await execute(["run", "events.yaml"], { cwd });
    source.requests.length = 0;
    const ended = await execute(["run", "events.yaml", "--full-refresh", "--json"], { cwd });
    expect(jsonOf(ended)).toMatchObject({ status: "completed", records_read: 5 });
    expect(source.requests[0]).not.toContain("since");
    const audit = jsonOf(await execute(["audit", "--json"], { cwd }));
    expect(audit).toContainEqual(
      expect.objectContaining({ actor: "tester", old_cursor: "2026-01-01T00:05:00Z" }),
    );
    expect(idsInTable(cwd)).toEqual([1, 2, 3, 4, 5]);
  });

  it.each([
    ["a file", toFile, (cwd: string) => idsIn(readFileSync(join(cwd, "out.jsonl"), "utf8"))],
    ["a table", "{ type: database, connectionString: sqlite:out.db, table: events }", idsInTable],
  ])(
    "refuses --full-refresh into %s that appends and holds records, unless that is meant",
    async (...all) => {
      const [, output, ids] = all;
      const { cwd } = await folderWithPipeline(output);
      const refresh = ["run", "events.yaml", "--full-refresh"];
      expect((await execute(refresh, { cwd })).code).toBe(0);
      const refused = await execute(refresh, { cwd });
      expect(refused.code).toBe(2);
      expect(refused.stderr).toContain("would be in it twice");
      expect(refused.stderr).toContain("--append-again");
      expect(ids(cwd)).toEqual([1, 2, 3, 4, 5]);
      // Nothing of the stream was touched.
      expect(jsonOf(await execute(["run", "events.yaml", "--json"], { cwd }))).toMatchObject({
        records_written: 0,
      });
      expect((await execute([...refresh, "--append-again"], { cwd })).code).toBe(0);
      expect(
        ids(cwd)
          .map(Number)
          .toSorted((a, b) => a - b),
      ).toEqual([1, 1, 2, 2, 3, 3, 4, 4, 5, 5]);
    },
  );

  it("takes --full-refresh into an output that appends and was emptied", async () => {
    const { cwd } = await folderWithPipeline(
      "{ type: database, connectionString: sqlite:out.db, table: events }",
    );
    await execute(["run", "events.yaml"], { cwd });
    const database = new DatabaseSync(join(cwd, "out.db"));
    database.exec("DELETE FROM events");
    database.close();
    expect((await execute(["run", "events.yaml", "--full-refresh"], { cwd })).code).toBe(0);
    expect(idsInTable(cwd)).toEqual([1, 2, 3, 4, 5]);
  });

  it("takes --append-again with --full-refresh only", async () => {
    const { cwd } = await folderWithPipeline(toFile);
    const refused = await execute(["run", "events.yaml", "--append-again"], { cwd });
    expect(refused.stderr).toContain("--append-again goes with --full-refresh");
    expect(refused.code).toBe(2);
  });

  it("fills in --param above the environment", async () => {
    const cwd = temporaryFolder();
    const source = await sourceServer(events(1));
    writeFileSync(join(cwd, "events.yaml"), pipelineYaml("events", "${HOST}/${PART:-none}", toFile));
    const host = source.endpoint.replace("/events", "");
    const args = ["run", "events.yaml", "--param", "PART=events", "-p", `HOST=${host}`];
    const ended = await execute(args, { cwd, env: { PART: "wrong" } });
    expect(ended.stderr).not.toContain("error");
    expect(source.requests[0]).toMatch(/^\/events/);
    expect(ended.code).toBe(0);
    const wrong = await execute(["run", "events.yaml", "--param", "PART"], { cwd });
    expect(wrong.stderr).toContain("NAME=VALUE");
    expect(wrong.code).toBe(2);
  });

  it("lists every error of a wrong pipeline and runs none, with code 2", async () => {
    const { cwd, source } = await folderWithPipeline(toFile);
    writeFileSync(join(cwd, "wrong.yaml"), "name: wrong\nouptut: { type: console }\n");
    const ended = await execute(["run", "events.yaml", "wrong.yaml"], { cwd });
    expect(ended.stderr).toMatch(/^wrong\.yaml:2:1 KEY_UNKNOWN .*output/m);
    expect(ended.stderr).toMatch(/^error PIPELINE_INVALID {2}the pipeline has \d errors; nothing was run$/m);
    expect(ended.stdout).toBe("");
    expect(ended.code).toBe(2);
    expect(source.requests).toEqual([]);
    const asJson = await execute(["run", "wrong.yaml", "--json"], { cwd });
    expect(jsonOf(asJson)).toMatchObject({
      error: { code: "PIPELINE_INVALID", where: { file: "wrong.yaml" } },
    });
    expect(asJson.code).toBe(2);
    const missing = await execute(["run", "missing.yaml"], { cwd });
    expect(missing.stderr).toContain("error PIPELINE_NOT_FOUND");
    expect(missing.code).toBe(2);
  });

  it("is skipped with code 0 while another run holds the stream", async () => {
    const { cwd, source } = await folderWithPipeline(toFile);
    await using state = await openState(`sqlite:${join(cwd, ".tidemark/state.db")}`);
    const key = { connector: "acme", stream: "events" };
    const held = await state.begin(key, { cursorType: "timestamp_utc", owner: processOwner() });
    const ended = await execute(["run", "events.yaml"], { cwd });
    expect(ended.stdout).toMatch(/^- events {2}skipped in /m);
    expect(ended.stdout).toContain(held.runId);
    expect(ended.code).toBe(0);
    expect(source.requests).toEqual([]);
    const asJson = await execute(["run", "events.yaml", "--json"], { cwd });
    expect(jsonOf(asJson)).toMatchObject({
      status: "skipped",
      run_id: null,
      warnings: [{ code: "RUN_ACTIVE" }],
    });
  });

  it("P10: fails on state that cannot be read, and neither starts over nor writes", async () => {
    const { cwd, source } = await folderWithPipeline(toFile);
    writeFileSync(join(cwd, "state.db"), "not a database");
    const ended = await tidemark(["run", "events.yaml", "--state", "sqlite:state.db", "--json"], { cwd });
    expect(jsonOf(ended)).toMatchObject({ status: "failed", error: { code: "STATE_UNREADABLE" } });
    expect(ended.code).toBe(1);
    expect(source.requests).toEqual([]);
    expect(existsSync(join(cwd, "out.jsonl"))).toBe(false);
    const nowhere = await tidemark(["run", "events.yaml", "--state", "mongodb://x", "--json"], { cwd });
    expect(jsonOf(nowhere)).toMatchObject({ status: "failed", error: { code: "STATE_URL_INVALID" } });
    expect(nowhere.code).toBe(2);
  });

  it("keeps the state in files where the pipeline asks for it, and not where --state says", async () => {
    const { cwd } = await folderWithPipeline(toTable);
    const text = readFileSync(join(cwd, "events.yaml"), "utf8");
    const kept = text.replace("    order: ascending\n", "    order: ascending\n    storagePath: ./kept\n");
    writeFileSync(join(cwd, "events.yaml"), kept);
    await execute(["run", "events.yaml", "--dry-run"], { cwd });
    expect(readdirSync(cwd)).toEqual(["events.yaml"]);
    const args = ["run", "events.yaml", "--json", "--state", "sqlite:unused.db"];
    expect(jsonOf(await execute(args, { cwd }))).toMatchObject({ status: "completed", records_written: 5 });
    const listed = await execute(["state", "list", "--json", "--state", "file:./kept"], { cwd });
    expect(jsonOf(listed)).toMatchObject([{ stream: "events", cursor_value: "2026-01-01T00:05:00Z" }]);
    expect(jsonOf(await execute(args, { cwd }))).toMatchObject({ records_written: 0 });
    expect(existsSync(join(cwd, "unused.db"))).toBe(false);
  });

  it("prints the records of a console output on stdout, and on stderr with --json", async () => {
    const { cwd } = await folderWithPipeline(toConsole);
    const plain = await execute(["run", "events.yaml"], { cwd });
    expect(plain.stdout.trimEnd().split("\n")).toHaveLength(5);
    expect(idsIn(plain.stdout)).toEqual([1, 2, 3, 4, 5]);
    expect(plain.stderr).toContain("✓ events  completed");
    const asJson = await execute(["run", "events.yaml", "--full-refresh", "--json"], { cwd });
    expect(jsonOf(asJson)).toMatchObject({ status: "completed" });
    expect(idsIn(asJson.stderr)).toEqual([1, 2, 3, 4, 5]);
  });

  it("keeps stdout to the JSON, whatever a pipeline's script prints", async () => {
    const filter = "filters: [{ type: script, path: ./chatty.ts }]\n";
    const { cwd } = await folderWithPipeline(toFile, filter);
    const chatty = `import { Readable } from "node:stream";
console.log("loaded");
process.stdout.write("written ");
Readable.from(["piped "]).pipe(process.stdout, { end: false });
export default async (r: object) => {
  console.info("hello");
  await new Promise<void>((taken) => process.stdout.write("called back ", () => taken()));
  process.stdout.write("in hex ".split("").map((c) => c.charCodeAt(0).toString(16)).join(""), "hex");
  return r;
};
`;
    writeFileSync(join(cwd, "chatty.ts"), chatty);
    const ended = await tidemark(["run", "events.yaml", "--json"], { cwd });
    expect(jsonOf(ended)).toMatchObject({ status: "completed", records_written: 5 });
    for (const text of ["loaded", "written", "piped", "hello", "called back", "in hex"])
      expect(ended.stderr).toContain(text);
  });

  it("P14: prints no secret, whatever the source answers and however much is asked for", async () => {
    const secrets = { API_TOKEN: "tok-4711-very-secret", DB_PASSWORD: "pass/word?&8" };
    const cwd = temporaryFolder();
    const source = await sourceServer(events(1));
    source.intercept = (request, response) => {
      response.writeHead(401).end(`no: ${request.headers.authorization} at ${request.url}`);
      return true;
    };
    const authentication = "  authentication: { type: bearer, token: '${API_TOKEN}' }\n";
    const database = `postgres://tide:${encodeURIComponent(secrets.DB_PASSWORD)}@127.0.0.1:1/none`;
    writeFileSync(join(cwd, "a.yaml"), pipelineYaml("a", source.endpoint, toFile, authentication));
    const toNowhere = `{ type: database, connectionString: "${database}", table: t, key: id }`;
    writeFileSync(join(cwd, "b.yaml"), pipelineYaml("b", source.endpoint, toNowhere));
    for (const more of [[], ["--json"], ["--dry-run"]]) {
      const env = { ...secrets, TIDEMARK_DEBUG: "1" };
      const ended = await tidemark(["run", "a.yaml", "b.yaml", ...more], { cwd, env });
      for (const secret of [...Object.values(secrets), encodeURIComponent(secrets.DB_PASSWORD)]) {
        expect(ended.stdout + ended.stderr).not.toContain(secret);
      }
      expect(ended.stdout + ended.stderr).toContain("401");
      expect(ended.code).toBe(1);
    }
    const stored = await tidemark(["state", "list", "--json"], { cwd });
    expect(stored.stdout).not.toContain(secrets.API_TOKEN);
    const url = `postgres://tide:${encodeURIComponent(secrets.DB_PASSWORD)}@127.0.0.1:1/none`;
    const noState = await tidemark(["state", "list", "--state", url], { cwd, env: { TIDEMARK_DEBUG: "1" } });
    expect(noState.code).toBe(1);
    expect(noState.stderr).toContain("STATE_UNAVAILABLE");
    expect(noState.stderr).not.toContain(encodeURIComponent(secrets.DB_PASSWORD));
  });

  it("goes on to its end when nobody reads its output any more", async () => {
    const { cwd } = await folderWithPipeline(toFile);
    const started = start(["run", "events.yaml"], { cwd });
    started.child.stdout?.destroy();
    const { code } = await started.ended;
    expect(code).toBe(0);
    expect(idsIn(readFileSync(join(cwd, "out.jsonl"), "utf8"))).toEqual([1, 2, 3, 4, 5]);
  });

  it("tells of what nobody caught in the same form, with code 1", async () => {
    const filter = "filters: [{ type: script, path: ./uncaught.ts }]\n";
    const { cwd } = await folderWithPipeline(toFile, filter);
    writeFileSync(
      join(cwd, "uncaught.ts"),
      "export default (record: object) => { void Promise.reject(new Error('astray')); return record; };\n",
    );
    const ended = await tidemark(["run", "events.yaml"], { cwd });
    expect(ended.stderr).toMatch(
      /^error FILTER_FAILED {2}pipeline events: script \.\/uncaught\.ts: a promise that nothing waited for was rejected: astray$/m,
    );
    expect(ended.stderr).toMatch(/^ {2}at .*uncaught\.ts:1:\d+$/m);
    expect(ended.stderr).not.toMatch(/^\s+at .*node:/m);
    expect(ended.code).toBe(1);
    const asJson = await tidemark(["run", "events.yaml", "--json"], { cwd });
    expect(jsonOf(asJson)).toMatchObject({
      status: "failed",
      records_written: 0,
      error: { code: "FILTER_FAILED", where: { line: 1 } },
    });
    expect(readFileSync(join(cwd, "out.jsonl"), "utf8")).toBe("");
  });
});
