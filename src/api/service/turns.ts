/** Lets only so much work go on at once; what comes next waits for its turn, in order. */
export class Turns {
  readonly #most: number;
  #going = 0;
  readonly #waiting: (() => void)[] = [];

  constructor(most: number) {
    this.#most = most;
  }

  async take<T>(work: () => Promise<T>): Promise<T> {
    if (this.#going >= this.#most) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    else this.#going += 1;
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#going -= 1;
      else next();
    }
  }
}
