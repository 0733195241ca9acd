import type { Clock } from "../clock.ts";
import type { StateStore } from "./contract.ts";

/** A connector name that no stream has. */
const nobody = "_tidemark";
const trustMs = 1000;

interface Look {
  readonly outcome: Promise<void>;
  /** By `Clock.elapsed`; null while it is under way. */
  endedAt: number | null;
}

/** Checks whether state stores can be written to, each at most once a second. */
export class WriteProbes {
  readonly #clock: Clock;
  readonly #last = new WeakMap<StateStore, Look>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Throws the failures of the state, such as `STATE_UNAVAILABLE`. */
  assertWritable(state: StateStore): Promise<void> {
    const last = this.#last.get(state);
    if (last !== undefined && (last.endedAt === null || this.#clock.elapsed() - last.endedAt < trustMs)) {
      return last.outcome;
    }
    const look: Look = { outcome: state.probe(), endedAt: null };
    const ended = (): void => {
      look.endedAt = this.#clock.elapsed();
    };
    look.outcome.then(ended, ended);
    this.#last.set(state, look);
    return look.outcome;
  }
}

/**
 * Makes an empty query, to check that the state answers. It reads no stream's row: an unreadable row fails its own runs
 * and no others. Throws the failures of the state, such as `STATE_UNAVAILABLE` and `UNAUTHORIZED`.
 */
export async function assertResponds(state: StateStore): Promise<void> {
  await state.list({ connector: nobody, limit: 1 });
}
