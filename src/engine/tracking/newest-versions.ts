import { type CursorType, compareCursorValues } from "../../model/cursor.ts";
import { identityOf } from "../../model/identity.ts";
import type { Path, SourceRecord } from "../../model/record.ts";
import type { Warn } from "../ports.ts";

/** How many records are remembered in each of two halves: enough for what lies close together in a source. */
const remembered = 25_000;

export interface NewestVersionsOptions {
  readonly type: CursorType;
  /** By which the output replaces rows: fields of the records as filters leave them. */
  readonly key: readonly Path[];
  /** Whether there are filters, so that what they would make of a record is only known of those that they are given. */
  readonly filters: boolean;
  readonly warn: Warn;
  /** How many records each half remembers: 25,000 unless given. */
  readonly most?: number;
}

/**
 * The cursors that the rows of an output have by one read, so that an older version of a record which comes behind
 * a newer one does not take its place. Needed where a source is not in ascending order, and the output replaces
 * rows. Memory is bounded by a number of records, and by a page: those that were not met for longest are forgotten.
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

  /** Takes in a record that the output holds already, since an earlier run delivered it. */
  noteKnown(record: SourceRecord, cursor: string): void {
    if (!this.#options.filters) this.#isOlder(record, cursor);
  }

  /** For one page: what leaves older versions out of what filters left of its records. To be called once. */
  ofPage(
    records: readonly SourceRecord[],
    cursors: readonly (string | null)[],
  ): (left: readonly SourceRecord[]) => readonly SourceRecord[] {
    return (left) => {
      this.#makeRoom();
      const cursorOf = cursorsBehind(records, cursors, left);
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

  /** Null for a record without its key, which is the output's to refuse. */
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

  /** The doubt is only worth telling of a source that gives several versions of a record. */
  #warnForgotten(): void {
    if (!this.#hasForgotten || !this.#hasLeftOut) return;
    this.#options.warn(
      "VERSIONS_FORGOTTEN",
      `the source gives older versions of records behind newer ones, and they are told apart among the last ${this.#most} records or more; of two that lay further apart the older one may have replaced the newer. Let the source sort by the cursor, and declare \`order: ascending\``,
    );
  }
}

/**
 * The cursor that each of the records that filters left had: they are the page's own, or as many, in the same order.
 * Null for a record of which that is not known.
 */
function cursorsBehind(
  records: readonly SourceRecord[],
  cursors: readonly (string | null)[],
  left: readonly SourceRecord[],
): (record: SourceRecord, at: number) => string | null {
  if (left.length === records.length) return (_, at) => cursors[at] ?? null;
  const known = new Map(records.map((record, at) => [record, cursors[at] ?? null]));
  return (record) => known.get(record) ?? null;
}
