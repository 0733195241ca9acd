import type { Facts } from "./facts.ts";

/**
 * How many records a source puts on a page. It may grant fewer than it is asked for without a word, so
 * a page is known to be short only beside a larger one, of this read or of an earlier run.
 */
export class PageSizes {
  readonly #facts: Facts;
  readonly #sizes = new Set<number>();
  #largest = 0;

  readonly #limit: number | undefined;

  constructor(facts: Facts, limit?: number) {
    this.#facts = facts;
    this.#limit = limit;
    // Powers of two are enough to tell, and they are few to keep.
    for (let size = 1; size <= largestKept; size *= 2) if (facts.has(fact(size))) this.#largest = size;
    if (limit !== undefined && facts.has(granted(limit))) this.#largest = Math.max(this.#largest, limit);
  }

  /** The size of the largest page that is known; 0 where none is. */
  get largest(): number {
    return this.#largest;
  }

  /** The size that each page of this read had so far; null where they differ, or none has been read. */
  get constant(): number | null {
    const [size = null] = this.#sizes;
    return this.#sizes.size === 1 ? size : null;
  }

  note(count: number): void {
    if (this.#sizes.size < 2) this.#sizes.add(count);
    if (this.#limit !== undefined && count >= this.#limit)
      this.#facts.learnOneOf("page-limit", String(this.#limit), 1);
    if (count <= this.#largest) return;
    this.#largest = count;
    this.#facts.learn(fact(2 ** Math.min(Math.floor(Math.log2(count)), Math.log2(largestKept))));
  }
}

const largestKept = 2 ** 20;

function fact(size: number): string {
  return `page-size:${size}`;
}

/** That the source has given as many as it was asked for. */
function granted(limit: number): string {
  return `page-limit:${limit}`;
}
