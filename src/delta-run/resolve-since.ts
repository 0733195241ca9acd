import { type Clock, systemClock } from "../clock.ts";
import { TidemarkError } from "../errors.ts";
import { isoTime } from "../state/iso-time.ts";

export interface ResolveSinceOptions {
  /** Where to start regardless of the cursor: for reading a window again. Empty is none. */
  readonly override?: string | null | undefined;
  /** How many days back a stream's first run starts, where there is no cursor yet: 7 unless given. */
  readonly lookbackDays?: number | undefined;
  /** The clock for the current time. */
  readonly clock?: Clock;
}

const dayMs = 86_400_000;
const usualLookbackDays = 7;
const earliest = Date.parse("0001-01-01T00:00:00Z");

/**
 * Where an incremental read starts, in the order override, cursor, bootstrap window: the operator's `override`; else
 * `lowerBound`, the watermark of the last run; else so many days before now, as `YYYY-MM-DDTHH:MM:SSZ`. The first two
 * come back as they are.
 *
 * Throws `ARGUMENT_INVALID` where `lookbackDays` is not a whole number from 0, also where it is not needed, so that an
 * error shows at once, and not in the first run of another stream.
 *
 * ```ts
 * const since = resolveSince(run.lowerBoundCursor, { override: process.env.SINCE, lookbackDays: 30 });
 * ```
 */
export function resolveSince(lowerBound: string | null, options: ResolveSinceOptions = {}): string {
  const { override, lookbackDays = usualLookbackDays, clock = systemClock } = options;
  const bootstrap = clock.now() - lookbackDays * dayMs;
  if (!Number.isInteger(lookbackDays) || lookbackDays < 0 || bootstrap < earliest) {
    throw new TidemarkError("ARGUMENT_INVALID", `lookbackDays is ${String(lookbackDays)}`, {
      hint: "Give a whole number of days from 0, not before the year 1.",
    });
  }
  if (override) return override;
  return lowerBound ?? `${isoTime(bootstrap).slice(0, "YYYY-MM-DDTHH:MM:SS".length)}Z`;
}
