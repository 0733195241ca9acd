import { readFileSync, writeFileSync } from "node:fs";
import type { ServerResponse } from "node:http";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { openMemoryState } from "../../src/state/storage/memory/memory.ts";
import { openState } from "../../src/state/storage/open.ts";
import { serveState } from "../support/http-state.ts";
import { createTestDatabase } from "../support/postgres.ts";
import { events, pipelineYaml, type SourceServer, sourceServer } from "./source-server.ts";
import { jsonOf, type Started, start, temporaryFolder, tidemark } from "./support.ts";

const toFile = "{ type: file, path: ./out.jsonl }";
const toTable =
  '{ type: database, connectionString: "sqlite:./out.db", table: events, mode: upsert, key: id }';
/** A heartbeat every third of a second. */
const leaseSeconds = "leaseSeconds: 1\n";

/** Where each backend keeps the state of a test. */
const places: Readonly<Record<string, () => Promise<string>>> = {
  sqlite: async () => "sqlite:./state.db",
  files: async () => "file:./state",
  async postgres() {
    const database = await createTestDatabase();
    onTestFinished(() => database.drop());
    return database.url;
  },
  async service() {
    const listening = await serveState(openMemoryState());
    onTestFinished(() => listening.close(0));
    return listening.url;
  },
};

/** A source that keeps its second page back until it is released. */
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

/** A run in a process of its own, which has written one page and hangs in the next. */
async function hangingRun(
  command: readonly string[],
  output = toFile,
): Promise<{
  readonly cwd: string;
  readonly started: Started;
  readonly release: () => void;
}> {
  const cwd = temporaryFolder();
  const { source, asked, release } = await holdingSource();
  writeFileSync(join(cwd, "events.yaml"), pipelineYaml("events", source.endpoint, output, leaseSeconds));
  const started = start([...command, "--json"], { cwd });
  // A command that ends before it asks shows why.
  await Promise.race([asked, started.ended.then(({ stdout }) => expect.fail(stdout))]);
  return { cwd, started, release };
}

function idsInFile(cwd: string): unknown[] {
  const lines = readFileSync(join(cwd, "out.jsonl"), "utf8").trimEnd().split("\n");
  return lines.map((line) => JSON.parse(line).id);
}

for (const [name, place] of Object.entries(places)) {
  test(`P8 P12: a run of another process stops after its last checkpoint, and the next goes on: ${name}`, async () => {
    const url = await place();
    const { cwd, started, release } = await hangingRun(["run", "events.yaml", "--state", url]);
    const words = ["stop", "acme", "events", "--reason", "maintenance", "--wait", "--json"];
    const stopped = await tidemark([...words, "--state", url], { cwd });
    expect(jsonOf(stopped)).toMatchObject({
      connector: "acme",
      stream: "events",
      backfill: null,
      owner: { pid: started.child.pid },
      outcome: "stopped",
    });
    const ended = await started.ended;
    expect(ended.code).toBe(1);
    const run: unknown = jsonOf(ended);
    expect(run).toMatchObject({
      status: "failed",
      records_written: 2,
      new_cursor: "2026-01-01T00:02:00Z",
      error: {
        code: "RUN_STOPPED",
        message: "tester asked the run of acme/events to stop: maintenance",
        recoverable: false,
      },
    });
    expect(idsInFile(cwd)).toEqual([1, 2]);
    const again = await tidemark(["stop", "acme", "events", "--state", url], { cwd });
    expect(again.code).toBe(1);
    expect(again.stderr).toContain("no run of acme/events is at work");
    release();
    const next = await tidemark(["run", "events.yaml", "--json", "--state", url], { cwd });
    expect(jsonOf(next)).toMatchObject({ status: "completed", lower_bound: "2026-01-01T00:02:00Z" });
    expect(idsInFile(cwd)).toEqual([1, 2, 3, 4, 5]);
    const audit = await tidemark(["audit", "--verify", "--state", url], { cwd });
    expect(audit.code).toBe(0);
    const rows = await tidemark(["audit", "acme", "events", "--json", "--state", url], { cwd });
    expect(rows.stdout).toContain('"action":"stop"');
    expect(rows.stdout).toContain('"maintenance"');
  });
}

test("P11: a backfill is stopped by its id, and can be resumed", async () => {
  const state = ["--state", "sqlite:./state.db", "--json"];
  const range = ["--from", "2026-01-01", "--to", "2026-01-02"];
  const { cwd, started, release } = await hangingRun(
    ["backfill", "events.yaml", ...range, ...state],
    toTable,
  );
  await using store = await openState(`sqlite:${join(cwd, "state.db")}`);
  const [running] = await store.backfills({ connector: "acme", stream: "events" });
  const id = running?.backfill ?? "";
  const live = await tidemark(["stop", "acme", "events", ...state], { cwd });
  expect(live.code).toBe(1);
  expect(live.stdout).toContain(`--backfill ${id}`);
  const stopped = await tidemark(["stop", "acme", "events", "--backfill", id, "--wait", ...state], { cwd });
  expect(jsonOf(stopped)).toMatchObject({ backfill: id, outcome: "stopped" });
  expect(jsonOf(await started.ended)).toMatchObject({ error: { code: "RUN_STOPPED" } });
  release();
  const resumed = await tidemark(["backfill", "events.yaml", "--resume", id, ...state], { cwd });
  expect(resumed.code).toBe(0);
});

test("what is asked to stop is said, and shown with the state until the run has ended", async () => {
  const { cwd, started } = await hangingRun(["run", "events.yaml", "--state", "sqlite:./state.db"]);
  const state = ["--state", "sqlite:./state.db"];
  // Without heartbeats in between: the run's process stands still.
  started.child.kill("SIGSTOP");
  const asked = await tidemark(["stop", "acme", "events", "--reason", "maintenance", ...state], { cwd });
  expect(asked).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/run \S+ \(process \d+ on .*is asked to stop/),
  });
  const shown = await tidemark(["state", "show", "acme", "events", ...state], { cwd });
  expect(shown.stdout).toMatch(/asked to stop\s+by tester: maintenance/);
  const json = await tidemark(["state", "show", "acme", "events", "--json", ...state], { cwd });
  expect(jsonOf(json)).toMatchObject({ stop_requested: { actor: "tester", reason: "maintenance" } });
  started.child.kill("SIGCONT");
  expect(jsonOf(await started.ended)).toMatchObject({ error: { code: "RUN_STOPPED" } });
  const after = await tidemark(["state", "show", "acme", "events", "--json", ...state], { cwd });
  expect(jsonOf(after)).toMatchObject({ status: "failed", stop_requested: null });
});

test("a stream that is not stored has no run to stop", async () => {
  const ended = await tidemark(["stop", "acme", "evnts", "--json"], { cwd: temporaryFolder() });
  expect(ended.code).toBe(1);
  expect(jsonOf(ended)).toMatchObject({ error: { code: "STREAM_NOT_FOUND" } });
});
