import { setTimeout as delay } from "node:timers/promises";

/** Time as the code that needs it takes it, so that tests can pass a clock of their own. */
export interface Clock {
  /** Wall time in whole milliseconds since 1970. */
  now(): number;
  /** Milliseconds that only ever grow, for measuring. */
  elapsed(): number;
  /**
   * Resolves after so many milliseconds; rejects with the signal's reason when it aborts. A sleep in
   * the background does not keep the process alive by itself.
   */
  sleep(milliseconds: number, signal?: AbortSignal, options?: { background?: boolean }): Promise<void>;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  elapsed: () => performance.now(),
  async sleep(milliseconds, signal, options) {
    const ref = options?.background !== true;
    try {
      await delay(milliseconds, undefined, signal === undefined ? { ref } : { ref, signal });
    } catch (error) {
      throw signal?.aborted ? signal.reason : error;
    }
  },
};
