import type { CronSchedule } from "../model/cron.ts";
import { backOffMs } from "./back-off.ts";
import type { LastRun, NeedsRetry, RunEnd } from "./last-run.ts";

type Done = Extract<RunEnd, { kind: "completed" | "refused" | "stopped" }>;

/** What a pipeline waits for. */
export type Plan =
  /** A tick that was due at `due`, and begins at `startAt` of the wall clock. */
  | { readonly kind: "tick"; readonly due: number; readonly startAt: number }
  /** A run that must be repeated begins after so long, whatever the wall clock does. */
  | { readonly kind: "retry"; readonly inMs: number; readonly needed: NeedsRetry }
  /** Another run holds the stream: see after so long whether it still does. */
  | { readonly kind: "look"; readonly inMs: number }
  /** The schedule has no further tick, and no run must be repeated. */
  | { readonly kind: "never" };

export interface Planning {
  readonly cron: CronSchedule;
  readonly jitterMs: number;
  /** Whether the pipeline takes over from a run that holds the stream, instead of waiting for its end. */
  readonly takesOver: boolean;
  readonly last: LastRun | null;
  /** Since when the pipeline is known here: a stream that was never run waits for its next tick after that. */
  readonly knownSince: number;
  /** The tick that this process made last; it is not made again where a clock that was set back comes to it once more. */
  readonly madeDue: number | null;
  readonly now: number;
  /** A number from 0 to 1, below 1. */
  readonly random: () => number;
}

/** A start further in the future was written while a clock was wrong. */
export const mostAheadMs = 60_000;
/** A run that must be repeated begins within so long by chance, or within the jitter, so that not all begin at once. */
const spreadMs = 1000;
const mostSpreadMs = 60_000;
/** How soon, and how late, a stream that another run holds is looked at again. */
const soonestLookMs = 250;
const latestLookMs = 30_000;

/** What comes next for a stream: its next tick, a run that must be repeated before it, or a look at who holds it. */
export function planNext(planning: Planning): Plan {
  const { last, takesOver, now } = planning;
  const tick = nextTick(planning);
  if (last === null || isDone(last.end)) return tick;
  if (last.end.kind === "held") {
    // After as long as the run has taken by now: the end of a short one is seen soon, and a long one is seldom looked at.
    const soFar = Math.min(latestLookMs, Math.abs(now - last.startedAt));
    const inMs = Math.max(soonestLookMs, Math.min(soFar, last.end.leaseMs + 1));
    const look: Plan = { kind: "look", inMs };
    return takesOver ? earlier(tick, look, now) : look;
  }
  return earlier(tick, retryOf(last.end, planning), now);
}

function earlier(tick: Plan, other: Plan & { readonly inMs: number }, now: number): Plan {
  return tick.kind === "tick" && tick.startAt - now <= other.inMs ? tick : other;
}

function retryOf(needed: NeedsRetry, { random, jitterMs }: Planning): Plan & { readonly inMs: number } {
  const { failures, agoMs, retryAfterMs } = needed;
  const backOff = failures === 0 ? 0 : backOffMs(failures, random);
  if (backOff > agoMs && backOff > retryAfterMs)
    return { kind: "retry", inMs: Math.round(backOff - agoMs), needed };
  const left = Math.max(0, retryAfterMs - agoMs);
  const spread = random() * Math.max(spreadMs, agoMs > 0 ? Math.min(jitterMs, mostSpreadMs) : 0);
  return { kind: "retry", inMs: Math.round(left + spread), needed };
}

function nextTick({ cron, jitterMs, last, knownSince, madeDue, now, random }: Planning): Plan {
  const due = dueAfter(cron, countedFrom(last, knownSince, now), madeDue, now);
  if (due === null) return { kind: "never" };
  // What is past is spread as well: many pipelines may have missed their ticks together.
  const from = Math.max(due, now);
  const following = cron.next(from) ?? Number.POSITIVE_INFINITY;
  const jitter = Math.floor(Math.min(jitterMs, following - from) * random());
  return { kind: "tick", due, startAt: jitterMs === 0 ? due : from + jitter };
}

function dueAfter(cron: CronSchedule, after: number, madeDue: number | null, now: number): number | null {
  const due = cron.next(after);
  return due !== null && due === madeDue && due > now ? cron.next(due) : due;
}

/** Ticks up to here are done. A start in the future does not count for the ticks before it. */
function countedFrom(last: LastRun | null, knownSince: number, now: number): number {
  const from = last === null ? knownSince : doneUntil(last);
  return isAhead(from, now) ? now : from;
}

/** Whether the run needs no repetition before the next tick. */
export function isDone(end: RunEnd): end is Done {
  return end.kind === "completed" || end.kind === "refused" || end.kind === "stopped";
}

/** Up to when a run has taken the ticks. Those that passed before a run was stopped are not made up for. */
export function doneUntil({ startedAt, end }: LastRun): number {
  return end.kind === "stopped" ? Math.max(startedAt, end.endedAt) : startedAt;
}

/** Whether a time lies in the future by more than clocks may differ. */
export function isAhead(time: number, now: number): boolean {
  return time - now > mostAheadMs;
}

/** The limit of counting, since a long downtime may have missed millions. */
export const mostTicksCounted = 1000;

/** How many ticks besides the one that was due have gone by, counted up to `mostTicksCounted`. */
export function ticksBetween(cron: CronSchedule, due: number, now: number): number {
  let count = 0;
  let at = cron.next(due);
  while (at !== null && at <= now && count < mostTicksCounted) {
    count += 1;
    at = cron.next(at);
  }
  return count;
}
