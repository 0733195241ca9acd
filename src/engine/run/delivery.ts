import type { Clock } from "../../clock.ts";
import type { FilterChain } from "../filtering/filter-chain.ts";
import { type Traced, tracedOf } from "../filtering/traced.ts";
import type { Batch, OutputSession, Page, Receipt, Warn } from "../ports.ts";
import type { RunRefusals } from "../refusals/refusals.ts";
import type { Look } from "../tracking/key-warnings.ts";
import type { ReadRange, StoredRange } from "../tracking/range.ts";
import type { Committer } from "./committer.ts";
import { type FaultInjector, noFaults } from "./fault-points.ts";
import { type Before, ReceiptWriter } from "./receipt-writer.ts";
import type { Uncommitted } from "./uncommitted.ts";
import { DeliveryFilter, type Undelivered } from "./undelivered.ts";

export interface DeliveryParts {
  readonly filters: FilterChain;
  readonly session: Pick<OutputSession, "write" | "delivered" | "keepsDelivered">;
  readonly refusals: RunRefusals;
  readonly uncommitted: Uncommitted;
  readonly committer: Committer;
  /** Whether the other ranges continue when one fails. */
  readonly goesOn: boolean;
  /** For outputs that give receipts: the clock by which a page is committed while it is written. */
  readonly receipts?: { readonly clock: Clock; readonly warn: Warn };
  /** Sees each page on its way to the output. */
  readonly look?: (look: Look) => void;
  readonly faults?: FaultInjector;
}

/** The result of a page: how it broke the declared order, if it did, or the failure of its range. */
export type Delivered = { readonly disorder: string | null } | { readonly error: unknown };

/**
 * Takes one page to the output:
 *
 * 1. The range admits it: it leaves out what earlier runs delivered, and moves its position.
 * 2. Records that the output holds from an earlier attempt at the window are left out.
 * 3. The filters run, and older versions of rows that are replaced are left out.
 * 4. The output takes the batch. Nothing is durable before the next commit.
 *
 * Records are passed on as they were read; none is copied.
 */
export class Delivery {
  readonly #parts: DeliveryParts;
  readonly #faults: FaultInjector;
  readonly #filter: DeliveryFilter;
  readonly receipts: ReceiptWriter | null;

  constructor(parts: DeliveryParts) {
    const { session, uncommitted, committer, refusals, receipts, faults } = parts;
    this.#parts = parts;
    this.#faults = faults ?? noFaults;
    this.#filter = new DeliveryFilter(session);
    const write = (batch: Batch) => this.#write(batch);
    this.receipts =
      receipts === undefined
        ? null
        : new ReceiptWriter({ ...receipts, refusals, uncommitted, committer, write });
  }

  async take(range: ReadRange, page: Page): Promise<Delivered> {
    const { uncommitted, refusals, filters } = this.#parts;
    const { stored } = range;
    uncommitted.readPage(page.records.length);
    refusals.read(stored.partition, page.records.length);
    const before = this.#before(stored);
    let found: Undelivered | null = null;
    let traced: Traced;
    try {
      const admitted = range.admit(page);
      uncommitted.add(stored);
      found = await this.#filter.undelivered(admitted, stored);
      refusals.filtered(found.records.length);
      traced = await this.#filtered(found);
    } catch (error) {
      stored.taken.putBack(found?.known ?? []);
      stored.fallBack(before?.uncommitted ?? null);
      return { error };
    }
    const { records } = traced;
    const { partition } = stored;
    this.#parts.look?.({ page: page.records, fresh: found.records, written: records, partition });
    await this.#faults("afterFilter");
    // Filters may have changed the types of columns.
    const columns = page.columns === undefined || filters.any ? {} : { columns: page.columns };
    if (this.receipts !== null && before !== null) {
      await this.receipts.write({ range, page, before, found, traced, columns });
    } else if (records.length > 0) {
      const { deliveries } = found;
      await this.#write({ records, ...(deliveries === null ? {} : { deliveries }), ...columns });
      if (deliveries !== null) uncommitted.handedDeliveries = true;
    }
    await this.#faults("afterWrite");
    return { disorder: found.disorder };
  }

  /**
   * The range's position before a page is admitted, where it may be needed; and the same if nothing of it is committed.
   */
  #before(stored: StoredRange): Before | null {
    const isPending = this.#parts.uncommitted.has(stored);
    if (this.receipts === null && !(this.#parts.goesOn && isPending)) return null;
    const position = stored.current();
    return { position, uncommitted: isPending ? position : null };
  }

  async #filtered({ records, withoutOlder }: Undelivered): Promise<Traced> {
    const traced = await this.#parts.filters.applyTraced(records);
    return withoutOlder === undefined ? traced : tracedOf(traced, withoutOlder(traced));
  }

  async #write(batch: Batch): Promise<void> {
    const { refusals, session, committer, uncommitted } = this.#parts;
    await committer.confirm();
    const { records, receipt } = batch;
    refusals.handed(records);
    let left = records.length;
    const counting: Receipt = (places, outcome) => {
      refusals.given(places.length);
      left -= places.length;
      return receipt === undefined ? Promise.resolve() : receipt(places, outcome);
    };
    const taken = await session.write(receipt === undefined ? batch : { ...batch, receipt: counting });
    refusals.given(left);
    uncommitted.wrote(taken);
  }
}
