import { existsSync, readFileSync, rmSync } from "node:fs";
import type { Clock } from "../../../src/clock.ts";
import type { Filter, Incremental, Pipeline } from "../../../src/engine/ports.ts";
import type { RunResult } from "../../../src/engine/run/result.ts";
import { attemptSync } from "../../../src/engine/run/sync.ts";
import type { SourceRecord } from "../../../src/model/record.ts";
import { parseSliceStep } from "../../../src/model/slices.ts";
import { openMemoryState } from "../../../src/state/storage/memory/memory.ts";
import { Interrupter } from "../../../testing/interrupter.ts";
import { SimulatedSource, simulatedIncremental, simulatedInput } from "../../../testing/simulated-source.ts";
import { httpRequestOutput } from "../http-request.ts";
import type { Take, Target } from "./target.ts";
import type { Round, World } from "./world.ts";

/** What came of one run. */
export interface Played {
  readonly status: RunResult["status"];
  readonly error: string | null;
  readonly recordsWritten: number;
  /** What the target took in it. */
  readonly takes: readonly Take[];
  /** Whether it was interrupted. */
  readonly struck: boolean;
  /** What of the source, as it is, is neither with the target nor refused and let go of. */
  readonly missing: readonly string[];
  /** Whether the run ended well only by letting go of refused records. */
  readonly refused: number;
}

export interface History {
  readonly runs: readonly Played[];
  /** How often each record was taken, by name. */
  readonly takes: readonly Take[];
}

/** By this clock requests take a second each, so that each is followed by a commit, and waits pass at once. */
function clockOf(target: Target): Clock {
  let waited = 0;
  return {
    now: () => Date.UTC(2026, 0, 1, 0, 0, 40),
    elapsed: () => target.requests * 1000 + waited,
    async sleep(milliseconds, signal, options) {
      signal?.throwIfAborted();
      if (milliseconds !== heartbeat && options?.background !== true) {
        waited += milliseconds;
        return;
      }
      await new Promise((_, reject) => signal?.addEventListener("abort", () => reject(signal.reason)));
    },
  };
}

/** How long a run's lease waits for its next beat, which does not come here. */
const heartbeat = 10_000;

/** Makes two of each record, and drops every third. */
const doubling: Filter = {
  kind: "module",
  apply: (records, { account }) =>
    records.flatMap((record) => {
      const made = Number(record.id) % 3 === 0 ? [] : [record, { ...record, copy: 2 }];
      account?.made(record, made);
      return made;
    }),
};

/** Plays a history, and after its rounds as many more runs as it takes, without anything going wrong. */
export async function play(world: World, target: Target, letters: string): Promise<History> {
  const source = new SimulatedSource();
  source.records = Array.from({ length: world.records }, (_, at) =>
    recordOf(at + 1, 0, Math.floor(at / world.ties)),
  );
  const state = openMemoryState();
  const pipeline = pipelineOf(world, source, target, letters);
  const runs: Played[] = [];
  rmSync(letters, { force: true });
  target.clear(world);
  const run = async (round: Round): Promise<Played> => {
    for (const id of round.changes) change(source, id, target.run);
    target.begin(round);
    const interrupter = new Interrupter(round.break);
    const from = target.takes.length;
    const result = await attemptSync(interrupter.pipeline(pipeline), {
      state: interrupter.state(state),
      clock: clockOf(target),
    });
    const { status, error, recordsWritten, recordsRefused } = result;
    const played = {
      status,
      error: error?.message ?? null,
      recordsWritten,
      takes: target.takes.slice(from),
      struck: round.break !== null && interrupter.calls.length >= round.break.at,
      missing: missingOf(world, source, target, letters),
      refused: recordsRefused,
    };
    runs.push(played);
    return played;
  };
  for (const round of world.rounds) await run(round);
  if (world.onError === "fail") target.refused = new Set();
  for (let more = 0; more < 3; more++) await run({ changes: [], break: null, doings: [], diesAt: null });
  return { runs, takes: [...target.takes] };
}

function recordOf(id: number, v: number, second: number): SourceRecord {
  const updated_at = `2026-01-01T00:00:${String(second).padStart(2, "0")}Z`;
  return { id, v, copy: 1, updated_at, partition: `p${id % 2}` };
}

function change(source: SimulatedSource, id: number, run: number): void {
  const known = source.records.find((record) => record.id === id);
  if (known !== undefined) source.put(recordOf(id, Number(known.v) + 1, 20 + run));
}

function missingOf(world: World, source: SimulatedSource, target: Target, letters: string): string[] {
  const taken = new Set(target.takes.map(({ name }) => name));
  const dead = world.onError === "deadLetter" ? lettersIn(letters) : null;
  return source.records.flatMap(({ id, v }) => {
    const number = Number(id);
    if (world.onError !== "fail" && target.refused.has(number))
      return dead === null || expected(world, number) === 0 || dead.has(number) ? [] : [`letter of ${id}`];
    const copies = Array.from({ length: expected(world, number) }, (_, at) => `${id}:${v}:${at + 1}`);
    return copies.filter((name) => !taken.has(name));
  });
}

/** How many records a record comes to. */
function expected(world: World, id: number): number {
  if (!world.filters) return 1;
  return id % 3 === 0 ? 0 : 2;
}

function lettersIn(path: string): Set<number> {
  if (!existsSync(path)) return new Set();
  const lines = readFileSync(path, "utf8").trimEnd().split("\n");
  return new Set(lines.filter((line) => line !== "").map((line) => Number(JSON.parse(line).record.id)));
}

function pipelineOf(world: World, source: SimulatedSource, target: Target, letters: string): Pipeline {
  const { reading, pageSize, batch, concurrency, onError } = world;
  return {
    name: "events",
    key: { connector: "acme", stream: "events" },
    onConcurrentRun: "takeover",
    leaseSeconds: 60,
    input: simulatedInput(
      source,
      {
        pageSize,
        paging: reading === "ascending" ? "keyset" : reading === "tokens" ? "snapshot" : "offset",
        order: reading === "ascending" ? "ascending" : "shuffled",
        bound: "inclusive",
        bounded: reading === "slices",
      },
      simulatedIncremental(incrementalOf(world)),
    ),
    filters: world.filters ? [doubling] : [],
    output: httpRequestOutput({
      endpoint: target.origin,
      retry: { attempts: 2, initialDelayMs: 0 },
      limitWaitMs: world.limitWaitMs,
      concurrency,
      ...(concurrency === 1 ? {} : { key: ["id", "copy"] }),
      ...(batch === null ? {} : { batch: { size: batch } }),
      ...(world.results && batch !== null ? { answer: { results } } : {}),
      onError,
      ...(onError === "fail" ? {} : { maxRefused: "100%" }),
      ...(onError === "deadLetter" ? { deadLetter: { path: letters } } : {}),
    }),
  };
}

const results = { list: "items", success: "word = 'ok'", retry: "word = 'again'", refused: "word = 'no'" };

function incrementalOf({ reading, pagesPerCheckpoint }: World): Partial<Incremental> {
  const step = parseSliceStep("PT4S");
  return {
    pagesPerCheckpoint,
    order: reading === "ascending" ? "ascending" : "unordered",
    ...(reading === "partitions" ? { partitions: { concurrency: 2 } } : {}),
    ...(reading === "slices"
      ? {
          start: { at: "2026-01-01T00:00:00Z" },
          slices: { step, clamp: null, concurrency: 2 },
        }
      : {}),
  };
}
