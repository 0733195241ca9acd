import type { Clock } from "../../clock.ts";
import type { Position } from "../../model/position.ts";
import type { SourceRecord } from "../../model/record.ts";
import type { Traced } from "../filtering/traced.ts";
import type { Batch, Outcome, Page, Warn } from "../ports.ts";
import type { RunRefusals } from "../refusals/refusals.ts";
import type { ReadRange } from "../tracking/range.ts";
import { mostTaken } from "../tracking/taken-records.ts";
import type { Committer } from "./committer.ts";
import { InsidePage } from "./inside-page.ts";
import { PageDelivery } from "./page-delivery.ts";
import type { Uncommitted } from "./uncommitted.ts";
import type { Undelivered } from "./undelivered.ts";

export interface ReceiptWriterParts {
  readonly clock: Clock;
  readonly warn: Warn;
  readonly refusals: Pick<RunRefusals, "settle" | "letGo" | "pending" | "holdsBack">;
  readonly uncommitted: Uncommitted;
  /** Commits what a page has delivered so far, without the output. */
  readonly committer: Committer;
  readonly write: (batch: Batch) => Promise<void>;
}

/** A page on its way to an output that gives receipts. */
export interface ReceiptedPage {
  readonly range: ReadRange;
  readonly page: Page;
  /** The range's position before the page, and the position to commit if nothing of the page was delivered. */
  readonly before: Before;
  readonly found: Undelivered;
  readonly traced: Traced;
  readonly columns: Pick<Batch, "columns">;
}

/** How far a page got, in records handed to the output. */
export type BrokenPage = Pick<PageDelivery, "taken" | "given" | "takenInPart">;

export interface Before {
  readonly position: Position;
  readonly uncommitted: Position | null;
}

interface AtHand {
  readonly given: ReceiptedPage;
  readonly delivery: PageDelivery;
  /** The refused records whose letters may not be durable yet, by index: they are not finished until then. */
  readonly unkept: number[];
  /** Whether refused records of earlier pages waited to be settled when this one began. */
  readonly hasOlder: boolean;
}

/**
 * Writes pages to an output that gives receipts. During the write, taken records are committed by name at intervals. If
 * the page fails, the range's position moves to the end of the finished prefix, as far as its order allows, and records
 * taken beyond it are stored by name. A refused record is finished once its letter is durable. If the letter cannot be
 * written, the page fails, as for a record that is refused under `onError: fail`.
 */
export class ReceiptWriter {
  readonly #parts: ReceiptWriterParts;
  readonly #inside: InsidePage;
  #at: AtHand | null = null;
  #movedInside = false;
  /** Whether refused records of the pages before wait to be settled. */
  #hasOlder = false;

  constructor(parts: ReceiptWriterParts) {
    this.#parts = parts;
    this.#inside = new InsidePage({ clock: parts.clock, commit: () => this.#commitInside() });
  }

  /** How the current page, or the one that failed, broke the declared order. */
  get disorder(): string | null {
    return this.#at?.given.found.disorder ?? null;
  }

  /** How far the page that failed got; null where none failed. */
  get brokeOff(): BrokenPage | null {
    return this.#at?.delivery.isTraced === true ? this.#at.delivery : null;
  }

  async write(given: ReceiptedPage): Promise<void> {
    const { range, page, found, traced, columns } = given;
    const { stored } = range;
    const nameOf = (record: SourceRecord): string => stored.taken.nameOf(record);
    const delivery = new PageDelivery({ page, known: found.known, fresh: found.records, traced, nameOf });
    const at: AtHand = { given, delivery, unkept: [], hasOlder: this.#hasOlder };
    this.#at = at;
    this.#parts.uncommitted.pageAtHand = delivery;
    this.#movedInside = false;
    await this.#writeAll(at, columns);
    this.#hasOlder = this.#parts.refusals.pending;
    if (this.#movedInside) stored.goOn();
    this.#parts.uncommitted.pageAtHand = null;
    this.#parts.uncommitted.add(stored);
    range.written(() => delivery.names());
    this.#at = null;
  }

  async #writeAll(at: AtHand, columns: Pick<Batch, "columns">): Promise<void> {
    const { delivery } = at;
    const { records } = at.given.traced;
    const receipt = (places: readonly number[], outcome: Outcome): Promise<void> => {
      if (outcome === "taken") delivery.settle(places, outcome);
      else at.unkept.push(...places);
      return this.#inside.settled();
    };
    try {
      // Letters of records that the filters refused are written before any record of the page is sent.
      this.#keepRefused(at);
      if (delivery.given > 0) await this.#parts.write({ records, ...columns, receipt });
      await this.#inside.end();
      if (this.#inside.failure !== null) throw this.#inside.failure.error;
      this.#keepRefused(at);
      delivery.settle(at.unkept, "refused");
      delivery.settle([...records.keys()], "taken");
    } catch (error) {
      await this.#inside.end();
      this.#keepLast(at);
      this.#breakOff(at);
      throw error;
    }
  }

  /** Settles the page's refused records, unless nothing may be committed for now. */
  #keepRefused({ delivery, unkept }: AtHand): void {
    const { refusals } = this.#parts;
    if (refusals.holdsBack) return;
    refusals.settle();
    delivery.settle(unkept.splice(0), "refused");
  }

  /** If the letters of a failed page cannot be written, the next run must read those records again. */
  #keepLast(at: AtHand): void {
    try {
      this.#keepRefused(at);
    } catch {
      // The page's failure is thrown. Unsettled records of older pages must not be passed.
      if (!at.hasOlder) this.#parts.refusals.letGo();
    }
  }

  async #commitInside(): Promise<void> {
    if (this.#at?.delivery.isTraced !== true) return;
    this.#keepRefused(this.#at);
    const { given, delivery } = this.#at;
    const { stored } = given.range;
    const names = delivery.names();
    // Committed by name only, so that the watermark, and with it the audit log, moves once per page.
    const prefix = names.length > mostTaken ? delivery.prefix : 0;
    this.#moveTo(given, delivery, prefix);
    this.#movedInside = true;
    this.#parts.uncommitted.add(stored);
    await this.#parts.committer.checkpointInside?.(given.found.disorder);
  }

  #breakOff({ given, delivery }: AtHand): void {
    const { stored } = given.range;
    if (!delivery.isTraced && delivery.taken > 0) {
      this.#parts.warn(
        "TAKEN_NOT_TRACED",
        `${delivery.taken} of the ${delivery.given} records of a page were taken before it stopped, and the next run delivers them again: a filter in code does not say which record it made each of (\`FilterAccount.made\`)`,
      );
    }
    if (!delivery.any || !delivery.isTraced) {
      stored.taken.putBack(given.found.known);
      stored.fallBack(given.before.uncommitted);
      return;
    }
    const names = this.#moveTo(given, delivery, delivery.prefix);
    stored.taken.warnWhereFull(names);
    this.#parts.uncommitted.add(stored);
  }

  /** Moves the range's position past a number of records of the page, with the names of those taken beyond. */
  #moveTo({ range, page, before, found }: ReceiptedPage, delivery: PageDelivery, prefix: number): number {
    const { stored } = range;
    const { disorder } = found;
    const { position, counted } = stored.cutShort({ page, before: before.position, prefix, disorder });
    const names = counted === 0 ? delivery.names() : delivery.namesPast(counted);
    const { taken: _, ...rest } = position;
    const taken = stored.taken.kept(names);
    stored.fallBack(taken === undefined ? rest : { ...rest, taken });
    return names.length;
  }
}
