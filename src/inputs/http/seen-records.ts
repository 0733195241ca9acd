import { type CursorType, compareCursorValues } from "../../model/cursor.ts";
import { contentHash, identityOf } from "../../model/identity.ts";
import type { Path, SourceRecord } from "../../model/record.ts";

interface Seen {
  /** Null for a record without one. */
  readonly cursor: string | null;
  /** Of the newest version that was handed on; null where records have no key. */
  content: string | null;
  /** How many were handed on, and how many of them the pass at hand has brought; for records without a key. */
  count: number;
  inPass: number;
}

export interface SeenRecordsOptions {
  readonly type: CursorType;
  /** What makes a record itself; null compares whole contents, and counts those that are alike. */
  readonly key: readonly Path[] | null;
  /** How many are remembered. */
  readonly most: number;
}

/**
 * The records of a read that may come again, since the bounds of its pages overlap. One pass is what
 * a source gives by one bound, from its start on.
 */
export class SeenRecords {
  readonly #options: SeenRecordsOptions;
  readonly #seen = new Map<string, Seen>();
  #forgotten: string | null = null;

  constructor(options: SeenRecordsOptions) {
    this.#options = options;
  }

  /** The highest cursor of a record that there was no room to remember; null where there is none. */
  get forgotten(): string | null {
    return this.#forgotten;
  }

  /** A text that two records share where they are the same one. */
  nameOf(record: SourceRecord, cursor: string | null): string {
    return `${cursor ?? ""}\n${this.#identityOf(record)}`;
  }

  /** Whether such a record is remembered. */
  has(record: SourceRecord, cursor: string | null): boolean {
    return this.#seen.has(this.nameOf(record, cursor));
  }

  /** A record without its key is the engine's to refuse. */
  #identityOf(record: SourceRecord): string {
    try {
      return identityOf(record, { key: this.#options.key, content: false });
    } catch {
      return contentHash(record);
    }
  }

  /**
   * Whether the record is new; from now on it is known. A record with a key is new again where its
   * content changed, if `mayChange`.
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

  /** The source is asked anew: all that it gives may have come before. */
  startPass(): void {
    for (const seen of this.#seen.values()) seen.inPass = 0;
  }

  /** What lies below the cursor does not come again. Records without one may. */
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

  /** Those that came first make room: they lie lowest, and are the least likely to come again. */
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
