import type { StreamKey } from "../model/stream-key.ts";
import type { StateStore } from "../state/contract.ts";
import type { Mark } from "./ports.ts";

/** A crash leaves the output ahead of the state by a run that the state began, which is among its newest. */
const newestRuns = 100;

/**
 * What to tell of a state that was lost or restored to an older one: the output's mark is of a run that the state
 * does not know. Null after a mere crash between the output's commit and the state's, which is as it should be.
 */
export async function toldOutputAhead(
  state: StateStore,
  key: StreamKey,
  mark: Mark,
  known: string | null,
  partition?: string,
): Promise<string | null> {
  const { items } = await state.runs(key, { limit: newestRuns });
  if (items.some(({ kind, epoch }) => kind === "live" && epoch === mark.epoch)) return null;
  const whole = partition === undefined ? "the stream" : `partition ${partition}`;
  return (
    `the state has ${known ?? "no watermark"} for ${whole}, and the output holds more, up to ` +
    `${mark.position.watermark ?? "a place inside an unfinished window"}: the state was lost or restored to an older one; ` +
    "the run goes on from the output's position"
  );
}
