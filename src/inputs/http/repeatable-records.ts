import { type CursorType, compareCursorValues } from "../../model/cursor.ts";
import { contentHash, identityOf } from "../../model/identity.ts";
import type { Path, SourceRecord } from "../../model/record.ts";

interface Seen {
  /** Null for a record without one. */
  readonly cursor: string | null;
  /** The content hash of the newest version passed on; null where records have no key. */
  content: string | null;
  /** How many were passed on, and how many of them came in the current pass; for records without a key. */
  count: number;
  inPass: number;
}

export interface SeenRecordsOptions {
  readonly type: CursorType;
  /** The fields that identify a record; null compares whole contents, and counts equal ones. */
  readonly key: readonly Path[] | null;
  /** How many are remembered. */
  readonly most: number;
}

/**
 * The records of a read that may come again, since the bounds of its pages overlap. A pass is all that a source returns
 * for one bound.
 */
export class RepeatableRecords {
  readonly #options: SeenRecordsOptions;
  readonly #seen = new Map<string, Seen>();
  #forgotten: string | null = null;

  constructor(options: SeenRecordsOptions) {
    this.#options = options;
  }

  /** The highest cursor of a record that could not be kept; null where there is none. */
  get forgotten(): string | null {
    return this.#forgotten;
  }

  /** A text that identifies a record. */
  nameOf(record: SourceRecord, cursor: string | null): string {
    return `${cursor ?? ""}\n${this.#identityOf(record)}`;
  }

  /** Whether such a record is remembered. */
  has(record: SourceRecord, cursor: string | null): boolean {
    return this.#seen.has(this.nameOf(record, cursor));
  }

  /** The engine refuses a record without its key. */
  #identityOf(record: SourceRecord): string {
    try {
      return identityOf(record, { key: this.#options.key, content: false });
    } catch {
      return contentHash(record);
    }
  }

  /**
   * Whether the record is new; marks it as known. With `mayChange`, a record with a key is new again if its content
   * changed.
   */
  take(record: SourceRecord, cursor: string | null, { mayChange }: { mayChange: boolean }): boolean {
    const name = this.nameOf(record, cursor);
    const known = this.#seen.get(name);
    const seen = known ?? { cursor, content: null, count: 0, inPass: 0 };
    seen.inPass += 1;
    if (this.#options.key === null) {
      if (seen.inPass <= seen.count) return false;
      seen.count = seen.inPass;
    } else {
      const content = contentHash(record);
      if (known !== undefined && (known.content === content || !mayChange)) return false;
      seen.content = content;
      seen.count = 1;
    }
    if (known === undefined) this.#remember(name, seen);
    return true;
  }

  /** Starts a new pass: everything in it may have come before. */
  startPass(): void {
    for (const seen of this.#seen.values()) seen.inPass = 0;
  }

  /** Removes records below the cursor, which do not come again. Records without a cursor are kept. */
  forgetBelow(bound: string): void {
    const { type } = this.#options;
    for (const [name, { cursor }] of this.#seen) {
      if (cursor !== null && compareCursorValues(type, cursor, bound) < 0) this.#seen.delete(name);
    }
  }

  /** How many records are remembered; of one cursor, if it is given. */
  count(cursor?: string): number {
    let count = 0;
    for (const seen of this.#seen.values()) {
      if (cursor === undefined || seen.cursor === cursor) count += seen.count;
    }
    return count;
  }

  /** The oldest are removed first: they are the lowest, and least likely to come again. */
  #remember(name: string, seen: Seen): void {
    this.#seen.set(name, seen);
    if (this.#seen.size <= this.#options.most) return;
    for (const [first, { cursor }] of this.#seen) {
      this.#seen.delete(first);
      if (cursor !== null && (this.#forgotten === null || this.#isBehind(cursor, this.#forgotten))) {
        this.#forgotten = cursor;
      }
      return;
    }
  }

  #isBehind(a: string, b: string): boolean {
    return compareCursorValues(this.#options.type, a, b) > 0;
  }
}
