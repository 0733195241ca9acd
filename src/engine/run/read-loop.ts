import type { Clock } from "../../clock.ts";
import { TidemarkError } from "../../errors.ts";
import type { SourceRecord } from "../../model/record.ts";
import type { FilterCount } from "../filter-account.ts";
import { FilterChain } from "../filtering/filter-chain.ts";
import { type Traced, tracedOf } from "../filtering/traced.ts";
import type {
  Batch,
  Committed,
  Filter,
  FilterContext,
  OutputSession,
  Page,
  PartitionMove,
  Receipt,
} from "../ports.ts";
import type { RunRefusals } from "../refusals/refusals.ts";
import type { Look } from "../tracking/key-warnings.ts";
import type { Part, Unit } from "../tracking/part.ts";
import type { Admitted } from "../tracking/tracker.ts";
import { Failures } from "./failures.ts";
import { type FaultInjector, noFaults } from "./fault-points.ts";
import type { ReadEvent } from "./read-units.ts";
import { type Before, type BrokenPage, ReceiptWriter } from "./receipt-writer.ts";

/** What a run has done so far. */
export interface Progress {
  readonly recordsRead: number;
  /** What the output has taken, committed or not. */
  readonly recordsWritten: number;
  /** What of it is committed. */
  readonly recordsCommitted: number;
  /** How many records were refused and let go of (`onError`). */
  readonly recordsRefused: number;
  /** How many of those are dead letters now. */
  readonly recordsDeadLettered: number;
  /** What each filter did, in order. */
  readonly filters: readonly FilterCount[];
  readonly pages: number;
  readonly checkpoints: number;
  /** The highest cursor committed so far; null before the first. */
  readonly watermark: string | null;
}

export interface ReadLoopParts {
  readonly filters: readonly Filter[];
  readonly filterContext: FilterContext;
  readonly session: Pick<OutputSession, "write" | "delivered" | "keepsDelivered">;
  readonly refusals: RunRefusals;
  readonly pagesPerCheckpoint: number;
  /** Whether a unit that fails lets the others go on; its failure is thrown when they are done. */
  readonly goesOn: boolean;
  /** Asked before a batch leaves for the output; throws where the run has lost its stream. */
  readonly confirm: () => Promise<void>;
  /** Makes everything written so far durable. `disorder` tells how the declared order was broken. */
  readonly commit: (disorder: string | null) => Promise<void>;
  /**
   * For outputs that give receipts: commits what a page has delivered so far, at a pace by this clock. Absent for
   * the others.
   */
  readonly inside?: { readonly clock: Clock; readonly commit: (disorder: string | null) => Promise<void> };
  readonly onPage: () => void;
  /** Sees each page on its way to the output. */
  readonly look?: (look: Look) => void;
  /** Aborted where the run as a whole is to end: what a unit throws then is not its own failure. */
  readonly signal?: AbortSignal;
  readonly faults?: FaultInjector;
}

/**
 * Read page → admit → filter → write → every so many pages commit, with the next page being read
 * meanwhile. Ends when every unit has, and leaves the last commit to its caller.
 */
export class ReadLoop {
  readonly #parts: ReadLoopParts;
  readonly #faults: FaultInjector;
  readonly #filters: FilterChain;
  readonly #failures = new Failures();
  recordsRead = 0;
  pages = 0;
  /** What the output holds of the records up to the last commit, and what it took since. */
  #written = 0;
  #taken = 0;
  /** Whether the output was told of deliveries, which it keeps until the window is finished. */
  handedDeliveries = false;
  /** Whether the output knew of deliveries when the run began; null before it was asked. */
  #keptBefore: boolean | null = null;
  /** Pages taken since the last commit, and whether they left anything to commit. */
  #pending = 0;
  #wrote = false;
  /** The parts that may have moved since the last commit. */
  readonly #touched = new Set<Part>();
  readonly #receipts: ReceiptWriter | null;

  constructor(parts: ReadLoopParts) {
    this.#parts = parts;
    this.#faults = parts.faults ?? noFaults;
    const { inside, filters, filterContext, refusals } = parts;
    this.#filters = new FilterChain(filters, filterContext, refusals, inside !== undefined);
    this.#receipts =
      inside === undefined
        ? null
        : new ReceiptWriter({
            ...inside,
            warn: filterContext.warn,
            refusals,
            write: (batch) => this.#handOver(batch),
            touched: (part) => this.#touched.add(part),
          });
  }

  get recordsWritten(): number {
    return this.#written + this.#taken + (this.#receipts?.takenOfPage ?? 0);
  }

  /** How the page that broke off broke the declared order; null where it did not. */
  get disorderAtHand(): string | null {
    return this.#receipts?.disorder ?? null;
  }

  /** How far the page got that broke off, with an output that gives receipts; null where none did. */
  get brokeOff(): BrokenPage | null {
    return this.#receipts?.brokeOff ?? null;
  }

  get recordsCommitted(): number {
    return this.#written;
  }

  get recordsRefused(): number {
    return this.#parts.refusals.count;
  }

  get recordsDeadLettered(): number {
    return this.#parts.refusals.letterCount;
  }

  get filterCounts(): readonly FilterCount[] {
    return this.#filters.counts();
  }

  /** To be told what the output holds of what it took since the last commit, where it says so. */
  holds(committed: Committed | undefined): void {
    if (committed !== undefined) this.#taken = committed.written;
  }

  /** Whether anything was written, a record refused, or a position moved, since the last commit. */
  get dirty(): boolean {
    return this.#wrote || this.#parts.refusals.pending || this.moved;
  }

  /** Whether a position moved since the last commit. */
  get moved(): boolean {
    for (const part of this.#touched) if (part.changed) return true;
    return false;
  }

  /** Whether there is anything to commit, and a run that goes on from there would not repeat it. */
  get committable(): boolean {
    if (!this.dirty || this.#parts.refusals.holdsBack) return false;
    for (const part of this.#touched) if (!part.settled) return false;
    return true;
  }

  /** The partitions that have moved since the last commit. */
  partitionMoves(): PartitionMove[] {
    const moves: PartitionMove[] = [];
    for (const part of this.#touched) {
      const { partition } = part;
      if (partition !== null && part.changed) moves.push({ partition, position: part.position() });
    }
    return moves;
  }

  /** To be told of a commit. */
  committed(): void {
    this.#pending = 0;
    this.#wrote = false;
    this.#written += this.#taken;
    this.#taken = 0;
    for (const part of this.#touched) part.committed();
    this.#touched.clear();
  }

  /**
   * Stops early, with `RUN_CANCELLED`, once `cancelled` aborts: the page at hand is finished first.
   * Throws what failed a unit: at once, or where the others go on, when they are committed.
   */
  async run(events: AsyncIterable<ReadEvent>, cancelled: AbortSignal | undefined): Promise<void> {
    const { goesOn, signal, commit } = this.#parts;
    for await (const event of events) {
      const failure = await this.#follow(event);
      if (failure !== null) {
        if (!goesOn || signal?.aborted) throw failure.error;
        event.unit.abandoned = true;
        if (!this.#failures.add(event.unit, failure.error)) break;
      }
      if (cancelled?.aborted && (goesOn || event.kind === "page")) throw cancellation();
    }
    this.#filters.tellAbsent();
    if (!this.#failures.any) return;
    if (this.committable) await commit(null);
    throw this.#failures.error();
  }

  /** What the unit itself has failed with; what fails the run as a whole is thrown. */
  async #follow(event: ReadEvent): Promise<{ readonly error: unknown } | null> {
    if (event.unit.abandoned) return null;
    if (event.kind === "failed") return event;
    if (event.kind === "ended") return this.#end(event.unit);
    await this.#faults("afterRead");
    return this.#take(event.unit, event.page);
  }

  async #end(unit: Unit): Promise<{ readonly error: unknown } | null> {
    try {
      unit.guard.end();
    } catch (error) {
      return { error };
    }
    unit.finished();
    this.#failures.ended();
    this.#touch(unit.part);
    if (this.#parts.goesOn) await this.#commitWhenDue(null);
    return null;
  }

  async #take(unit: Unit, page: Page): Promise<{ readonly error: unknown } | null> {
    this.pages += 1;
    this.recordsRead += page.records.length;
    const { part } = unit;
    const before = this.#before(part);
    let admitted: Admitted;
    let fresh: Fresh = { records: [], known: [], deliveries: null };
    let traced: Traced;
    this.#parts.refusals.read(part.partition, page.records.length);
    try {
      unit.guard.see(page);
      admitted = unit.admit(unit.guard.isRepeat ? { ...page, repeats: true } : page);
      this.#touched.add(part);
      fresh = await this.#undelivered(admitted, part);
      this.#parts.refusals.filtered(fresh.records.length);
      traced = await this.#filter(fresh.records);
      if (admitted.withoutOlder !== undefined)
        traced = tracedOf(traced, admitted.withoutOlder(traced.records));
    } catch (error) {
      part.taken.putBack(fresh.known);
      part.fallBack(before?.uncommitted ?? null);
      return { error };
    }
    const { records } = traced;
    this.#parts.look?.({
      page: page.records,
      fresh: fresh.records,
      written: records,
      partition: part.partition,
    });
    await this.#faults("afterFilter");
    const columns = page.columns === undefined || this.#filters.any ? {} : { columns: page.columns };
    if (this.#receipts !== null && before !== null) {
      const { disorder } = admitted;
      await this.#receipts.write({ unit, page, disorder, ...fresh, traced, columns, before });
    } else if (records.length > 0) {
      const { deliveries } = fresh;
      await this.#handOver({ records, ...(deliveries === null ? {} : { deliveries }), ...columns });
      if (deliveries !== null) this.handedDeliveries = true;
    }
    await this.#faults("afterWrite");
    await this.#commitWhenDue(admitted.disorder);
    this.#parts.onPage();
    return null;
  }

  /** Where a part stands before a page is admitted, where that may be asked for; and the same if it is not committed. */
  #before(part: Part): Before | null {
    const isTouched = this.#touched.has(part);
    if (this.#receipts === null && !(this.#parts.goesOn && isTouched)) return null;
    const position = part.standing();
    return { position, uncommitted: isTouched ? position : null };
  }

  async #handOver(batch: Batch): Promise<void> {
    await this.#parts.confirm();
    const { refusals, session } = this.#parts;
    const { records, receipt } = batch;
    refusals.handed(records);
    let left = records.length;
    const told: Receipt = (places, outcome) => {
      refusals.given(places.length);
      left -= places.length;
      return receipt === undefined ? Promise.resolve() : receipt(places, outcome);
    };
    const taken = await session.write(receipt === undefined ? batch : { ...batch, receipt: told });
    refusals.given(left);
    // Not in one with the line above: a commit inside the page may have counted what was taken before.
    this.#taken += taken;
    this.#wrote = true;
  }

  /** Keeps a part in mind for the next commit, and lets go of one that has nothing to commit. */
  #touch(part: Part): void {
    if (part.changed) this.#touched.add(part);
    else this.#touched.delete(part);
  }

  async #commitWhenDue(disorder: string | null): Promise<void> {
    this.#pending += 1;
    const { pagesPerCheckpoint, refusals, commit } = this.#parts;
    const isDue = this.#pending >= pagesPerCheckpoint && !refusals.awaitsMore;
    if (disorder !== null || (isDue && this.committable)) await commit(disorder);
  }

  /** Leaves out what the output already holds from an earlier attempt at this window. */
  async #undelivered(admitted: Admitted, { partition, taken: takenBefore }: Part): Promise<Fresh> {
    const { session } = this.#parts;
    const { records, deliveries, surelyNew } = admitted;
    if (deliveries === null || deliveries.length === 0 || session.delivered === undefined) {
      const { fresh, known } = takenBefore.part(records);
      return { records: fresh, known, deliveries: null };
    }
    // The same key in another partition is another record.
    const named = partition === null ? deliveries : deliveries.map((delivery) => `${delivery}@${partition}`);
    this.#keptBefore ??= (await session.keepsDelivered?.()) ?? true;
    if (!this.#keptBefore && surelyNew === true) return { records, known: [], deliveries: named };
    const known = await session.delivered(named);
    const taken = new Set<string>();
    const fresh = records.filter((_, index) => {
      const delivery = named[index];
      if (delivery === undefined || known.has(delivery) || taken.has(delivery)) return false;
      taken.add(delivery);
      return true;
    });
    return { records: fresh, known: [], deliveries: [...taken] };
  }

  async #filter(records: readonly SourceRecord[]): Promise<Traced> {
    if (this.#receipts !== null) return this.#filters.applyTraced(records);
    return { records: await this.#filters.apply(records), origins: null };
  }
}

/** Records that the output does not hold yet, and which deliveries they are, where it wants to know. */
interface Fresh {
  readonly records: readonly SourceRecord[];
  /** Those left out, since an earlier run delivered them out of a page that it did not finish. */
  readonly known: readonly SourceRecord[];
  readonly deliveries: readonly string[] | null;
}

export function cancellation(): TidemarkError {
  return new TidemarkError(
    "RUN_CANCELLED",
    "the run was asked to stop, and did so after its last checkpoint",
  );
}
