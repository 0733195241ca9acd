import { parseArgs } from "node:util";
import type { Row } from "../parts/measure.ts";
import { type Job, jobs, type Peer } from "./peer.ts";
import { rivals, setUp, tidemark } from "./peers.ts";
import { claims, type JobResults, jobTable, type Result } from "./report.ts";
import { openStage, type Stage } from "./stage.ts";
import { type Leg, takeTurn } from "./turn.ts";

interface Options {
  readonly records: number;
  readonly rounds: number;
  readonly jobs: readonly Job[];
  readonly rivals: readonly Peer[];
}

/** What the race found: Markdown to print, claims checked, and everything measured. */
export interface Race {
  readonly tables: string;
  readonly rows: readonly Row[];
  readonly results: readonly unknown[];
}

/**
 * The same job by Tidemark and by others: every peer takes its turn in every round, Tidemark first and
 * once more at the end, so that a machine whose speed drifts slows all alike and shows how much it drifts.
 */
export async function race(args: readonly string[]): Promise<Race> {
  const options = readOptions(args);
  await using stage = await openStage(options.records, options.jobs.includes("postgres"));
  const found: JobResults[] = [];
  for (const job of options.jobs) {
    found.push(await raceAt(job, stage, options));
    const last = found.at(-1);
    if (last !== undefined) console.error(`\n${jobTable(last)}\n`);
  }
  return {
    tables: found.map(jobTable).join("\n\n"),
    rows: found.flatMap(claims),
    results: found.map(plain),
  };
}

function readOptions(args: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      records: { type: "string", default: "1000000" },
      rounds: { type: "string", default: "5" },
      only: { type: "string", default: "" },
      setup: { type: "boolean", default: false },
    },
  });
  const named = values.only.split(",").filter((name) => name !== "");
  const known: readonly string[] = [tidemark.name, ...jobs, ...rivals.map(({ name }) => name)];
  const unknown = named.find((name) => !known.includes(name));
  if (unknown !== undefined) throw new Error(`${unknown} is none of: ${known.join(", ")}`);
  const chosenJobs = jobs.filter((job) => named.includes(job));
  const someRival = [tidemark, ...rivals].some(({ name }) => named.includes(name));
  const chosen = rivals.filter(({ name }) => !someRival || named.includes(name));
  for (const peer of values.setup ? chosen : []) {
    if (peer.missing() === null) continue;
    console.error(`setting up ${peer.name} …`);
    if (!setUp(peer)) console.error(`${peer.name} could not be set up; the race goes on without it`);
  }
  return {
    records: Number(values.records),
    rounds: Number(values.rounds),
    jobs: chosenJobs.length > 0 ? chosenJobs : jobs,
    rivals: chosen,
  };
}

/** The results while they come in. */
interface Growing extends Result {
  readonly turns: Leg[][];
}

function contestant(peer: Peer, job: Job): Growing {
  const entry = peer.entries[job];
  const missing = peer.missing() ?? (typeof entry === "string" ? entry : null);
  return { job, peer, sink: typeof entry === "string" ? "" : entry.sink, turns: [], missing };
}

async function raceAt(job: Job, stage: Stage, { records, rounds, rivals }: Options): Promise<JobResults> {
  const first = contestant(tidemark, job);
  const control = contestant(tidemark, job);
  const others = rivals.map((peer) => contestant(peer, job));
  for (let round = 1; round <= rounds; round++) {
    for (const { peer, turns, missing } of [first, ...others, control]) {
      const entry = peer.entries[job];
      const failedBefore = turns.some((turn) => turn.some(({ usage }) => usage.code !== 0));
      if (typeof entry === "string" || missing !== null || failedBefore) continue;
      const legs = await takeTurn(stage, entry, job, records);
      turns.push(legs);
      const times = legs.map(
        ({ usage, fault }) => `${usage.seconds.toFixed(2)} s${fault === null ? "" : ` (${fault})`}`,
      );
      console.error(`${job} ${round}/${rounds} ${peer.name}: ${times.join(", ")}`);
    }
  }
  return { job, records, tidemark: first, control, rivals: others };
}

function plain({ job, records, tidemark: first, control, rivals: others }: JobResults): unknown {
  const of = ({ peer, sink, turns, missing }: Result) => ({
    peer: peer.name,
    version: peer.version,
    sink,
    missing,
    turns,
  });
  return { job, records, tidemark: of(first), control: of(control), rivals: others.map(of) };
}
