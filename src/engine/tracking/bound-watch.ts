import { type CursorType, compareCursorValues } from "../../model/cursor.ts";
import { type IdentityPlan, identityOf, withoutContent } from "../../model/identity.ts";
import type { Position } from "../../model/position.ts";
import type { SourceRecord } from "../../model/record.ts";
import type { BoundOutcome } from "../bound-outcome.ts";
import type { CursorField, Window } from "../ports.ts";
import { hasLatest } from "./tie-name.ts";

export interface BoundWatchParts {
  readonly type: CursorType;
  readonly identity: IdentityPlan;
  /** Whether the records must be checked, since no run has confirmed yet that the bound finds them. */
  readonly looks: boolean;
}

/** The watch of a live run; null where the leading cursor cannot be requested from a lower bound. */
export function boundWatchOf(
  field: CursorField | undefined,
  parts: Omit<BoundWatchParts, "type">,
): BoundWatch | null {
  if (field === undefined || field.path === null) return null;
  return field.role === "timestamp" || field.role === "id"
    ? new BoundWatch({ ...parts, type: field.type })
    : null;
}

/**
 * Watches whether a run's lower bound works: the records at the watermark come again, and none from below the bound.
 * All partitions and slices use the same form of the bound, so the result of one of them holds for all.
 */
export class BoundWatch {
  readonly #parts: BoundWatchParts;
  #first: Pick<BoundOutcome, "watermark" | "lower"> | null = null;
  #hasSeen = false;
  #isExplained = false;
  #hasRecords = false;
  #below: BoundOutcome["below"] = null;

  constructor(parts: BoundWatchParts) {
    this.#parts = parts;
  }

  /**
   * Watches one range. Nothing is expected of a range that resumes inside a window, or has no record at its watermark.
   */
  part(start: Position, window: Window, resumes: boolean): RangeWatch {
    const { watermark } = start;
    const tied = watermark === null ? [] : start.tieSet.filter(({ cursor }) => cursor === watermark);
    const lower = window.lower?.value ?? null;
    const isWatched = this.#parts.looks && !resumes && lower !== null && tied.length > 0;
    if (isWatched && watermark !== null) this.#first ??= { watermark, lower };
    const keys = new Set(tied.map(({ identity }) => this.#keyIn(identity)));
    return {
      see: (records, cursors) => {
        if (isWatched && watermark !== null && !this.#hasSeen)
          this.#see(records, cursors, { watermark, keys });
      },
      below: (cursor, asked) => {
        const last = this.#below?.cursor;
        if (last === undefined || compareCursorValues(this.#parts.type, cursor, last) < 0)
          this.#below = { cursor, lower: asked };
      },
    };
  }

  /** The result, once everything was read; null where there is none. */
  outcome(): BoundOutcome | null {
    const below = this.#below;
    const first = this.#first;
    if (first === null && below === null) return null;
    return { watermark: first?.watermark ?? null, lower: first?.lower ?? null, found: this.#found(), below };
  }

  #found(): BoundOutcome["found"] {
    if (this.#first === null) return "unknown";
    if (this.#hasSeen) return "watermark";
    if (this.#isExplained) return "unknown";
    return this.#hasRecords ? "others" : "nothing";
  }

  #see(
    records: readonly SourceRecord[],
    cursors: readonly (string | null)[],
    { watermark, keys }: { readonly watermark: string; readonly keys: ReadonlySet<string> },
  ): void {
    const { type, identity } = this.#parts;
    this.#hasRecords ||= records.length > 0;
    for (const [index, cursor] of cursors.entries()) {
      const record = records[index];
      if (cursor === null || record === undefined) continue;
      if (compareCursorValues(type, cursor, watermark) <= 0) {
        this.#hasSeen = true;
        return;
      }
      // A record that was changed since has a higher cursor: it is not missing.
      if (identity.key !== null && keys.has(identityOf(record, { key: identity.key, content: false })))
        this.#isExplained = true;
    }
  }

  #keyIn(identity: string): string {
    return hasLatest(this.#parts.identity) ? withoutContent(identity) : identity;
  }
}

/** Watches the read of one range. */
export interface RangeWatch {
  /** Checks the records of a page, with their cursors. */
  see(records: readonly SourceRecord[], cursors: readonly (string | null)[]): void;
  /** Reports a record from below the bound. */
  below(cursor: string, asked: string): void;
}
