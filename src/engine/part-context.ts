import type { Clock } from "../clock.ts";
import type { Pause } from "../http/retry.ts";
import type { StreamKey } from "../model/stream-key.ts";

export type Warn = (code: string, message: string) => void;

/** What the engine passes to inputs, filters and outputs. */
export interface PartContext {
  readonly key: StreamKey;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** Adds a named warning to the run's summary; the same code is kept once, with a count. */
  readonly warn: Warn;
  /** Waits, and reports a long wait when it begins. Without it, the clock sleeps. */
  readonly pause?: Pause;
}
