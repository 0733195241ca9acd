import type { Clock } from "../../clock.ts";
import { TidemarkError } from "../../errors.ts";

/** How long a run may take after its deadline to finish the current page, in milliseconds. */
const graceMs = 30_000;

/**
 * Limits the time of a run. At the deadline `signal` aborts, and the run stops at its next checkpoint, as when it is
 * cancelled. A run that hangs is abandoned a little later.
 */
export class Deadline implements Disposable {
  readonly #stop = new AbortController();
  readonly #cut = new AbortController();
  readonly #over = new AbortController();

  /** `milliseconds` null is no limit. */
  constructor(milliseconds: number | null, clock: Clock, stream: string) {
    if (milliseconds !== null) void this.#run(milliseconds, clock, stream);
  }

  /** Aborts at the deadline, with the `DEADLINE_EXCEEDED` error that ends the run. */
  get signal(): AbortSignal {
    return this.#stop.signal;
  }

  /** Aborts when the run is abandoned: nothing more of it may reach the output. */
  get cut(): AbortSignal {
    return this.#cut.signal;
  }

  /** The result of the work; rejects with `DEADLINE_EXCEEDED` where it does not stop in time. */
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
