/** What is known of a source by now: what earlier runs of the stream learned, and what this one has seen. */
export interface Facts {
  has(fact: string): boolean;
  learn(fact: string): void;
}

/** The facts of one session, which all of its reads share. */
export class SourceFacts implements Facts {
  readonly #known: Set<string>;

  constructor(known: ReadonlySet<string> = new Set()) {
    this.#known = new Set(known);
  }

  get known(): ReadonlySet<string> {
    return this.#known;
  }

  has(fact: string): boolean {
    return this.#known.has(fact);
  }

  learn(fact: string): void {
    this.#known.add(fact);
  }
}

/** The facts of another endpoint of the same stream: they are kept together, and do not mix. */
export function factsUnder(prefix: string, facts: Facts): Facts {
  return {
    has: (fact) => facts.has(prefix + fact),
    learn: (fact) => facts.learn(prefix + fact),
  };
}
