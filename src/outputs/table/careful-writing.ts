import { type KeyField, keyText } from "../../databases/table/key-text.ts";
import type { RecordFault } from "../../databases/table/record-fault.ts";
import type { TableStore, Target } from "../../databases/table/store.ts";
import type { Refusals } from "../../engine/ports.ts";
import { TidemarkError } from "../../errors.ts";
import type { SourceRecord } from "../../model/record.ts";
import { refusalOf } from "./refused-record.ts";

/** How many records may wait for others of their checkpoint, and how often they are retried. */
const mostWaiting = 1_000;
const mostRounds = 16;

export interface CarefulParts {
  readonly store: TableStore;
  readonly refusals: Refusals;
  readonly target: Target;
}

interface Failed {
  readonly record: SourceRecord;
  readonly error: TidemarkError;
  readonly fault: RecordFault;
}

/**
 * Writes records of which the database refuses some, each part within a savepoint: a refused part is halved until the
 * faulty records are isolated. Of n records with k at fault that takes some 2k·log2(n/k) statements. A record that
 * depends on another one, for example by a foreign key, is retried when all others are written. Records that still fail
 * are refused.
 */
export class CarefulWriting {
  readonly #parts: CarefulParts;
  readonly #keyFields: readonly KeyField[];
  #waiting: Failed[] = [];
  /** How many parts have failed so far. */
  #failures = 0;
  refused = 0;
  leftOut = 0;

  constructor(parts: CarefulParts) {
    const { columns, key } = parts.target;
    this.#parts = parts;
    this.#keyFields = columns.filter(({ name }) => key.includes(name));
  }

  async write(records: readonly SourceRecord[]): Promise<void> {
    await this.#writePart(records, false);
  }

  /** Call once all records have been written: retries those that waited for others. */
  async finish(): Promise<void> {
    for (let round = 0; round < mostRounds && this.#waiting.length > 0; round++) {
      const again = this.#waiting;
      this.#waiting = [];
      await this.#writePart(
        again.map(({ record }) => record),
        false,
      );
      if (this.#waiting.length === again.length) break;
    }
    await this.#writeTogether();
    for (const failed of this.#waiting) await this.#refuse(failed);
    this.#waiting = [];
  }

  /**
   * Records may depend on each other. Once those that depend on a row outside the batch are removed, the rest can be
   * written together.
   */
  async #writeTogether(): Promise<void> {
    while (this.#waiting.length > 1) {
      const failed = await this.#attempt(this.#waiting.map(({ record }) => record));
      if (failed === null) {
        this.#waiting = [];
        return;
      }
      const places = new Set(failed.fault.places);
      if (places.size === 0) return;
      for (const [place, one] of this.#waiting.entries()) if (places.has(place)) await this.#refuse(one);
      this.#waiting = this.#waiting.filter((_, place) => !places.has(place));
    }
  }

  /** `isAtFault`: a part of these is known to be refused, so they are not tried together. */
  async #writePart(records: readonly SourceRecord[], isAtFault: boolean): Promise<void> {
    const [first] = records;
    if (first === undefined) return;
    if (records.length === 1 || !isAtFault) {
      const failed = await this.#attempt(records);
      if (failed === null) return;
      if (records.length === 1) return this.#setAside({ record: first, ...failed });
    }
    const middle = Math.ceil(records.length / 2);
    const before = this.#failures;
    await this.#writePart(records.slice(0, middle), false);
    await this.#writePart(records.slice(middle), this.#failures === before);
  }

  async #attempt(records: readonly SourceRecord[]): Promise<Omit<Failed, "record"> | null> {
    const { store, target } = this.#parts;
    try {
      this.leftOut += await store.savepoint(() => store.insert(target, records));
    } catch (error) {
      const fault = error instanceof TidemarkError ? store.faultOf(error) : null;
      if (!(error instanceof TidemarkError) || fault === null) throw error;
      this.#failures += 1;
      return { error, fault };
    }
    this.#forgetReplaced(records);
    return null;
  }

  /** A waiting record that a later one with its key has replaced is not retried. */
  #forgetReplaced(records: readonly SourceRecord[]): void {
    if (this.#waiting.length === 0 || this.#keyFields.length === 0) return;
    const written = new Set(records.map((record) => keyText(record, this.#keyFields)));
    this.#waiting = this.#waiting.filter(({ record }) => !written.has(keyText(record, this.#keyFields)));
  }

  async #setAside(failed: Failed): Promise<void> {
    if (!failed.fault.awaitsOthers || this.#waiting.length >= mostWaiting) return this.#refuse(failed);
    this.#waiting.push(failed);
  }

  async #refuse({ record, error, fault }: Failed): Promise<void> {
    const { store, target, refusals } = this.#parts;
    refusals.refuse(await refusalOf(error, fault, { store, target, record }));
    this.refused += 1;
  }
}
