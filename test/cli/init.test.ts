import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { describe, expect, it } from "vitest";
import { events, sourceServer } from "./source-server.ts";
import { execute, jsonOf, temporaryFolder, tidemark } from "./support.ts";

const http = ["--endpoint", "https://api.example.com/events"];
const database = ["--connection", "sqlite:./app.db", "--table", "orders"];

describe("tidemark init", () => {
  it("writes pipelines that validate without a word, for every source, cursor and output", async () => {
    const cwd = temporaryFolder();
    let count = 0;
    for (const source of [http, database]) {
      for (const output of ["sqlite", "postgres", "jsonl"]) {
        for (const cursor of ["timestamp", "id"]) {
          count += 1;
          const name = `my events ${count}`;
          const args = ["--name", name, "--key", "event.id", "--output", output, "--cursor", cursor];
          const written = await execute(["init", "--yes", ...source, ...args], { cwd });
          expect(written.stderr).toContain(`tidemark run my-events-${count}.yaml --dry-run`);
          expect(written.stdout).toBe(`wrote my-events-${count}.yaml\n`);
          expect(written.code).toBe(0);
          const text = readFileSync(join(cwd, `my-events-${count}.yaml`), "utf8");
          const [, schema = ""] = /^# yaml-language-server: \$schema=(\S+)\n/.exec(text) ?? [];
          expect(JSON.parse(readFileSync(resolve(cwd, schema), "utf8"))).toHaveProperty("$schema");
        }
      }
    }
    const checked = await execute(["validate", "."], { cwd });
    expect(checked.stdout).toBe("");
    expect(checked.stderr).toBe("valid\n");
    expect(readdirSync(cwd)).toHaveLength(count);
  });

  it("writes a pipeline that runs", async () => {
    const cwd = temporaryFolder();
    const source = await sourceServer(events(2));
    const args = [
      "init",
      "feed.yaml",
      "--name",
      "feed",
      "--endpoint",
      source.endpoint,
      "--data-field",
      "events",
    ];
    const more = ["--cursor-field", "at", "--query-param", "since", "--json"];
    const written = await tidemark([...args, ...more], { cwd });
    expect(jsonOf(written)).toEqual({ file: "feed.yaml", diagnostics: [] });
    const ended = await tidemark(["run", "feed.yaml", "--json"], { cwd });
    expect(jsonOf(ended)).toMatchObject({ status: "completed", records_written: 2 });
    const db = new DatabaseSync(join(cwd, "feed.db"), { readOnly: true });
    expect(db.prepare("SELECT count(*) AS n FROM feed").get()).toEqual({ n: 2 });
    db.close();
  });

  it("writes a pipeline from a database that runs, and runs again", async () => {
    const cwd = temporaryFolder();
    const app = new DatabaseSync(join(cwd, "app.db"));
    app.exec("CREATE TABLE orders (id INTEGER PRIMARY KEY, updated_at TEXT)");
    const add = app.prepare("INSERT INTO orders VALUES (?, ?)");
    for (const { id, at } of events(3)) add.run(id, at);
    await execute(["init", "orders.yaml", "--name", "orders", ...database, "--output", "jsonl", "--yes"], {
      cwd,
    });
    const first = await execute(["run", "orders.yaml", "--json"], { cwd });
    expect(jsonOf(first)).toMatchObject({ status: "completed", records_written: 3 });
    for (const { id, at } of events(1, 4)) add.run(id, at);
    app.close();
    const second = await execute(["run", "orders.yaml", "--json"], { cwd });
    expect(jsonOf(second)).toMatchObject({
      status: "completed",
      records_written: 1,
      lower_bound: "2026-01-01T00:03:00Z",
    });
    expect(readFileSync(join(cwd, "orders.jsonl"), "utf8").trimEnd().split("\n")).toHaveLength(4);
  });

  const envelope = ["--data-field", "data", "--limit-param", "per_page", "--limit", "50"];
  it.each([
    [["--paging", "page"], "type: page param: page limitParam: per_page limit: 50"],
    [
      ["--paging", "offset", "--page-param", "skip"],
      "type: offset param: skip limitParam: per_page limit: 50",
    ],
    [
      ["--paging", "cursor", "--next-field", "meta.next"],
      "type: cursor param: page_token nextCursorField: meta.next limitParam: per_page limit: 50",
    ],
    [["--paging", "link"], "type: link limitParam: per_page limit: 50"],
    [
      ["--paging", "link", "--next-field", "links.next"],
      "type: link nextCursorField: links.next limitParam: per_page limit: 50",
    ],
  ])("writes the paging that is asked for: %j", async (args, lines) => {
    const cwd = temporaryFolder();
    const written = await execute(["init", "x.yaml", ...http, ...envelope, ...args, "--json"], { cwd });
    expect(jsonOf(written)).toEqual({ file: "x.yaml", diagnostics: [] });
    const text = readFileSync(join(cwd, "x.yaml"), "utf8").replace(/\s+/g, " ");
    expect(text).toContain(`pagination: ${lines} statePersistence:`);
  });

  it.each([
    [["--sign-in", "bearer"], ["API_TOKEN"], "type: bearer"],
    [["--sign-in", "basic"], ["API_USER", "API_PASSWORD"], "type: basic"],
    [["--sign-in", "apiKey"], ["API_KEY"], "name: X-API-Key"],
    [
      ["--sign-in", "oauth", "--token-url", "https://login.example.com/token"],
      ["CLIENT_ID", "CLIENT_SECRET"],
      "tokenUrl: https://login.example.com/token",
    ],
  ])("writes the sign-in that is asked for, with the secrets left to the environment: %j", async (...all) => {
    const [args, names, line] = all;
    const cwd = temporaryFolder();
    const written = await execute(["init", "x.yaml", ...http, ...args, "--yes"], { cwd });
    expect(written.code).toBe(0);
    expect(readFileSync(join(cwd, "x.yaml"), "utf8")).toContain(line);
    for (const name of names) expect(written.stderr).toContain(`the environment variable ${name} is not set`);
    const env = Object.fromEntries(names.map((name) => [name, "s3cr3t-enough"]));
    expect((await execute(["validate", "x.yaml"], { cwd, env })).stderr).toBe("valid\n");
  });

  it.each([
    ["My events: daily", "my-events-daily"],
    ["../Übersicht (neu)", "übersicht-neu"],
    ["日本/注文", "日本-注文"],
    ["👍", "pipeline"],
    ["-v", "v"],
  ])("names the file after the pipeline, as somebody would: %s", async (name, file) => {
    const cwd = temporaryFolder();
    const written = await execute(["init", ...http, "--name", name, "--json"], { cwd });
    expect(jsonOf(written)).toMatchObject({ file: `${file}.yaml` });
    expect(readdirSync(cwd)).toEqual([`${file}.yaml`]);
    const text = readFileSync(join(cwd, `${file}.yaml`), "utf8");
    expect(text).toContain(`table: ${file.replaceAll("-", "_")}\n`);
  });

  it("leads editors to the schema of the installed package, from the file's own folder", async () => {
    const cwd = temporaryFolder();
    const schema = join(cwd, "node_modules", "tidemark", "schema");
    mkdirSync(schema, { recursive: true });
    mkdirSync(join(cwd, "pipelines"));
    writeFileSync(join(schema, "pipeline.schema.json"), "{}");
    await execute(["init", "here.yaml", ...http, "--yes"], { cwd });
    await execute(["init", "pipelines/there.yaml", ...http, "--yes"], { cwd });
    const first = (file: string) => readFileSync(join(cwd, file), "utf8").split("\n")[0];
    const path = "node_modules/tidemark/schema/pipeline.schema.json";
    expect(first("here.yaml")).toBe(`# yaml-language-server: $schema=./${path}`);
    expect(first("pipelines/there.yaml")).toBe(`# yaml-language-server: $schema=../${path}`);
  });

  it("never overwrites a file without --force", async () => {
    const cwd = temporaryFolder();
    writeFileSync(join(cwd, "mine.yaml"), "mine\n");
    const refused = await execute(["init", "mine.yaml", ...http, "--yes"], { cwd });
    expect(refused.stderr).toContain("mine.yaml exists already");
    expect(refused.stderr).toContain("--force");
    expect(refused.code).toBe(2);
    expect(readFileSync(join(cwd, "mine.yaml"), "utf8")).toBe("mine\n");
    expect((await execute(["init", "mine.yaml", ...http, "--yes", "--force"], { cwd })).code).toBe(0);
    expect(readFileSync(join(cwd, "mine.yaml"), "utf8")).toContain("httpPolling");
  });

  it.each([
    [[], "--endpoint <url> must be given"],
    [["--table", "t"], "--connection <url> must be given"],
    [["--endpoint", "example.com"], "--endpoint: an address begins with https://"],
    [["--connection", "postgres://u:secret1@h/d", "--table", "t"], "a password does not belong in the file"],
    [[...http, "--key", "a..b"], "--key: a path"],
    [[...http, "--data-field", "data."], "--data-field: a path"],
    [[...http, "--sign-in", "oauth"], "--token-url <url> must be given"],
    [
      [...http, "--sign-in", "apiKey", "--key-header", "X Key"],
      "--key-header: that is not the name of a header",
    ],
    [[...http, "--paging", "page", "--limit-param", "n", "--limit", "0"], "--limit: give a whole number"],
    [[...http, "--next-field", "next"], "--next-field has no meaning with these answers"],
    [[...http, "--name", " x"], "--name: it begins or ends with a space"],
    [[...http, "--output", "mongodb"], "Allowed choices are sqlite, postgres, jsonl"],
  ])("asks for what is missing or wrong: %j", async (args, reason) => {
    const cwd = temporaryFolder();
    const { code, stderr } = await execute(["init", "--yes", ...args], { cwd });
    expect(stderr).toContain(reason);
    expect(stderr).not.toContain("secret1");
    expect(code).toBe(2);
  });

  it("ends with exit code 2 where the pipeline that it wrote has an error", async () => {
    const cwd = temporaryFolder();
    const args = ["init", "x.yaml", "--endpoint", "https://api.example.com/{{x}}", "--yes"];
    const written = await execute(args, { cwd });
    expect(written.stderr).toContain("x.yaml:");
    expect(written.stderr).toContain("tidemark validate x.yaml");
    expect(written.code).toBe(2);
    expect((await execute([...args, "--force", "--json"], { cwd })).code).toBe(2);
  });

  it.each([
    ["https://api.example.com/events?token=abc", true],
    ["https://api.example.com/events?api_key=abc&limit=1", true],
    ["https://api.example.com/events?token=${API_TOKEN:-abc}", false],
    ["https://api.example.com/events?page_token=abc", false],
  ])("says where a secret may be in the address: %s", async (endpoint, says) => {
    const written = await execute(["init", "x.yaml", "--endpoint", endpoint, "--yes"], {
      cwd: temporaryFolder(),
    });
    expect(written.stderr.includes("If it is a secret, do not keep it in the file")).toBe(says);
    expect(written.stderr).not.toContain("abc");
    expect(written.code).toBe(0);
  });

  it("quotes what YAML would take for something else", async () => {
    const cwd = temporaryFolder();
    const args = [
      "init",
      "x.yaml",
      "--name",
      "yes: no # 1",
      "--endpoint",
      "${BASE:-https://x.example}/a",
      "--yes",
    ];
    expect((await execute(args, { cwd })).code).toBe(0);
    expect((await execute(["validate", "x.yaml"], { cwd })).stdout).toBe("");
  });
});
