import { appendFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { expect, test } from "vitest";
import { faultKinds } from "../bench/lab/fault-kinds.ts";
import { type IncidentKind, incidentKinds } from "../bench/lab/incident-kinds.ts";
import { runLab } from "../bench/lab/lab.ts";
import { readSink, SinkUnreadable } from "../bench/lab/sink.ts";
import { canHappen, type OutputKind, type WorldNeeds } from "../bench/lab/world.ts";
import { builtCommand } from "./support/built-command.ts";
import { testFolder } from "./support/command.ts";
import { inLongRun } from "./support/long-run.ts";

type Needs = Omit<WorldNeeds, "disturbedRuns"> & Required<Pick<WorldNeeds, "output" | "faults">>;

/** Each kind of fault once, each output with some. */
const eachOnce: readonly Needs[] = [
  { output: "postgres append", faults: ["database restart", "network freeze"], slowOutput: true },
  { output: "sqlite append", faults: ["two workers", "expired tokens"], compares: "text" },
  { output: "jsonl", faults: ["source cuts", "full disk"], clamped: true },
  {
    output: "postgres append, state within",
    faults: ["network cut", "network half-open"],
    compares: "text",
    clamped: true,
  },
  { output: "sqlite upsert", faults: ["pause past the lease", "source errors"], slowOutput: true },
  { output: "postgres upsert, state within", faults: ["network delay", "kill"], clamped: true },
];

const moreOften: readonly Needs[] = [
  {
    output: "postgres append",
    faults: ["database restart", "kill", "network freeze", "full disk"],
    slowOutput: true,
  },
  {
    output: "sqlite append",
    faults: ["full disk", "kill", "two workers", "expired tokens"],
    compares: "text",
  },
  { output: "jsonl", faults: ["source cuts", "full disk", "kill", "pause past the lease"], clamped: true },
  {
    output: "postgres append, state within",
    faults: ["network cut", "database restart", "network half-open"],
    compares: "text",
    clamped: true,
  },
  { output: "sqlite upsert", faults: ["pause past the lease", "source errors", "kill"], slowOutput: true },
  {
    output: "postgres upsert, state within",
    faults: ["network delay", "kill", "network cut"],
    clamped: true,
  },
];

const schedules = inLongRun(eachOnce, moreOften);

test("P1 P2 P4: the crash lab's short form loses and repeats nothing, whatever happens to the processes", async () => {
  expect(new Set(schedules.flatMap(({ faults }) => faults))).toEqual(new Set(faultKinds));
  const seed = Number(process.env.TIDEMARK_SEED ?? Date.now() % 1_000_000);
  const results = await runLab({
    seed,
    schedules: schedules.keys(),
    needs: (schedule) => ({ disturbedRuns: 0, ...schedules[schedule] }),
    concurrency: 2,
    command: builtCommand,
  });
  const seen = results.map(({ lost, repeated, problems, judged, folder }) => ({
    lost,
    repeated,
    problems,
    judged,
    folder,
  }));
  expect(seen, `TIDEMARK_SEED=${seed}`).toEqual(
    schedules.map(() => ({ lost: 0, repeated: 0, problems: [], judged: true, folder: null })),
  );
  expect(results.reduce((total, { delivered }) => total + delivered, 0)).toBeGreaterThan(1000);
}, 1_800_000);

type Pair = { readonly output: OutputKind; readonly incidents: readonly IncidentKind[] };

const incidentsOnce: readonly Pair[] = [
  { output: "sqlite append", incidents: ["kill of one", "clock ahead", "state put back", "restart of one"] },
  { output: "postgres upsert", incidents: ["clock behind", "pause of one past the lease", "both put back"] },
  {
    output: "jsonl",
    incidents: ["restart of both", "source fails ticks", "kill of both", "output put back"],
  },
];

const incidentsMoreOften: readonly Pair[] = [
  {
    output: "sqlite append",
    incidents: ["kill of one", "output put back", "clock ahead", "state put back", "restart of one"],
  },
  {
    output: "postgres upsert",
    incidents: ["clock behind", "pause of one past the lease", "both put back", "output put back"],
  },
  {
    output: "jsonl",
    incidents: ["restart of both", "source fails ticks", "kill of both", "output put back"],
  },
];

const pairs = inLongRun(incidentsOnce, incidentsMoreOften);

test("P1 P2 P4: two processes with a schedule lose, repeat and leave out nothing, whatever happens to them", async () => {
  expect(new Set(pairs.flatMap(({ incidents }) => incidents))).toEqual(new Set(incidentKinds));
  const seed = Number(process.env.TIDEMARK_SEED ?? Date.now() % 1_000_000);
  const results = await runLab({
    seed,
    schedules: pairs.keys(),
    needs: (schedule) => {
      const { output = "jsonl", incidents = [] } = pairs[schedule] ?? {};
      return { disturbedRuns: 0, output, incidents: incidents.filter((kind) => canHappen(output, kind)) };
    },
    concurrency: 2,
    command: builtCommand,
  });
  expect(
    results.map(({ lost, repeated, problems, judged, folder }) => ({
      lost,
      repeated,
      problems,
      judged,
      folder,
    })),
    `TIDEMARK_SEED=${seed}`,
  ).toEqual(pairs.map(() => ({ lost: 0, repeated: 0, problems: [], judged: true, folder: null })));
}, 1_800_000);

test("the lab lets a stream that no disturbed run has begun be read, and backfilled, at the end", async () => {
  const results = await runLab({
    seed: 1,
    schedules: [1],
    needs: () => ({ disturbedRuns: 0, output: "sqlite append", faults: [], backfill: true }),
    concurrency: 1,
    command: builtCommand,
  });
  expect(results).toMatchObject([{ lost: 0, repeated: 0, problems: [], unseen: [], judged: true }]);
  expect(results[0]?.delivered).toBeGreaterThanOrEqual(200);
});

test("the lab waits for the end of a line that is being written, and says that it could not look where none comes", async () => {
  const file = join(testFolder(), "out.jsonl");
  writeFileSync(file, '{"id":1,"version":2,"payload":"three"}\n{"id":2,"vers');
  await expect(readSink("jsonl", file, 100)).rejects.toThrow(SinkUnreadable);
  const reading = readSink("jsonl", file, 60_000);
  appendFileSync(file, 'ion":1,"payload":"x"}\n');
  expect(await reading).toEqual([
    { id: 1, version: 2, payload: "three" },
    { id: 2, version: 1, payload: "x" },
  ]);
});

test("the lab waits for a sink that another process keeps locked, and says that it could not look where that lasts", async () => {
  const file = join(testFolder(), "out.db");
  const writer = new DatabaseSync(file);
  writer.exec("CREATE TABLE records (id, version, payload); INSERT INTO records VALUES (1, 2, 'three')");
  writer.exec("BEGIN EXCLUSIVE");
  await expect(readSink("sqlite upsert", file, 100)).rejects.toThrow(SinkUnreadable);
  const reading = readSink("sqlite upsert", file, 60_000);
  writer.exec("COMMIT");
  expect(await reading).toEqual([{ id: 1, version: 2, payload: "three" }]);
  writer.close();
});
