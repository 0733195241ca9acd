import { type CursorType, compareCursorValues } from "../../model/cursor.ts";
import { identityOf } from "../../model/identity.ts";
import type { Path, SourceRecord } from "../../model/record.ts";
import type { Filter } from "../filter.ts";
import { keepInOrder } from "../filtering/in-order.ts";
import type { Traced } from "../filtering/traced.ts";
import type { Warn } from "../ports.ts";

/** How many records each of two halves remembers: enough for versions that lie close together in a source. */
const remembered = 25_000;

export interface NewestVersionsOptions {
  readonly type: CursorType;
  /** The key fields by which the output replaces rows, in the filters' results. */
  readonly key: readonly Path[];
  readonly filters: readonly Pick<Filter, "kind">[];
  readonly warn: Warn;
  /** How many records each half remembers. Default: 25,000. */
  readonly most?: number;
}

/**
 * The cursors of the rows that one read has written, so that an older version of a record that comes after a newer one
 * does not replace it. Needed where a source is not in ascending order and the output replaces rows. Memory is bounded:
 * the least recently seen records are forgotten.
 */
export class NewestVersions {
  readonly #options: NewestVersionsOptions;
  readonly #most: number;
  #recent = new Map<string, string>();
  #former = new Map<string, string>();
  #hasForgotten = false;
  #hasLeftOut = false;

  constructor(options: NewestVersionsOptions) {
    this.#options = options;
    this.#most = options.most ?? remembered;
  }

  /** Adds a record that the output already holds from an earlier run. */
  noteKnown(record: SourceRecord, cursor: string): void {
    // Behind filters, the record's row is not known.
    if (this.#options.filters.length === 0) this.#isOlder(record, cursor);
  }

  /** For one page: returns a function that removes older versions from the filters' results. Call it once. */
  ofPage(
    records: readonly SourceRecord[],
    cursors: readonly (string | null)[],
  ): (filtered: Traced) => readonly SourceRecord[] {
    return (filtered) => {
      this.#makeRoom();
      const { records: left } = filtered;
      const cursorOf = this.#isOneByOne(records, filtered)
        ? (_: SourceRecord, at: number) => cursors[at] ?? null
        : cursorsOfUnchanged(records, cursors);
      const newest = left.filter((record, at) => {
        const cursor = cursorOf(record, at);
        return cursor === null || !this.#isOlder(record, cursor);
      });
      if (newest.length === left.length) return left;
      this.#hasLeftOut = true;
      this.#warnForgotten();
      return newest;
    };
  }

  /** Whether each result was made of the record at its own index. */
  #isOneByOne(records: readonly SourceRecord[], { records: left, origins }: Traced): boolean {
    if (left.length !== records.length) return false;
    if (origins !== null) return origins.every((origin, at) => origin === at);
    return keepInOrder(this.#options.filters);
  }

  #isOlder(record: SourceRecord, cursor: string): boolean {
    const name = this.#nameOf(record);
    if (name === null) return false;
    const recent = this.#recent.get(name);
    const known = recent ?? this.#former.get(name);
    if (known === cursor && recent !== undefined) return false;
    const isOlder = known !== undefined && compareCursorValues(this.#options.type, cursor, known) < 0;
    this.#recent.set(name, isOlder ? known : cursor);
    return isOlder;
  }

  /** Null for a record without its key, which the output refuses. */
  #nameOf(record: SourceRecord): string | null {
    try {
      return identityOf(record, { key: this.#options.key, content: false });
    } catch {
      return null;
    }
  }

  #makeRoom(): void {
    if (this.#recent.size < this.#most) return;
    this.#hasForgotten ||= this.#former.size > 0;
    this.#former = this.#recent;
    this.#recent = new Map();
    this.#warnForgotten();
  }

  /** Warns only for a source that has returned several versions of a record. */
  #warnForgotten(): void {
    if (!this.#hasForgotten || !this.#hasLeftOut) return;
    this.#options.warn(
      "VERSIONS_FORGOTTEN",
      `the source returns older versions of records after newer ones. They are recognised among the last ${this.#most} records or more; an older version further apart may have replaced a newer one. Let the source sort by the cursor, and declare \`order: ascending\``,
    );
  }
}

/** The cursors of results that are the page's own records; null for any other. */
function cursorsOfUnchanged(
  records: readonly SourceRecord[],
  cursors: readonly (string | null)[],
): (record: SourceRecord) => string | null {
  const known = new Map(records.map((record, at) => [record, cursors[at] ?? null]));
  return (record) => known.get(record) ?? null;
}
