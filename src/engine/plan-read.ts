import type { Clock } from "../clock.ts";
import type { Position } from "../model/position.ts";
import { millisecondsToTimestamp } from "../model/timestamp.ts";
import { GivenTracker } from "./given-tracker.ts";
import { PageGuard } from "./page-guard.ts";
import type { InputSession, OutputSession, Pipeline, ReadRequest, Warn } from "./ports.ts";
import { PositionTracker } from "./position-tracker.ts";
import type { Tracker } from "./tracker.ts";
import { freezeWindow, windowAgain } from "./window.ts";

export interface ReadPlanParts {
  readonly pipeline: Pipeline;
  readonly session: Pick<OutputSession, "write" | "delivered">;
  readonly start: Position;
  /** When the run began, as ISO 8601 in UTC. */
  readonly startedAt: string;
  readonly input: InputSession;
  readonly clock: Clock;
  readonly warn: Warn;
}

export interface ReadPlan {
  readonly tracker: Tracker;
  readonly guard: PageGuard;
  readonly request: Omit<ReadRequest, "signal">;
}

/** Freezes the window by the source's own clock, where it has one, and sets the tracker on its start. */
export async function planRead(parts: ReadPlanParts): Promise<ReadPlan> {
  const { pipeline, session, start, startedAt, input, clock, warn } = parts;
  const { incremental } = pipeline.input;
  const { appends } = pipeline.output;
  const before = clock.now();
  const now = (await input.now?.()) ?? before;
  const ahead = now - before;
  const resume = start.window?.resume ?? null;
  const window =
    start.window !== null && resume !== null
      ? windowAgain(incremental, start.window)
      : freezeWindow(incremental, start, now);
  const [leading] = incremental.cursors;
  const request = { window, companions: start.companions, resume, since: start.tally?.since ?? null };
  if (leading?.role === "given") {
    const tracker = new GivenTracker({ start, startedAt, type: leading.type, appends });
    return { tracker, guard: new PageGuard(incremental), request };
  }
  const tracker = new PositionTracker({
    incremental,
    window,
    start,
    identity: { key: incremental.key, content: !appends },
    tracksDeliveries: appends && incremental.key !== null && session.delivered !== undefined,
    now: () => (leading?.type === "timestamp_utc" ? millisecondsToTimestamp(clock.now() + ahead) : null),
    warn,
  });
  return { tracker, guard: new PageGuard(incremental), request };
}
