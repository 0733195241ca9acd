import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { expect, onTestFinished, test } from "vitest";
import { backfill, compareCursors, loadPipelines, openState, parseCursor, sync } from "../src/index.ts";
import { startCommand, testFolder } from "./support/command.ts";
import { sendJson, startHttpServer } from "./support/http-server.ts";

const day = 86_400_000;
const firstDay = Date.parse("2025-01-01T00:00:00Z");

interface Reading {
  readonly id: number;
  readonly at: string;
  readonly version: number;
}

/** A source that gives what lies between two bounds, both inclusive, ten records a page. */
async function startSource() {
  const records = new Map<number, Reading>();
  const source = {
    records,
    /** Called before an answer is given; it waits for it. */
    onRequest: async (_until: string): Promise<void> => {},
    origin: "",
    requests: [] as string[],
  };
  const server = await startHttpServer(async ({ url }, response) => {
    const query = url.searchParams;
    const [since, until] = [query.get("from") ?? "", query.get("to") ?? ""];
    source.requests.push(`${since} ${until}`);
    await source.onRequest(until);
    const found = [...records.values()]
      .filter(({ at }) => Date.parse(at) >= Date.parse(since) && Date.parse(at) <= Date.parse(until))
      .sort((a, b) => Date.parse(a.at) - Date.parse(b.at) || a.id - b.id);
    const start = Number(query.get("token") ?? 0);
    const next = start + 10 < found.length ? String(start + 10) : null;
    sendJson(response, { data: found.slice(start, start + 10), next });
  });
  source.origin = server.origin;
  return source;
}

function pipelineFile(folder: string, origin: string): string {
  const file = join(folder, "readings.yaml");
  writeFileSync(
    file,
    `name: readings
input:
  type: httpPolling
  endpoint: ${origin}/readings
  dataField: data
  key: id
  pagination: { type: cursor, param: token, nextCursorField: next }
  statePersistence:
    timestamp: { field: at, queryParam: from, bound: inclusive }
    until: { queryParam: to, bound: inclusive }
    start: 2026-01-01T00:00:00Z
output: { type: database, connectionString: "sqlite:${join(folder, "readings.db")}", table: readings, key: id }
`,
  );
  return file;
}

function rowsOf(folder: string): Map<number, number> {
  const database = new DatabaseSync(join(folder, "readings.db"), { readOnly: true });
  onTestFinished(() => database.close());
  const rows = database.prepare("SELECT id, version FROM readings").all();
  return new Map(rows.map(({ id, version }) => [Number(id), Number(version)]));
}

function iso(milliseconds: number): string {
  return new Date(milliseconds).toISOString();
}

test("P3 P11: a backfill of last year next to 20 live runs: the live watermark only rises, and both deliver everything", async () => {
  const folder = testFolder();
  const source = await startSource();
  let id = 0;
  for (let at = 0; at < 365 * 4; at++) {
    source.records.set(++id, { id, at: iso(firstDay + at * (day / 4)), version: 1 });
  }
  const file = pipelineFile(folder, source.origin);
  const [pipeline] = await loadPipelines([file]);
  if (pipeline === undefined) throw new Error("no pipeline");
  const url = `sqlite:${join(folder, "state.db")}`;
  await using state = await openState(url);
  await using beside = await openState(url);

  // The backfill's requests wait for the live runs, so that the two take turns from start to end.
  let liveRuns = 0;
  let told: (() => void)[] = [];
  let asked = 0;
  source.onRequest = async (until) => {
    if (until >= "2026") return;
    asked += 1;
    const due = Math.min(20, Math.floor(asked / 4));
    while (liveRuns < due) await new Promise<void>((resolve) => told.push(resolve));
  };
  const filling = backfill(pipeline, {
    state: beside,
    from: "2025-01-01",
    to: "2025-12-31T23:59:59.999Z",
    step: "P1W",
    concurrency: 4,
  });
  const watermarks: string[] = [];
  const liveFrom = Date.parse("2026-01-01T00:00:00Z");
  for (let run = 0; run < 20; run++) {
    for (let number = 0; number < 3; number++) {
      source.records.set(++id, { id, at: iso(liveFrom + (run * 3 + number) * 1000), version: 1 });
    }
    // A record of last year changes: it leaves the range of the backfill, and the live stream has it now.
    const changed = 1 + run * 50;
    source.records.set(changed, { id: changed, at: iso(liveFrom + run * 3000 + 2500), version: 2 });
    const { newCursor } = await sync(pipeline, { state });
    watermarks.push(newCursor ?? "");
    liveRuns += 1;
    for (const tell of told.splice(0)) tell();
  }
  told = [];
  const result = await filling;
  expect(result.status).toBe("completed");
  for (const [index, watermark] of watermarks.entries()) {
    const before = watermarks[index - 1];
    if (before === undefined) continue;
    const [older, newer] = [before, watermark].map((value) => parseCursor("timestamp_utc", value));
    if (older !== undefined && newer !== undefined) expect(compareCursors(newer, older)).toBeGreaterThan(0);
  }
  expect((await state.get(pipeline.key))?.position.watermark).toBe(watermarks.at(-1));
  const expected = new Map([...source.records.values()].map((record) => [record.id, record.version]));
  expect(rowsOf(folder)).toEqual(expected);
  const outcomes = (await state.runs(pipeline.key)).items.map(({ kind, outcome }) => `${kind} ${outcome}`);
  expect(outcomes.filter((outcome) => outcome === "live completed")).toHaveLength(20);
  expect(outcomes.filter((outcome) => outcome === "backfill completed")).toHaveLength(1);
});

test("P1 P8: a backfill whose process is killed goes on with --resume, and reads only what is left", async () => {
  const folder = testFolder();
  const source = await startSource();
  for (let id = 1; id <= 100; id++) {
    source.records.set(id, { id, at: iso(firstDay + id * day), version: 1 });
  }
  const file = pipelineFile(folder, source.origin);
  const range = ["--from", "2025-01-01", "--to", "2025-04-30", "--step", "P10D"];
  const killed = startCommand(folder, "backfill", file, ...range, "--json");
  const reached = new Promise<void>((resolve) => {
    source.onRequest = () => {
      if (source.requests.length < 8) return Promise.resolve();
      resolve();
      return new Promise(() => {});
    };
  });
  await reached;
  killed.process.kill("SIGKILL");
  const { stderr } = await killed.ended;
  const id = /backfill (\S+): from/.exec(stderr)?.[1] ?? "";
  const before = source.requests.length;
  source.onRequest = async () => {};
  const resumed = await startCommand(folder, "backfill", file, "--resume", id, "--step", "P10D", "--json")
    .ended;
  expect(resumed.code).toBe(0);
  expect(JSON.parse(resumed.stdout)).toMatchObject({ status: "completed", backfill: id });
  // The first slice is asked for more widely, as long as the form of the source's timestamps is not known.
  expect(source.requests.length - before).toBeLessThanOrEqual(7);
  expect(rowsOf(folder).size).toBe(100);
  const shown = await startCommand(folder, "state", "coverage", "readings", "default", "--json").ended;
  expect(shown.stderr).toBe("");
  expect(shown.stdout).toContain("2025-04-30T00:00:00Z");
  const again = await startCommand(folder, "backfill", file, "--resume", id).ended;
  expect(again.code).toBe(2);
  expect(again.stderr).toContain(`there is no backfill ${id} to go on with`);
});

test("a backfill into an output that prints leaves stdout to the records", async () => {
  const folder = testFolder();
  const source = await startSource();
  for (let id = 1; id <= 3; id++) {
    source.records.set(id, { id, at: iso(firstDay + id * day), version: 1 });
  }
  const file = pipelineFile(folder, source.origin);
  writeFileSync(file, readFileSync(file, "utf8").replace(/^output:[\s\S]*/m, "output: { type: console }\n"));
  const range = ["--from", "2025-01-01", "--to", "2025-01-31"];
  const { stdout, stderr } = await startCommand(folder, "backfill", file, ...range).ended;
  const printed = stdout
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line).id);
  expect(printed).toEqual([1, 2, 3]);
  expect(stderr).toContain("3 written");
});
