import type { Clock } from "../../clock.ts";
import type { Position } from "../../model/position.ts";
import type { SourceRecord } from "../../model/record.ts";
import type { Traced } from "../filtering/traced.ts";
import type { Batch, Outcome, Page, Warn } from "../ports.ts";
import type { RunRefusals } from "../refusals/refusals.ts";
import type { Part, Unit } from "../tracking/part.ts";
import { mostTaken } from "../tracking/taken-records.ts";
import { InsidePage } from "./inside-page.ts";
import { PageDelivery } from "./page-delivery.ts";

export interface ReceiptWriterParts {
  readonly clock: Clock;
  readonly warn: Warn;
  readonly refusals: Pick<RunRefusals, "settle" | "letGo" | "pending" | "holdsBack">;
  readonly write: (batch: Batch) => Promise<void>;
  /** To be told of a part that is about to be committed. */
  readonly touched: (part: Part) => void;
  /** Commits where the parts stand, without the output. */
  readonly commit: (disorder: string | null) => Promise<void>;
}

/** A page on its way to an output that gives receipts. */
export interface ReceiptedPage {
  readonly unit: Unit;
  readonly page: Page;
  /** Where the part stood before it, and where it is to be committed if nothing of the page was delivered. */
  readonly before: Before;
  readonly disorder: string | null;
  readonly records: readonly SourceRecord[];
  readonly known: readonly SourceRecord[];
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
  /** The refused records whose letters may not be durable yet, by place: they are not dealt with before. */
  readonly unkept: number[];
  /** Whether refused records of earlier pages waited to be settled when this one began. */
  readonly hasOlder: boolean;
  /** Whether the loop has counted what the output took. */
  counted: boolean;
}

/**
 * Writes pages to an output that tells of each record it has taken. While it does, what was taken is committed by name at
 * a pace; where the page breaks off, the part stands behind what was taken, as far as its order allows, and
 * what was taken beyond is known by name. A refused record is dealt with once its letter is durable: where that
 * fails, the page breaks off as at a record that is refused under `onError: fail`.
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

  /** How many records of the page at hand, or of the one that broke off, the output has taken, if nobody counted them. */
  get takenOfPage(): number {
    return this.#at === null || this.#at.counted ? 0 : this.#at.delivery.taken;
  }

  /** How the page at hand, or the one that broke off, broke the declared order. */
  get disorder(): string | null {
    return this.#at?.given.disorder ?? null;
  }

  /** How far the page got that broke off; null where none did. */
  get brokeOff(): BrokenPage | null {
    return this.#at?.delivery.isTraced === true ? this.#at.delivery : null;
  }

  async write(given: ReceiptedPage): Promise<void> {
    const { unit, page, known, records, traced, columns } = given;
    const { part } = unit;
    const nameOf = (record: SourceRecord): string => part.taken.nameOf(record);
    const delivery = new PageDelivery({ page, known, fresh: records, traced, nameOf });
    const at: AtHand = { given, delivery, unkept: [], hasOlder: this.#hasOlder, counted: false };
    this.#at = at;
    this.#movedInside = false;
    await this.#writeAll(at, columns);
    this.#hasOlder = this.#parts.refusals.pending;
    if (this.#movedInside) part.goOn();
    this.#parts.touched(part);
    unit.written(() => delivery.names());
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
      // What the filters refused of the page is kept before any of it is sent.
      this.#keepRefused(at);
      if (delivery.given > 0) await this.#parts.write({ records, ...columns, receipt });
      at.counted = true;
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

  /** Where the letters of a page that broke off cannot be kept, the next run is to meet those records again. */
  #keepLast(at: AtHand): void {
    try {
      this.#keepRefused(at);
    } catch {
      // The failure that broke the page off is thrown. What older pages left must not be passed.
      if (!at.hasOlder) this.#parts.refusals.letGo();
    }
  }

  async #commitInside(): Promise<void> {
    if (this.#at?.delivery.isTraced !== true) return;
    this.#keepRefused(this.#at);
    const { given, delivery } = this.#at;
    const { part } = given.unit;
    const names = delivery.names();
    // By name alone the watermark, and with it the audit log, moves once a page.
    const prefix = names.length > mostTaken ? delivery.prefix : 0;
    this.#stand(given, delivery, prefix);
    this.#movedInside = true;
    this.#parts.touched(part);
    await this.#parts.commit(given.disorder);
  }

  #breakOff({ given, delivery }: AtHand): void {
    const { part } = given.unit;
    if (!delivery.isTraced && delivery.taken > 0) {
      this.#parts.warn(
        "TAKEN_NOT_TRACED",
        `${delivery.taken} of the ${delivery.given} records of a page were taken before it stopped, and the next run delivers them again: a filter in code does not say which record it made each of (\`FilterAccount.made\`)`,
      );
    }
    if (!delivery.any || !delivery.isTraced) {
      part.taken.putBack(given.known);
      part.fallBack(given.before.uncommitted);
      return;
    }
    const names = this.#stand(given, delivery, delivery.prefix);
    part.taken.tellOfFull(names);
    this.#parts.touched(part);
  }

  /** Puts the part behind so many records of the page, with the names of those that were taken beyond. */
  #stand({ unit, page, before, disorder }: ReceiptedPage, delivery: PageDelivery, prefix: number): number {
    const { part } = unit;
    const { position, counted } = part.cutShort({ page, before: before.position, prefix, disorder });
    const names = counted === 0 ? delivery.names() : delivery.namesPast(counted);
    const { taken: _, ...rest } = position;
    const taken = part.taken.kept(names);
    part.fallBack(taken === undefined ? rest : { ...rest, taken });
    return names.length;
  }
}
