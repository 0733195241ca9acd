import { holdsSecret } from "../../secrets.ts";

/** What has been learned about a source: by earlier runs of the stream and by this one. */
export interface Facts {
  has(fact: string): boolean;
  learn(fact: string): void;
  /** The facts of a kind, without its name. */
  of(kind: string): readonly string[];
  /** Learns a fact of a kind with a limited number: an older one is removed. */
  learnOneOf(kind: string, fact: string, most: number): void;
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
    if (!this.#known.has(fact)) this.#add(fact);
  }

  /** Facts are stored, and a source may put a secret anywhere (promise P14): a fact with a secret is dropped. */
  #add(fact: string): void {
    if (!holdsSecret(fact)) this.#known.add(fact);
  }

  of(kind: string): readonly string[] {
    const prefix = `${kind}:`;
    return [...this.#known]
      .filter((fact) => fact.startsWith(prefix))
      .map((fact) => fact.slice(prefix.length));
  }

  learnOneOf(kind: string, fact: string, most: number): void {
    const name = `${kind}:${fact}`;
    if (this.#known.has(name)) return;
    const others = [...this.#known].filter((other) => other.startsWith(`${kind}:`));
    for (const other of others.slice(0, Math.max(0, others.length - most + 1))) this.#known.delete(other);
    this.#add(name);
  }
}

/** The facts of another endpoint of the same stream: stored together, under a prefix. */
export function factsUnder(prefix: string, facts: Facts): Facts {
  return {
    has: (fact) => facts.has(prefix + fact),
    learn: (fact) => facts.learn(prefix + fact),
    of: (kind) => facts.of(prefix + kind),
    learnOneOf: (kind, fact, most) => facts.learnOneOf(prefix + kind, fact, most),
  };
}
