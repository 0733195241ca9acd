/** Draws that a seed repeats (mulberry32). */
export interface Random {
  /** From 0 to 1, below 1. */
  next(): number;
  /** A whole number from `low` to `high`, both included. */
  between(low: number, high: number): number;
  chance(probability: number): boolean;
  one<T>(choices: readonly T[]): T;
  /** The same choices in another order. */
  shuffled<T>(choices: readonly T[]): T[];
}

export function randomFrom(seed: number): Random {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
  const between = (low: number, high: number): number => low + Math.floor(next() * (high - low + 1));
  return {
    next,
    between,
    chance: (probability) => next() < probability,
    one(choices) {
      const choice = choices[Math.floor(next() * choices.length)];
      if (choice === undefined) throw new RangeError("there is nothing to choose from");
      return choice;
    },
    shuffled(choices) {
      const rest = [...choices];
      for (let last = rest.length - 1; last > 0; last--) {
        rest.push(...rest.splice(between(0, last), 1));
      }
      return rest;
    },
  };
}

/** The seed of one schedule of a run, so that it can be drawn without those before it. */
export function seedOf(seed: number, schedule: number): number {
  return (Math.imul(seed ^ 0x9e3779b9, 0x85ebca6b) + Math.imul(schedule, 0xc2b2ae35)) >>> 0;
}
