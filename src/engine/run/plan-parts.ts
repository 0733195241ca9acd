import type { Clock } from "../../clock.ts";
import { isOrdered } from "../../model/cursor.ts";
import type { IdentityPlan } from "../../model/identity.ts";
import type { CursorRange, Position } from "../../model/position.ts";
import type { SliceStep } from "../../model/slices.ts";
import type { InputSession, OutputSession, Pipeline, Refusals, Warn } from "../ports.ts";
import type { BoundWatch } from "../tracking/bound-watch.ts";
import type { RequestedStart } from "./requested-start.ts";
import type { StartingPosition } from "./starting-position.ts";

/** What a backfill reads: a range of its own, while the live stream keeps its position. */
export interface BackfillPlan {
  readonly range: CursorRange;
  readonly step: SliceStep | null;
  readonly concurrency: number;
  /** Ranges not to be read again, since the output would add their records a second time. */
  readonly known: readonly CursorRange[];
}

/** The data that a run is planned from. */
export interface PlanParts {
  readonly pipeline: Pipeline;
  readonly session: Pick<OutputSession, "write" | "delivered">;
  /** The stream's position. */
  readonly start: Position;
  /** The position of one of its partitions, and whether the state still has to store it. */
  readonly partitionStart: (partition: string) => Promise<StartingPosition>;
  /** When the run began, as ISO 8601 in UTC. */
  readonly startedAt: string;
  readonly input: InputSession;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly warn: Warn;
  readonly asked: RequestedStart;
  readonly refusals: Refusals;
  /** Watches what the lower bound of a live run returns; absent where it is not checked. */
  readonly watch?: BoundWatch | null;
  /** Null for a live run. */
  readonly backfill: BackfillPlan | null;
}

/** An append delivers a record once. Where rows are replaced, a record whose content changed is delivered again. */
export function identityPlan({ input, output }: Pipeline): IdentityPlan {
  return { key: input.incremental.key, content: !output.appends };
}

/** Whether a stream's leading cursor can bound a range: a backfill needs one that can. */
export function isRanged(pipeline: Pipeline): boolean {
  const [field] = pipeline.input.incremental.cursors;
  return (
    field !== undefined && field.role !== "sourceManaged" && field.role !== "offset" && isOrdered(field.type)
  );
}
