import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { describe, expect, it } from "vitest";
import { events, sourceServer } from "./source-server.ts";
import { jsonOf, temporaryFolder, tidemark } from "./support.ts";

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
          const written = await tidemark(["init", "--yes", ...source, ...args], { cwd });
          expect(written.stderr).toContain(`tidemark run my-events-${count}.yaml --dry-run`);
          expect(written.stdout).toBe(`wrote my-events-${count}.yaml\n`);
          expect(written.code).toBe(0);
          const text = readFileSync(join(cwd, `my-events-${count}.yaml`), "utf8");
          expect(text).toMatch(/^# yaml-language-server: \$schema=https:\/\/\S+pipeline\.schema\.json\n/);
        }
      }
    }
    const checked = await tidemark(["validate", "."], { cwd });
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
    await tidemark(["init", "orders.yaml", "--name", "orders", ...database, "--output", "jsonl", "--yes"], {
      cwd,
    });
    const first = await tidemark(["run", "orders.yaml", "--json"], { cwd });
    expect(jsonOf(first)).toMatchObject({ status: "completed", records_written: 3 });
    for (const { id, at } of events(1, 4)) add.run(id, at);
    app.close();
    const second = await tidemark(["run", "orders.yaml", "--json"], { cwd });
    expect(jsonOf(second)).toMatchObject({
      status: "completed",
      records_written: 1,
      lower_bound: "2026-01-01T00:03:00Z",
    });
    expect(readFileSync(join(cwd, "orders.jsonl"), "utf8").trimEnd().split("\n")).toHaveLength(4);
  });

  it("never overwrites a file without --force", async () => {
    const cwd = temporaryFolder();
    writeFileSync(join(cwd, "mine.yaml"), "mine\n");
    const refused = await tidemark(["init", "mine.yaml", ...http, "--yes"], { cwd });
    expect(refused.stderr).toContain("mine.yaml exists already");
    expect(refused.stderr).toContain("--force");
    expect(refused.code).toBe(2);
    expect(readFileSync(join(cwd, "mine.yaml"), "utf8")).toBe("mine\n");
    expect((await tidemark(["init", "mine.yaml", ...http, "--yes", "--force"], { cwd })).code).toBe(0);
    expect(readFileSync(join(cwd, "mine.yaml"), "utf8")).toContain("httpPolling");
  });

  it.each([
    [[], "--endpoint <url> must be given"],
    [["--table", "t"], "--connection <url> must be given"],
    [["--endpoint", "example.com"], "--endpoint: an address begins with https://"],
    [["--connection", "postgres://u:secret1@h/d", "--table", "t"], "a password does not belong in the file"],
    [[...http, "--key", "a..b"], "--key: a path"],
    [[...http, "--name", " x"], "--name: it begins or ends with a space"],
    [[...http, "--output", "mongodb"], "Allowed choices are sqlite, postgres, jsonl"],
  ])("asks for what is missing or wrong: %j", async (args, reason) => {
    const cwd = temporaryFolder();
    const { code, stderr } = await tidemark(["init", "--yes", ...args], { cwd });
    expect(stderr).toContain(reason);
    expect(stderr).not.toContain("secret1");
    expect(code).toBe(2);
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
    expect((await tidemark(args, { cwd })).code).toBe(0);
    expect((await tidemark(["validate", "x.yaml"], { cwd })).stdout).toBe("");
  });
});
