import type { Clock } from "../../clock.ts";
import type { TidemarkError } from "../../errors.ts";
import type { Position } from "../../model/position.ts";
import type { Run, StateStore } from "../../state/contract.ts";
import type { OutputSession, PartContext, Pipeline, Warn } from "../ports.ts";
import type { RunRefusals } from "../refusals/refusals.ts";
import type { FaultInjector } from "./fault-points.ts";
import type { BackfillPlan } from "./plan-parts.ts";
import type { Progress } from "./progress.ts";
import type { RequestedStart } from "./requested-start.ts";
import type { Warnings } from "./result.ts";

/** What a granted run works with, from the fence on the output to its completion. */
export interface RunParts {
  readonly pipeline: Pipeline;
  readonly run: Run;
  readonly session: OutputSession;
  readonly state: StateStore;
  readonly clock: Clock;
  readonly faults: FaultInjector;
  readonly fullRefresh: boolean;
  readonly asked: RequestedStart;
  /** What a backfill reads; null for a live run. */
  readonly backfill: BackfillPlan | null;
  readonly cancelled: AbortSignal;
  /** Aborts when the run is abandoned because it hangs: nothing more of it may reach the output. */
  readonly cut: AbortSignal;
  /** Called with `RUN_STOPPED` when somebody asked the run to stop: `cancelled` aborts then. */
  readonly onStop: (error: TidemarkError) => void;
  /** Aborts on an uncaught error of the pipeline's own code, with that error. */
  readonly codeFailed: AbortSignal;
  readonly warn: Warn;
  readonly warnings: Warnings;
  readonly refusals: RunRefusals;
  readonly context: (signal: AbortSignal) => PartContext;
  /** Called with the starting position, once it is decided from state and output. */
  readonly onStart: (start: Position) => void;
  readonly onProgress: (progress: Progress) => void;
}
