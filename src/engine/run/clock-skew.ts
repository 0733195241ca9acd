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

const units = [
  ["days", 86_400_000],
  ["hours", 3_600_000],
  ["minutes", 60_000],
] as const;

function formatLength(milliseconds: number): string {
  const [name, length] = units.find(([, unit]) => milliseconds >= 2 * unit) ?? units[2];
  return `${Math.round(milliseconds / length)} ${name}`;
}
