import { type CursorType, compareCursorValues } from "../../model/cursor.ts";
import { type IdentityPlan, identityOf } from "../../model/identity.ts";
import type { TieMember } from "../../model/position.ts";
import type { SourceRecord } from "../../model/record.ts";
import type { Warn } from "../ports.ts";
import { hasLatest, tieNameBy } from "./tie-name.ts";
import type { TrackerOptions } from "./tracker-options.ts";

export interface TieSetParts {
  /** Null for a stream whose records have no ordered cursor: earlier runs then have no tie set. */
  readonly type: CursorType | null;
  /** The tie set of the last run. */
  readonly start: readonly TieMember[];
  readonly identity: IdentityPlan;
  /**
   * How many members are kept. Records without a cursor are counted separately, so that they do not displace others.
   */
  readonly most: number;
  readonly warn: Warn;
}

/** The tie set of one tracker. */
export function tieSetOf(options: TrackerOptions, type: CursorType | null): TieSet {
  const { start, identity, incremental, warn } = options;
  return new TieSet({ type, start: start.tieSet, identity, most: incremental.maxTieSetSize, warn });
}

/**
 * The records that were delivered at or above the watermark, by cursor and identity, so that reading
 * inclusively neither loses nor repeats them (promise P6). Records without a cursor have `""` for one.
 */
export class TieSet {
  readonly #parts: TieSetParts;
  readonly #keys = new Map<string, TieMember>();
  #withoutCursor = 0;
  readonly #nameOf: (cursor: string, identity: string) => string;
  /** The remaining counts from the last run, for records without a key. */
  readonly #unclaimed = new Map<string, number>();
  /**
   * Where the content counts as well as the key: the identity with the content that the last run delivered. Null for a
   * record with two entries, as earlier versions stored them.
   */
  readonly #latest: Map<string, string | null> | null;
  /** The cursors of the last run's members: only at these can a record be known. */
  readonly #knownCursors = new Set<string>();
  /** The highest cursor of them; null where there is none. */
  readonly knownHighest: string | null;
  /** The cursor whose records were too many to keep. */
  #overflowed: string | null = null;
  /** Whether anything was added since `committed`. */
  changed = false;

  constructor(parts: TieSetParts) {
    const { type, start } = parts;
    this.#parts = parts;
    this.#nameOf = tieNameBy(parts.identity);
    this.#latest = hasLatest(parts.identity) ? new Map() : null;
    let highest: string | null = null;
    for (const key of type === null ? [] : start) {
      const name = this.#nameOf(key.cursor, key.identity);
      this.#knownCursors.add(key.cursor);
      if (this.#latest?.has(name) === true) {
        this.#latest.set(name, null);
        continue;
      }
      this.#latest?.set(name, key.identity);
      this.#keys.set(name, key);
      this.#unclaimed.set(name, key.count);
      if (key.cursor !== "" && (highest === null || this.#compare(key.cursor, highest) > 0))
        highest = key.cursor;
    }
    for (const [name, latest] of this.#latest ?? []) if (latest === null) this.#keys.delete(name);
    for (const { cursor } of this.#keys.values()) if (cursor === "") this.#withoutCursor += 1;
    this.knownHighest = highest;
  }

  committed(): void {
    this.changed = false;
  }

  /** The members by name; null where some were dropped. */
  get whole(): Pick<ReadonlyMap<string, unknown>, "has" | "size"> | null {
    return this.#overflowed === null ? this.#keys : null;
  }

  /** Whether no further record with a cursor can be remembered. */
  get isFull(): boolean {
    return this.#keys.size - this.#withoutCursor >= this.#parts.most;
  }

  /** Adds the record. True if it must be delivered, because neither this run nor an earlier one has delivered it. */
  takesOnce(record: SourceRecord, cursor: string): boolean {
    if (this.#knownCursors.has(cursor) && this.claim(record, cursor)) return false;
    const identity = identityOf(record, this.#parts.identity);
    const name = this.#nameOf(cursor, identity);
    const known = this.#keys.get(name);
    if (known?.identity === identity && this.#parts.identity.key !== null) return false;
    this.#remember({ identity, cursor, count: this.#latest === null ? (known?.count ?? 0) + 1 : 1 });
    return true;
  }

  /** Adds an identity without a cursor; false where it is known. */
  takesIdentity(identity: string): boolean {
    if (this.#keys.has(this.#nameOf("", identity))) return false;
    this.#remember({ identity, cursor: "", count: 1 });
    return true;
  }

  /** Whether an earlier run delivered records at the cursor. */
  isKnownAt(cursor: string): boolean {
    return this.#knownCursors.has(cursor);
  }

  /**
   * Whether the record was delivered by an earlier run. A record with a key is known however often it comes; without a
   * key, as often as it was delivered.
   */
  claim(record: SourceRecord, cursor: string): boolean {
    const { identity: plan } = this.#parts;
    const identity = identityOf(record, plan);
    const name = this.#nameOf(cursor, identity);
    if (this.#latest !== null) return this.#isLatest(name, identity);
    const left = this.#unclaimed.get(name) ?? 0;
    if (left > 0 && plan.key === null) this.#unclaimed.set(name, left - 1);
    return left > 0;
  }

  /** Whether it was last delivered with this content; otherwise this content becomes the last. */
  #isLatest(name: string, identity: string): boolean {
    const latest = this.#latest?.get(name);
    if (latest === undefined || latest === identity) return latest === identity;
    this.#latest?.set(name, identity);
    this.changed = true;
    return false;
  }

  /** Removes members below the cursor. */
  dropBelow(cursor: string): void {
    for (const [name, key] of this.#keys) {
      if (key.cursor !== "" && this.#compare(key.cursor, cursor) < 0) this.#keys.delete(name);
    }
  }

  /** For an unfinished window: the members of the last run and those of this one. */
  within(): readonly TieMember[] {
    const { start } = this.#parts;
    const names = new Map(start.map((key) => [this.#nameOf(key.cursor, key.identity), key]));
    for (const [name, latest] of this.#latest ?? []) {
      const key = names.get(name);
      if (key !== undefined && latest !== null) names.set(name, { ...key, identity: latest });
      else names.delete(name);
    }
    const added = [...this.#keys].filter(([name]) => !names.has(name)).map(([, key]) => key);
    return added.length === 0 && this.#latest === null ? start : [...names.values(), ...added];
  }

  /** The members at or above a watermark, or without a cursor. */
  from(watermark: string | null): TieMember[] {
    if (this.#parts.type === null) return [...this.#parts.start];
    return [...this.#keys.values()].filter(
      ({ cursor }) => cursor === "" || watermark === null || this.#compare(cursor, watermark) >= 0,
    );
  }

  #remember(key: TieMember): void {
    const name = this.#nameOf(key.cursor, key.identity);
    if (key.cursor === "") {
      this.#rememberWithoutCursor(name, key);
      return;
    }
    if (key.cursor === this.#overflowed) return;
    this.#keys.set(name, key);
    this.changed = true;
    const { most, warn } = this.#parts;
    if (this.#keys.size - this.#withoutCursor <= most) return;
    this.#overflowed = key.cursor;
    for (const [known, { cursor }] of this.#keys) if (cursor === key.cursor) this.#keys.delete(known);
    warn(
      "TIE_SET_DROPPED",
      `more than ${most} records share the cursor ${key.cursor}; those at the watermark will be delivered again, and none is lost`,
    );
  }

  /** Keeps as many as possible; dropping all of them would deliver each one again. */
  #rememberWithoutCursor(name: string, key: TieMember): void {
    const { most, warn } = this.#parts;
    if (!this.#keys.has(name)) {
      if (this.#withoutCursor >= most) {
        warn(
          "NULL_CURSORS_FULL",
          `more than ${most} records have no cursor; ${most} of them are known as delivered, and every run delivers the others again. Give them a cursor, leave them out with \`onNullCursor: skip\`, or raise \`maxTieSetSize\``,
        );
        return;
      }
      this.#withoutCursor += 1;
    }
    this.#keys.set(name, key);
    this.changed = true;
  }

  #compare(a: string, b: string): number {
    return this.#parts.type === null ? 0 : compareCursorValues(this.#parts.type, a, b);
  }
}
