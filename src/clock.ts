import { setTimeout as delay } from "node:timers/promises";

/** Time as the code that needs it takes it, so that tests can pass a clock of their own. */
export interface Clock {
  /** Wall time in whole milliseconds since 1970. */
  now(): number;
  /** Milliseconds that only ever grow, for measuring. */
  elapsed(): number;
  /** Resolves after so many milliseconds; rejects with the signal's reason when it aborts. */
  sleep(milliseconds: number, signal?: AbortSignal): Promise<void>;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  elapsed: () => performance.now(),
  async sleep(milliseconds, signal) {
    try {
      await delay(milliseconds, undefined, signal === undefined ? {} : { signal });
    } catch (error) {
      throw signal?.aborted ? signal.reason : error;
    }
  },
};
