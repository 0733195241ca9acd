import { measureProcess, type Usage } from "./measure-process.ts";
import type { Entry, Job } from "./peer.ts";
import type { Place } from "./place.ts";
import type { Contents } from "./sinks.ts";
import type { Served, Stage } from "./stage.ts";

export const phases = ["everything", "one in a hundred changed", "nothing new"] as const;
export type Phase = (typeof phases)[number];

/** One process of one peer, and what came of it. */
export interface Leg {
  readonly phase: Phase;
  readonly usage: Usage;
  /** From the start of the process to the first request at the source; null without a request. */
  readonly startMilliseconds: number | null;
  readonly served: Served;
  readonly contents: Contents;
  /** Made durable during this process; null where that cannot be seen from outside. */
  readonly checkpoints: number | null;
  /** Null where everything was delivered, and nothing twice. */
  readonly fault: string | null;
}

/** A peer's turn at a job: three processes, one after the other. Ends early where one fails. */
export async function takeTurn(stage: Stage, entry: Entry, job: Job, records: number): Promise<Leg[]> {
  return stage.withPlace(job === "postgres", async (place) => {
    await entry.prepare?.(place);
    const legs: Leg[] = [];
    let checkpointsBefore = 0;
    for (const phase of phases) {
      await stage.show(phase === "everything" ? 1 : 2);
      const usage = await measureProcess(entry.command(place));
      const served = await stage.show(1);
      const contents = await counted(entry, place);
      const checkpoints = usage.code === 0 ? await entry.checkpoints(place) : null;
      const startMilliseconds =
        served.firstRequestAt === null ? null : served.firstRequestAt - usage.startedAt;
      const fault = faultOf(usage, contents, expected(job, phase, records));
      const made = checkpoints === null ? null : checkpoints - checkpointsBefore;
      checkpointsBefore = checkpoints ?? 0;
      legs.push({ phase, usage, startMilliseconds, served, contents, checkpoints: made, fault });
      if (usage.code !== 0) break;
    }
    return legs;
  });
}

const nothing: Contents = { rows: 0, ids: 0, changed: 0 };

/** A peer that failed may have left nothing to count. */
async function counted(entry: Entry, place: Place): Promise<Contents> {
  try {
    return await entry.count(place);
  } catch {
    return nothing;
  }
}

/** A table holds each record once; a file is appended to, so that it holds the changed ones twice. */
function expected(job: Job, phase: Phase, records: number): Contents {
  const changed = phase === "everything" ? 0 : Math.ceil(records / 100);
  return { rows: job === "jsonl" ? records + changed : records, ids: records, changed };
}

function faultOf({ code, complaint }: Usage, found: Contents, wanted: Contents): string | null {
  if (code !== 0) return `failed (exit code ${code}): ${complaint.split("\n").at(-1)?.replaceAll("|", "/")}`;
  const faults = [
    found.ids < wanted.ids ? `lost ${wanted.ids - found.ids} records` : null,
    found.changed < wanted.changed ? `lost ${wanted.changed - found.changed} changes` : null,
    found.rows > wanted.rows ? `repeated ${found.rows - wanted.rows}` : null,
  ].filter((fault) => fault !== null);
  return faults.length === 0 ? null : faults.join(", ");
}
