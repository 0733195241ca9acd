import { compareCursorValues } from "../../model/cursor.ts";
import { millisecondsToTimestamp } from "../../model/timestamp.ts";
import type { Warn } from "../ports.ts";

/** How much two clocks may differ without a warning. */
export const toleratedSkewMs = 5 * 60 * 1000;

/**
 * Warns if this machine's clock is far from the source's. `ahead` is how far the source's clock is ahead, in
 * milliseconds. `source` names the source in the message.
 */
export function warnOfSkew(warn: Warn, ahead: number, source: string): void {
  if (Math.abs(ahead) <= toleratedSkewMs) return;
  const here = ahead < 0 ? "ahead of" : "behind";
  warn(
    "CLOCK_SKEW",
    `the clock of this machine is ${formatLength(Math.abs(ahead))} ${here} ${source}; which records lie in the future is decided by the source's clock. Set the clock of this machine (NTP): leases, schedules and times in logs go by it`,
  );
}

/**
 * Warns if a timestamp watermark is later than the clock, `now` in milliseconds: records that change until then lie below
 * it, and no run reads them.
 */
export function warnOfFutureWatermark(warn: Warn, watermark: string, now: number): void {
  if (compareCursorValues("timestamp_utc", watermark, millisecondsToTimestamp(now + toleratedSkewMs)) <= 0)
    return;
  warn(
    "WATERMARK_IN_FUTURE",
    `the watermark is ${watermark}, and the clock says ${millisecondsToTimestamp(now)}: records with a time in between are not read. If the watermark is wrong, set it with \`tidemark state set\``,
  );
}

const units = [
  ["days", 86_400_000],
  ["hours", 3_600_000],
  ["minutes", 60_000],
] as const;

function formatLength(milliseconds: number): string {
  const [name, length] = units.find(([, unit]) => milliseconds >= 2 * unit) ?? units[2];
  return `${Math.round(milliseconds / length)} ${name}`;
}
