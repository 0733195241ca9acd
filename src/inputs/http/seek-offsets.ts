import type { Read } from "./seek-page.ts";

export interface SeekOffsetsParts {
  readonly limit: number;
  /** Whether records have a key. */
  readonly isKeyed: boolean;
  /** A text that identifies a record. */
  readonly nameOf: (read: Read) => string;
}

/**
 * The pages by offset under one bound. Each page overlaps with the one before by one record, its anchor, so that a shift
 * is noticed. Where the source gives single records, the overlap brings its anchor alone, for ever: then pages follow each
 * other without one, until a larger page comes.
 */
export class SeekOffsets {
  readonly #parts: SeekOffsetsParts;
  #offset = 0;
  #anchor: string | null = null;
  #page: readonly Read[] = [];
  #end = 0;
  #isOneByOne = false;
  /** The page before the next one. */
  #before: readonly Read[] = [];

  constructor(parts: SeekOffsetsParts) {
    this.#parts = parts;
  }

  /** The last record of the page before, which the next page must have; null where they do not overlap. */
  get anchor(): string | null {
    return this.#anchor;
  }

  /** The offset of the next page. */
  get skip(): number {
    return this.#offset - (this.#anchor === null ? 0 : 1);
  }

  /** The offset behind the newest page. */
  get end(): number {
    return this.#end;
  }

  get isFirst(): boolean {
    return this.#offset === 0 && this.#anchor === null;
  }

  restart(): void {
    this.#offset = 0;
    this.#anchor = null;
  }

  note(page: readonly Read[]): void {
    this.#page = page;
    this.#end = this.skip + page.length;
  }

  /** Moves behind the newest page. */
  goOn({ overlaps }: { readonly overlaps: boolean }): void {
    const last = this.#page.at(-1);
    this.#before = this.#page;
    this.#isOneByOne =
      this.#page.length < 2 && (this.#isOneByOne || this.#anchor !== null || this.#parts.limit < 2);
    this.#anchor = !overlaps || last === undefined || this.#isOneByOne ? null : this.#parts.nameOf(last);
    this.#offset = this.#end;
  }

  /**
   * How many records of the page came on the page before; null where it does not continue that page. They are more than
   * one where the source filters a page after it was cut: the next offset leads back into it.
   */
  repeatedIn(page: readonly Read[]): number | null {
    const { limit, isKeyed, nameOf } = this.#parts;
    const before = this.#before;
    if (this.#anchor === null) {
      // Without a key nothing tells whether this is the same record, or another one like it.
      const isUnclear = this.#offset > 0 && !isKeyed && limit > 1;
      return isUnclear && isSame(page[0], before.at(-1), nameOf) ? null : 0;
    }
    if (isSame(page[0], before.at(-1), nameOf)) return 1;
    return isKeyed && before.length < limit ? repeatedAtStart(page.map(nameOf), before.map(nameOf)) : null;
  }
}

function isSame(a: Read | undefined, b: Read | undefined, nameOf: SeekOffsetsParts["nameOf"]): boolean {
  return a !== undefined && b !== undefined && nameOf(a) === nameOf(b);
}

function repeatedAtStart(names: readonly string[], before: readonly string[]): number | null {
  const last = before.at(-1);
  const count = last === undefined ? 0 : names.indexOf(last) + 1;
  if (count === 0 || count > before.length) return null;
  return before.slice(-count).every((name, index) => name === names[index]) ? count : null;
}
