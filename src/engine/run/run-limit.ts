import type { Clock } from "../../clock.ts";
import { TidemarkError } from "../../errors.ts";

/** How long a run may take to finish the current page after it was asked to stop, in milliseconds. */
const graceMs = 30_000;

/**
 * Ends a run before its end: at its deadline, or when somebody asks it to stop. `signal` aborts, and the run stops at
 * its next checkpoint, as when it is cancelled. A run that hangs is abandoned a little later.
 */
export class RunLimit implements Disposable {
  readonly #clock: Clock;
  readonly #stop = new AbortController();
  readonly #cut = new AbortController();
  readonly #over = new AbortController();

  /** `milliseconds`: the deadline; null is none. */
  constructor(milliseconds: number | null, clock: Clock, stream: string) {
    this.#clock = clock;
    if (milliseconds !== null) void this.#askAt(milliseconds, stream);
  }

  /** Aborts when the run is to stop, with the error that ends it: `DEADLINE_EXCEEDED` or `RUN_STOPPED`. */
  get signal(): AbortSignal {
    return this.#stop.signal;
  }

  /** Aborts when the run is abandoned: nothing more of it may reach the output. */
  get cut(): AbortSignal {
    return this.#cut.signal;
  }

  /** Asks the run to stop, with the error that ends it. What asked first counts. */
  ask(error: TidemarkError): void {
    if (!this.#stop.signal.aborted) void this.#stopWith(error);
  }

  /** The result of the work; rejects with the error of `ask` where it does not stop in time. */
  race<T>(work: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#cut.signal.addEventListener("abort", () => reject(this.#cut.signal.reason), { once: true });
      work.then(resolve, reject);
    });
  }

  [Symbol.dispose](): void {
    this.#over.abort();
  }

  async #askAt(milliseconds: number, stream: string): Promise<void> {
    const seconds = milliseconds / 1000;
    const message = `the run of ${stream} was not done after ${seconds} s (\`deadline\`)`;
    if (await this.#slept(milliseconds))
      this.ask(new TidemarkError("DEADLINE_EXCEEDED", message, { stream }));
  }

  async #stopWith(error: TidemarkError): Promise<void> {
    this.#stop.abort(error);
    if (!(await this.#slept(graceMs))) return;
    const { code, message, stream, details } = error;
    const stuck = new TidemarkError(code, `${message}, and did not stop when it was asked to`, {
      hint: "Its input, a filter or its output hangs without a time limit of its own. The next run goes on from the last checkpoint.",
      ...(stream === undefined ? {} : { stream }),
      ...(details === undefined ? {} : { details }),
    });
    this.#cut.abort(stuck);
  }

  /** False where the run has ended before. */
  async #slept(milliseconds: number): Promise<boolean> {
    try {
      await this.#clock.sleep(milliseconds, this.#over.signal, { background: true });
      return true;
    } catch {
      return false;
    }
  }
}
