/**
 * Hands items from many givers to one taker, without keeping any: a giver waits until its item was
 * taken, so that no more are in memory than there are givers.
 */
export class Handover<T> {
  readonly #waiting: { readonly item: T; readonly taken: (goOn: boolean) => void }[] = [];
  #wake: () => void = () => {};
  #over: "no" | "ended" | "stopped" = "no";
  #failure: { readonly error: unknown } | null = null;

  /** Resolves when the item was taken; to false where nobody takes any more. */
  give(item: T): Promise<boolean> {
    if (this.#over !== "no") return Promise.resolve(false);
    return new Promise((taken) => {
      this.#waiting.push({ item, taken });
      this.#wake();
    });
  }

  /** To be called when nothing more will be given. */
  end(): void {
    if (this.#over === "no") this.#over = "ended";
    this.#wake();
  }

  /** Ends with an error, which is thrown once what was given is taken. */
  fail(error: unknown): void {
    this.#failure ??= { error };
    this.end();
  }

  /** To be called by a taker that leaves early: givers that wait are sent away. */
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
