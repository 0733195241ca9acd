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
  /** Whether the records are to be looked at: the input does not know yet that its bound finds them. */
  readonly looks: boolean;
}

/** The watch of a live run whose leading cursor can be asked for from a bound on; null where it cannot. */
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
 * Watches whether a run's lower bound does what it is sent for: the records at the watermark come again, and none
 * from below what was asked for. The parts of a stream are asked by the same form of a bound, so what one of them
 * shows holds for all.
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

  /** What watches one part; nothing is expected of one that goes on inside a window, or holds no record at its watermark. */
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

  /** What the run has shown, once all was read; null where it could show nothing. */
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

/** Watches the read of one part. */
export interface RangeWatch {
  /** Takes in each page's records, with their cursors. */
  see(records: readonly SourceRecord[], cursors: readonly (string | null)[]): void;
  /** Takes in a record from below what the source was asked for. */
  below(cursor: string, asked: string): void;
}
