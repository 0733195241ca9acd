import { setTimeout as sleep } from "node:timers/promises";
import type { FaultKind } from "./fault-kinds.ts";
import { faults } from "./faults.ts";
import type { IncidentKind } from "./incident-kinds.ts";
import type { Random } from "./random.ts";
import { type LabWorker, Scene } from "./scene.ts";
import { type Comparison, compare } from "./sink.ts";
import { disturbPair } from "./start-schedule.ts";
import type { World } from "./world.ts";

/** How long a run without faults may take before the lab kills it and says so: minutes on a loaded machine. */
const lastRunSeconds = 600;

/** What one schedule came to. */
export interface ScheduleResult {
  readonly world: World;
  readonly faults: readonly (FaultKind | IncidentKind)[];
  /** How the processes ended, and how many so. */
  readonly outcomes: Readonly<Record<string, number>>;
  readonly delivered: number;
  readonly lost: number;
  readonly repeated: number;
  /** What must not be, in words; empty where all is well. */
  readonly problems: readonly string[];
  /** What the lab could not look at, in words: nothing is known of it. */
  readonly unseen: readonly string[];
  /** Whether the sink was compared with the source at the end. */
  readonly judged: boolean;
  /** Where to look, where something was wrong. */
  readonly folder: string | null;
}

/**
 * Builds the world, disturbs one run after another, then lets a last run or two alone, and compares
 * what has arrived with what the source holds.
 */
export async function runSchedule(
  world: World,
  random: Random,
  worker: LabWorker,
  keep = false,
): Promise<ScheduleResult> {
  const scene = await Scene.build(world, random, worker);
  const problems: string[] = [];
  const unseen: string[] = [];
  let judged = false;
  let result: Comparison = { delivered: 0, lost: [], repeated: [] };
  try {
    const backfill = new ConcurrentBackfill(scene);
    if (world.incidents.length > 0) problems.push(...(await disturbPair(scene)));
    for (const kind of world.faults) {
      scene.log(`— ${kind}`);
      await scene.slowDown();
      // Enough to read that most faults meet a run in the middle of its pages.
      for (let groups = random.between(5, 40); groups > 0; groups--) scene.source.change();
      scene.startChanges(random.between(4, 14));
      // Whether a worker that was superseded changed the sink is seen only where nothing else writes to it.
      if (kind !== "pause past the lease") backfill.start();
      const seen = await faults[kind](scene);
      if (seen !== null && "wrong" in seen) problems.push(`${kind}: ${seen.wrong}`);
      if (seen !== null && "unseen" in seen) unseen.push(`${kind}: ${seen.unseen}`);
      await backfill.pause();
      scene.stopChanges();
      scene.heal();
    }
    scene.log("— undisturbed");
    await scene.speedUp();
    const end = await settle(scene, backfill);
    problems.push(...end.problems);
    const compared = compare(world.output, await scene.sink(), scene.source);
    // Records that an unfinished run had still to bring are not lost; those that came twice did so.
    result = end.unfinished === null ? compared : { ...compared, lost: [] };
    judged = end.unfinished === null;
    if (end.unfinished !== null) unseen.push(end.unfinished);
    if (result.lost.length > 0) problems.push(`lost: ${some(result.lost)}`);
    if (result.repeated.length > 0) problems.push(`repeated: ${some(result.repeated)}`);
  } catch (error) {
    unseen.push(`the lab itself failed: ${error instanceof Error ? error.stack : String(error)}`);
  }
  for (const line of [...problems, ...unseen]) scene.log(line);
  const kept = keep || problems.length > 0 || !judged;
  await scene.close(kept);
  return {
    world,
    faults: [...world.faults, ...world.incidents],
    outcomes: scene.outcomes,
    delivered: result.delivered,
    lost: result.lost.length,
    repeated: result.repeated.length,
    problems,
    unseen,
    judged,
    folder: kept ? scene.folder : null,
  };
}

/** How the undisturbed end went. */
interface Settled {
  readonly problems: readonly string[];
  /** What the lab did not wait for, in words: what the sink lacks then says nothing. */
  readonly unfinished: string | null;
}

/**
 * Until two runs in a row complete, and before them the rest of a backfill. The backfill comes after a run:
 * an output that appends takes none of a stream that was never read.
 */
async function settle(scene: Scene, backfill: ConcurrentBackfill): Promise<Settled> {
  // What lies within the settle, or in the clock's own millisecond, is left to later runs.
  await sleep(scene.world.settle ? 300 : 20);
  const rest = [() => completeRuns(scene, 1), () => backfill.finish()];
  const steps = [...(backfill.finished ? [] : rest), () => completeRuns(scene, 2)];
  for (const step of steps) {
    const last = await step();
    if (last?.hung === true)
      return { problems: [], unfinished: `killed after ${lastRunSeconds} s, unfinished: ${last.text}` };
    if (last !== null) return { problems: [`did not complete: ${last.text}`], unfinished: null };
  }
  return { problems: [], unfinished: null };
}

/** How the last of the runs ended that were to complete and did not. */
interface Incomplete {
  readonly hung: boolean;
  readonly text: string;
}

/** Null once so many runs completed in a row. */
async function completeRuns(scene: Scene, wanted: number): Promise<Incomplete | null> {
  let completed = 0;
  let last: Incomplete = { hung: false, text: "" };
  for (let tries = 0; tries < 10 && completed < wanted && !last.hung; tries++) {
    const { status, stderr, hung, error } = await scene.run().endWithin(lastRunSeconds * 1000);
    completed = status === "completed" ? completed + 1 : 0;
    last = { hung, text: `run: ${status} ${error ?? ""} ${stderr}` };
    if (status === "skipped") await sleep(300);
  }
  return completed < wanted ? last : null;
}

/** A backfill that goes on beside the runs of a schedule, and is killed at times. */
class ConcurrentBackfill {
  readonly #scene: Scene;
  #worker: ReturnType<Scene["backfill"]> | null = null;
  #id: string | null = null;
  #finished: boolean;

  constructor(scene: Scene) {
    this.#scene = scene;
    this.#finished = !scene.world.backfill;
  }

  start(): void {
    if (this.#finished || this.#scene.random.chance(0.3)) return;
    this.#worker = this.#scene.backfill(this.#id);
  }

  get finished(): boolean {
    return this.#finished;
  }

  /** Ends it where it has not ended, at a moment of its own. */
  async pause(): Promise<void> {
    const worker = this.#worker;
    if (worker === null) return;
    if (this.#scene.random.chance(0.5)) worker.signal("SIGKILL");
    await this.#ended(worker, 8000);
  }

  /** Null, or what kept it from its end. */
  async finish(): Promise<Incomplete | null> {
    let last: Incomplete = { hung: false, text: "" };
    for (let tries = 0; tries < 8 && !this.#finished && !last.hung; tries++) {
      last = await this.#ended(this.#scene.backfill(this.#id), lastRunSeconds * 1000);
    }
    return this.#finished ? null : last;
  }

  async #ended(worker: ReturnType<Scene["backfill"]>, milliseconds: number): Promise<Incomplete> {
    this.#worker = null;
    const { status, error, stderr, hung } = await worker.endWithin(milliseconds);
    // One that was killed before it kept its range has read nothing, and is begun anew.
    this.#id = error === "ARGUMENT_INVALID" ? null : (worker.backfill ?? this.#id);
    if (status === "completed") this.#finished = true;
    return { hung, text: `backfill: ${status} ${error ?? ""} ${stderr}` };
  }
}

function some(items: readonly (number | string)[]): string {
  const shown = items.slice(0, 10).join(", ");
  return items.length > 10 ? `${items.length}, as ${shown}` : shown;
}
