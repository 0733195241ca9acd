import type { Facts } from "./facts.ts";

/**
 * The page sizes of a source. It may silently return fewer records than requested, so a page is known to be short only
 * if a larger one was seen, in this read or an earlier run.
 */
export class PageSizes {
  readonly #facts: Facts;
  readonly #sizes = new Set<number>();
  #largest = 0;

  readonly #limit: number | undefined;

  constructor(facts: Facts, limit?: number) {
    this.#facts = facts;
    this.#limit = limit;
    // Powers of two are precise enough, and only few need to be stored.
    for (let size = 1; size <= largestKept; size *= 2) if (facts.has(fact(size))) this.#largest = size;
    if (limit !== undefined && facts.has(granted(limit))) this.#largest = Math.max(this.#largest, limit);
  }

  /** The size of the largest page that is known; 0 where none is. */
  get largest(): number {
    return this.#largest;
  }

  /** The common size of all pages of this read so far; null where they differ, or none has been read. */
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

/** The fact that the source has returned as many records as requested. */
function granted(limit: number): string {
  return `page-limit:${limit}`;
}
