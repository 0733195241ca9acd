import type { Clock } from "../clock.ts";
import type { Position } from "../model/position.ts";
import { millisecondsToTimestamp } from "../model/timestamp.ts";
import type { InputSession, OutputSession, Pipeline, ReadRequest, Warn } from "./ports.ts";
import { PositionTracker } from "./position-tracker.ts";
import { freezeWindow, windowAgain } from "./window.ts";

export interface ReadPlanParts {
  readonly pipeline: Pipeline;
  readonly session: Pick<OutputSession, "write" | "delivered">;
  readonly start: Position;
  readonly input: InputSession;
  readonly clock: Clock;
  readonly warn: Warn;
}

/** Freezes the window by the source's own clock, where it has one, and sets the tracker on its start. */
export async function planRead(
  parts: ReadPlanParts,
): Promise<{ tracker: PositionTracker; request: Omit<ReadRequest, "signal"> }> {
  const { pipeline, session, start, input, clock, warn } = parts;
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
  const tracker = new PositionTracker({
    incremental,
    window,
    start,
    identity: { key: incremental.key, content: !appends },
    tracksDeliveries: appends && incremental.key !== null && session.delivered !== undefined,
    now: () =>
      incremental.cursors[0]?.type === "timestamp_utc" ? millisecondsToTimestamp(clock.now() + ahead) : null,
    warn,
  });
  return { tracker, request: { window, companions: start.companions, resume } };
}
