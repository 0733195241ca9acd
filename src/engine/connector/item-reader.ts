/**
 * Pulls items from user code that may ignore its signal: once the signal aborts, `next` rejects with its reason at
 * once, and `close` does not wait for the source either.
 */
export class ItemReader {
  readonly #iterator: AsyncIterator<unknown>;
  readonly #signal: AbortSignal;
  readonly #onAbort = (): void => this.#reject?.(this.#signal.reason);
  #reject: ((reason: unknown) => void) | null = null;
  /** Whether a `next` of the source is still pending. */
  #isPending = false;
  #ended = false;

  constructor(iterator: AsyncIterator<unknown>, signal: AbortSignal) {
    this.#iterator = iterator;
    this.#signal = signal;
    signal.addEventListener("abort", this.#onAbort, { once: true });
  }

  next(): Promise<IteratorResult<unknown>> {
    return new Promise((resolve, reject) => {
      if (this.#signal.aborted) return reject(this.#signal.reason);
      this.#reject = reject;
      this.#isPending = true;
      this.#pull().then(resolve, reject);
    });
  }

  async #pull(): Promise<IteratorResult<unknown>> {
    try {
      const step = await this.#iterator.next();
      this.#ended = step.done === true;
      return step;
    } catch (error) {
      this.#ended = true;
      throw error;
    } finally {
      this.#isPending = false;
    }
  }

  /** Ends the source early, so that its `finally` blocks run; throws what they throw. */
  async close(): Promise<void> {
    this.#signal.removeEventListener("abort", this.#onAbort);
    this.#reject = null;
    if (this.#ended) return;
    const ending = this.#iterator.return?.();
    if (!this.#isPending) await ending;
    else ending?.catch(() => {});
  }
}
