import type { Clock } from "../../clock.ts";
import { TidemarkError } from "../../errors.ts";

/** What a run that does not stop by itself is left after its deadline, to finish the page at hand. */
const graceMs = 30_000;

/**
 * Limits the time of a run. Once it is over, `signal` aborts, and the run stops as if it had been asked to:
 * at its next checkpoint. One that hangs is left behind a little later.
 */
export class Deadline implements Disposable {
  readonly #stop = new AbortController();
  readonly #cut = new AbortController();
  readonly #over = new AbortController();

  /** `milliseconds` null is no limit. */
  constructor(milliseconds: number | null, clock: Clock, stream: string) {
    if (milliseconds !== null) void this.#run(milliseconds, clock, stream);
  }

  /** Aborts when the time is over, with the `DEADLINE_EXCEEDED` that the run is to end with. */
  get signal(): AbortSignal {
    return this.#stop.signal;
  }

  /** Aborts when the run is left behind: what it still does must not reach the output. */
  get cut(): AbortSignal {
    return this.#cut.signal;
  }

  /** What the work comes to; rejects with `DEADLINE_EXCEEDED` where it does not stop in time. */
  race<T>(work: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#cut.signal.addEventListener("abort", () => reject(this.#cut.signal.reason), { once: true });
      work.then(resolve, reject);
    });
  }

  [Symbol.dispose](): void {
    this.#over.abort();
  }

  async #run(milliseconds: number, clock: Clock, stream: string): Promise<void> {
    const { signal } = this.#over;
    const seconds = milliseconds / 1000;
    const message = `the run of ${stream} was not done after ${seconds} s (\`deadline\`)`;
    try {
      await clock.sleep(milliseconds, signal, { background: true });
      this.#stop.abort(new TidemarkError("DEADLINE_EXCEEDED", message, { stream }));
      await clock.sleep(graceMs, signal, { background: true });
      const stuck = new TidemarkError(
        "DEADLINE_EXCEEDED",
        `${message}, and did not stop when it was asked to`,
        {
          stream,
          hint: "Its input, a filter or its output hangs without a time limit of its own. The next run goes on from the last checkpoint.",
        },
      );
      this.#cut.abort(stuck);
    } catch {
      // The run has ended.
    }
  }
}
