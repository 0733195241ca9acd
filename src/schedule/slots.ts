/** A slot for one run, until it is disposed. */
export interface Slot extends Disposable {
  /** Lets another run take the room for now, where fewer than so many do already. */
  lend(): boolean;
  /** Counts again at once, even if there is no room: the next runs wait for longer instead. */
  reclaim(): void;
  /** Lets another run take the room for now, however many do. */
  leave(): void;
  /** Waits for room again, before those that have not begun. Rejects with the signal's reason. */
  enter(signal: AbortSignal): Promise<void>;
}

/** How many runs without progress may lend their slot, at least: otherwise hanging runs would block all others. */
const leastLent = 8;

/** Limits concurrent runs; the others wait in order. */
export class Slots {
  readonly #mostLent: number;
  #free: number;
  #lent = 0;
  readonly #waiting: (() => void)[] = [];

  constructor(count: number) {
    this.#free = count;
    this.#mostLent = Math.max(leastLent, count);
  }

  /** Whether anybody waits for room. */
  get wanted(): boolean {
    return this.#waiting.length > 0;
  }

  /** Whether there is room now. */
  get available(): boolean {
    return this.#free > 0;
  }

  /** Resolves once there is room; what it returns gives the room back. Rejects with the signal's reason. */
  async take(signal: AbortSignal): Promise<Slot> {
    await this.#enter(signal, "last");
    return this.#slot();
  }

  #slot(): Slot {
    let holds: "room" | "lent" | "left" | "gone" = "room";
    const change = (next: typeof holds): void => {
      if (holds === "lent") this.#lent -= 1;
      if (next === "lent") this.#lent += 1;
      holds = next;
    };
    const hasLeft = (): boolean => holds === "left";
    let entering: Promise<void> | null = null;
    const enter = async (signal: AbortSignal): Promise<void> => {
      await this.#enter(signal, "first");
      // The run may have been given up meanwhile.
      if (hasLeft()) change("room");
      else this.#give();
    };
    return {
      lend: () => {
        if (holds !== "room" || this.#lent >= this.#mostLent) return false;
        change("lent");
        this.#give();
        return true;
      },
      reclaim: () => {
        if (holds !== "lent") return;
        change("room");
        this.#free -= 1;
      },
      leave: () => {
        if (holds === "room") this.#give();
        if (holds !== "gone") change("left");
      },
      enter: async (signal) => {
        if (!hasLeft()) return;
        // Several waits of one run may be over at once, and it needs room once.
        entering ??= enter(signal).finally(() => {
          entering = null;
        });
        await entering;
      },
      [Symbol.dispose]: () => {
        if (holds === "room") this.#give();
        change("gone");
      },
    };
  }

  async #enter(signal: AbortSignal, place: "first" | "last"): Promise<void> {
    signal.throwIfAborted();
    if (this.#free > 0) this.#free -= 1;
    else await this.#turn(signal, place);
  }

  #turn(signal: AbortSignal, place: "first" | "last"): Promise<void> {
    return new Promise((resolve, reject) => {
      const leave = (): void => {
        const at = this.#waiting.indexOf(enter);
        if (at !== -1) this.#waiting.splice(at, 1);
        reject(signal.reason);
      };
      const enter = (): void => {
        signal.removeEventListener("abort", leave);
        resolve();
      };
      signal.addEventListener("abort", leave, { once: true });
      if (place === "first") this.#waiting.unshift(enter);
      else this.#waiting.push(enter);
    });
  }

  #give(): void {
    this.#free += 1;
    if (this.#free <= 0) return;
    const next = this.#waiting.shift();
    if (next === undefined) return;
    this.#free -= 1;
    next();
  }
}
