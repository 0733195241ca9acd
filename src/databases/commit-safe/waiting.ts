import { setTimeout as delay } from "node:timers/promises";
import { timestampToNanoseconds } from "../../model/timestamp.ts";

/** How long a run waits for transactions that are about to end; most take less than this. */
const longestWaitMs = 150;
const firstPauseMs = 5;

/** Repeats a check, at growing intervals, until nothing is left. Returns what is left at the end. */
export async function waitUntilNone<T>(ask: () => Promise<readonly T[]>): Promise<readonly T[]> {
  let waited = 0;
  for (let pause = firstPauseMs; ; pause *= 2) {
    const left = await ask();
    if (left.length === 0 || waited >= longestWaitMs) return left;
    await delay(pause);
    waited += pause;
  }
}

/** How long a transaction must hold a stream back before the user is warned: five minutes. */
const longNanoseconds = 5n * 60n * 1_000_000_000n;

/** Whether the time between two of the server's times is that long. */
export function isLong(since: string, now: string): boolean {
  return timestampToNanoseconds(now) - timestampToNanoseconds(since) > longNanoseconds;
}

export function warnOfHolder(
  warn: (code: string, message: string) => void,
  who: string,
  since: string,
): void {
  warn(
    "COMMIT_HELD_BACK",
    `${who} has had a transaction open since ${since} or earlier; rows that it may come in among are read once it has ended`,
  );
}
