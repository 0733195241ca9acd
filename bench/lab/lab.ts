import { LabDatabase } from "./database.ts";
import { randomFrom, seedOf } from "./random.ts";
import { runSchedule, type ScheduleResult } from "./schedule.ts";
import { type Command, ownCommand } from "./worker.ts";
import { drawWorld, type WorldNeeds } from "./world.ts";

export interface LabOptions {
  readonly seed: number;
  /** The numbers of the schedules to run; it stops at the end of them, or of its time. */
  readonly schedules: Iterable<number>;
  readonly untilMs?: number;
  /** No schedule begins after it. */
  readonly signal?: AbortSignal;
  /** What a schedule's world has to be; the rest is drawn. */
  readonly needs: (schedule: number) => WorldNeeds;
  /** How many schedules go on at once. */
  readonly concurrency: number;
  /** What its processes run: the command of this checkout unless given. */
  readonly command?: Command;
  /** Whether every folder is kept, and not only those where something was wrong. */
  readonly keep?: boolean;
  readonly onResult?: (result: NumberedResult) => void;
}

export interface NumberedResult extends ScheduleResult {
  readonly schedule: number;
}

/** Runs schedules, each drawn from the seed and its number, and returns what each came to. */
export async function runLab(options: LabOptions): Promise<NumberedResult[]> {
  const numbers = options.schedules[Symbol.iterator]();
  const results: NumberedResult[] = [];
  const { command = ownCommand } = options;
  const until = options.untilMs ?? Number.POSITIVE_INFINITY;
  const worker = async (): Promise<void> => {
    let server: Promise<LabDatabase> | null = null;
    const database = (): Promise<LabDatabase> => {
      server ??= LabDatabase.start();
      return server;
    };
    const stop = async (): Promise<void> => (await server)?.stop();
    try {
      while (performance.now() < until && options.signal?.aborted !== true) {
        const { value: schedule, done } = numbers.next();
        if (done === true) return;
        const random = randomFrom(seedOf(options.seed, schedule));
        const world = drawWorld(random, options.needs(schedule));
        const result = {
          schedule,
          ...(await runSchedule(world, random, { database, command }, options.keep)),
        };
        results.push(result);
        options.onResult?.(result);
      }
    } finally {
      await stop();
    }
  };
  await Promise.all(Array.from({ length: options.concurrency }, worker));
  return results.sort((a, b) => a.schedule - b.schedule);
}
