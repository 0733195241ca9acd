/**
 * Passes items from many producers to one consumer without a buffer: a producer waits until its item was taken, so that
 * at most one item per producer is in memory.
 */
export class Handover<T> {
  readonly #waiting: { readonly item: T; readonly taken: (goOn: boolean) => void }[] = [];
  #wake: () => void = () => {};
  #over: "no" | "ended" | "stopped" = "no";
  #failure: { readonly error: unknown } | null = null;

  /** Resolves when the item was taken; to false where the consumer has stopped. */
  give(item: T): Promise<boolean> {
    if (this.#over !== "no") return Promise.resolve(false);
    return new Promise((taken) => {
      this.#waiting.push({ item, taken });
      this.#wake();
    });
  }

  /** Call when there are no more items. */
  end(): void {
    if (this.#over === "no") this.#over = "ended";
    this.#wake();
  }

  /** Ends with an error, which is thrown after the items before it were taken. */
  fail(error: unknown): void {
    this.#failure ??= { error };
    this.end();
  }

  /** Call when the consumer stops early: waiting producers resolve to false. */
  stop(): void {
    this.#over = "stopped";
    for (const { taken } of this.#waiting.splice(0)) taken(false);
  }

  async *taken(): AsyncGenerator<T, void, undefined> {
    for (;;) {
      const next = this.#waiting.shift();
      if (next !== undefined) {
        next.taken(true);
        yield next.item;
      } else if (this.#over === "no") {
        await new Promise<void>((wake) => {
          this.#wake = wake;
        });
      } else {
        if (this.#failure !== null) throw this.#failure.error;
        return;
      }
    }
  }
}
