import type { RunResult } from "../engine/result.ts";
import type { TidemarkError } from "../errors.ts";
import type { StreamKey } from "../model/stream-key.ts";
import type { DeclaredSchedule } from "../pipeline/schedule.ts";

/** What the scheduler needs to know of a pipeline. */
export interface Scheduled {
  readonly name: string;
  readonly key: StreamKey;
  readonly schedule: DeclaredSchedule;
}

/** Why a run begins: its time has come, had come before and was missed, or the one before it failed. */
export type RunReason = "tick" | "missed" | "retry";

/** What the scheduler does, for whoever logs or counts it. Times are in milliseconds since 1970. */
export type ScheduleEvent<P extends Scheduled = Scheduled> =
  /** The next run is planned; at no time, where the schedule never comes again. */
  | { readonly type: "planned"; readonly pipeline: P; readonly at: number | null }
  /** So many ticks went by with no run, and the one that begins now is for all of them. */
  | { readonly type: "missed"; readonly pipeline: P; readonly count: number }
  /** Another process has run this tick. */
  | { readonly type: "taken"; readonly pipeline: P; readonly due: number }
  /** A run begins, so much later than it was due. */
  | {
      readonly type: "started";
      readonly pipeline: P;
      readonly reason: RunReason;
      readonly due: number;
      readonly lateMs: number;
    }
  | { readonly type: "ended"; readonly pipeline: P; readonly result: RunResult }
  /** A run failed in a way that may pass, and is tried again before its next tick. */
  | { readonly type: "retrying"; readonly pipeline: P; readonly at: number; readonly failures: number }
  /** What should never throw did, or the state cannot say when the pipeline last ran. */
  | { readonly type: "broke"; readonly pipeline: P; readonly error: TidemarkError };
