import type { RunResult } from "../engine/run/result.ts";
import type { TidemarkError } from "../errors.ts";
import type { StreamKey } from "../model/stream-key.ts";
import type { DeclaredSchedule } from "../pipeline/schedule.ts";
import type { NeedsRetry } from "./last-run.ts";
import type { Overrun } from "./run-watch.ts";

/** The properties of a pipeline that the scheduler needs. */
export interface Scheduled {
  readonly name: string;
  readonly key: StreamKey;
  readonly schedule: DeclaredSchedule;
  /** What a run does while another holds the stream; only `takeover` begins while one does. */
  readonly onConcurrentRun?: "skip" | "wait" | "takeover";
}

/** Why a run begins: its tick is due, its tick was missed, or an earlier run must be repeated. */
export type RunReason = "tick" | "missed" | "retry";

/** The scheduler's events, for logs and metrics. Times are in milliseconds since 1970. */
export type ScheduleEvent<P extends Scheduled = Scheduled> =
  /** The next run is planned; at no time, where the schedule never comes again. */
  | { readonly type: "planned"; readonly pipeline: P; readonly at: number | null }
  /** So many ticks went by with no run (counted up to `mostTicksCounted`), and the one that begins now is for all of them. */
  | { readonly type: "missed"; readonly pipeline: P; readonly count: number }
  /** Another process has run this tick. */
  | { readonly type: "taken"; readonly pipeline: P; readonly due: number }
  /** Another run holds the stream. Reported once per run, and checked again until that run has ended. */
  | { readonly type: "held"; readonly pipeline: P; readonly runId: string | null; readonly leaseMs: number }
  /** The stream's last run began in the future by this machine's clock, so a clock is or was wrong. */
  | { readonly type: "ahead"; readonly pipeline: P; readonly startedAt: number }
  /** A run is due and waits for its turn. */
  | { readonly type: "queued"; readonly pipeline: P }
  /** A run begins, so much later than it was due. */
  | {
      readonly type: "started";
      readonly pipeline: P;
      readonly reason: RunReason;
      readonly due: number;
      readonly lateMs: number;
    }
  /** The run under way has read a page. */
  | { readonly type: "moved"; readonly pipeline: P }
  /** The active run waits on purpose, and holds no slot meanwhile. */
  | { readonly type: "paused"; readonly pipeline: P; readonly milliseconds: number; readonly why: string }
  /** The active run has made no progress for this long, and another may use its slot. */
  | { readonly type: "stalled"; readonly pipeline: P; readonly idleMs: number }
  /** The run under way takes much longer than its schedule allows. */
  | ({ readonly type: "overrun"; readonly pipeline: P } & Overrun)
  /** A run came to its end; so many have failed one after another, with this one. */
  | { readonly type: "ended"; readonly pipeline: P; readonly result: RunResult; readonly failures: number }
  /** A run that must be repeated begins before the next tick. */
  | ({ readonly type: "retrying"; readonly pipeline: P; readonly at: number } & Pick<
      NeedsRetry,
      "failures" | "why"
    >)
  /** An unexpected error of the scheduler, or the last run could not be read from the state. */
  | { readonly type: "broke"; readonly pipeline: P; readonly error: TidemarkError };
