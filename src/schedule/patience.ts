import type { Clock } from "../clock.ts";

/** Why a wait is over: its time has come, or the wall clock was set back and the time has to be found anew. */
export type Woken = "due" | "late" | "set back";

/** The longest step: timers have a maximum, stop while the machine sleeps, and do not follow the wall clock. */
const longestSleepMs = 30_000;
/** How far the wall clock may fall behind between two readings without having been set. */
const driftMs = 1000;

/** What both clocks show at one moment. */
export interface Reading {
  readonly wall: number;
  readonly elapsed: number;
}

/**
 * Waits for a time of the wall clock, in steps. `late` where the clock went past it in one step, as when a machine
 * wakes up. `planned` is when the time was found: a clock that was set back since is detected as well.
 */
export async function untilTime(
  clock: Clock,
  time: number,
  signal: AbortSignal,
  planned: Reading = reading(clock),
): Promise<Woken> {
  signal.throwIfAborted();
  let before = reading(clock);
  if (wasSetBack(planned, before)) return "set back";
  for (let left = time - before.wall; left > 0; left = time - before.wall) {
    await clock.sleep(Math.min(left, longestSleepMs), signal);
    const after = reading(clock);
    if (wasSetBack(before, after)) return "set back";
    if (after.wall - time > lateMs) return "late";
    before = after;
  }
  return "due";
}

function wasSetBack(before: Reading, after: Reading): boolean {
  return after.wall - before.wall - (after.elapsed - before.elapsed) < -driftMs;
}

/** A run that begins later than this after its time was not just waiting for its timer. */
const lateMs = 5000;

/** Waits by elapsed time, independent of the wall clock. */
export async function forLong(clock: Clock, milliseconds: number, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  const end = clock.elapsed() + milliseconds;
  for (let left = milliseconds; left > 0; left = end - clock.elapsed()) {
    await clock.sleep(Math.min(left, longestSleepMs), signal);
  }
}

/** How often to check whether a process of this machine has ended. */
const ownerLookMs = 5000;

/** Waits, or until the process that holds a stream has ended. That check needs no access to the state. */
export async function untilGone(
  clock: Clock,
  milliseconds: number,
  isOwnerGone: () => boolean,
  signal: AbortSignal,
): Promise<void> {
  signal.throwIfAborted();
  const end = clock.elapsed() + milliseconds;
  for (let left = milliseconds; left > 0; left = end - clock.elapsed()) {
    await clock.sleep(Math.min(left, ownerLookMs), signal);
    if (isOwnerGone()) return;
  }
}

export function reading(clock: Clock): Reading {
  return { wall: clock.now(), elapsed: clock.elapsed() };
}
