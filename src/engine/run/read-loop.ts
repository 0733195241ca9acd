import { TidemarkError } from "../../errors.ts";
import type { FilterChain } from "../filtering/filter-chain.ts";
import type { Page, ReadRequest, Warn } from "../ports.ts";
import type { RunRefusals } from "../refusals/refusals.ts";
import type { ReadRange } from "../tracking/range.ts";
import { Delivery, type DeliveryParts } from "./delivery.ts";
import { Failures } from "./failures.ts";
import { type FaultInjector, noFaults } from "./fault-points.ts";
import type { RunPlan } from "./plan-run.ts";
import { type ReadEvent, readRanges } from "./read-ranges.ts";
import type { BrokenPage } from "./receipt-writer.ts";
import type { Uncommitted } from "./uncommitted.ts";

export interface ReadLoopParts extends Omit<DeliveryParts, "goesOn"> {
  readonly plan: Pick<RunPlan, "ranges" | "concurrency" | "goesOn">;
  readonly read: (request: ReadRequest) => AsyncIterable<Page>;
  readonly filters: FilterChain;
  readonly refusals: RunRefusals;
  readonly uncommitted: Uncommitted;
  readonly pagesPerCheckpoint: number;
  /** Aborted when the whole run ends: an error of a range is then not its own failure. */
  readonly signal: AbortSignal;
  readonly warn: Warn;
  readonly onPage?: () => void;
  readonly faults?: FaultInjector;
}

/**
 * Read page → deliver → every so many pages commit, while the next page is being read. Ends when every range has, and
 * leaves the last commit to its caller.
 */
export class ReadLoop {
  readonly #parts: ReadLoopParts;
  readonly #faults: FaultInjector;
  readonly #delivery: Delivery;
  readonly #failures = new Failures();
  /** Whether a page was admitted and not written, so that the positions and the output may not agree. */
  #isInsidePage = false;

  constructor(parts: ReadLoopParts) {
    this.#parts = parts;
    this.#faults = parts.faults ?? noFaults;
    this.#delivery = new Delivery({ ...parts, goesOn: parts.plan.goesOn });
  }

  /** How the page that failed broke the declared order; null where it did not. */
  get disorderAtHand(): string | null {
    return this.#delivery.receipts?.disorder ?? null;
  }

  /** Whether the read stopped inside a page. Only an output that gives receipts can commit a part of it. */
  get isInsidePage(): boolean {
    return this.#isInsidePage;
  }

  /** How far the page that failed got, with an output that gives receipts; null where none failed. */
  get brokeOff(): BrokenPage | null {
    return this.#delivery.receipts?.brokeOff ?? null;
  }

  /**
   * Stops early, with `RUN_CANCELLED`, once `cancelled` aborts: the page at hand is finished first. Throws the failure
   * of a range: at once, or after the other ranges are committed where they continue.
   */
  async run(cancelled: AbortSignal | undefined): Promise<void> {
    const { plan, signal, filters, uncommitted, committer } = this.#parts;
    for await (const event of this.#events()) {
      const failure = await this.#follow(event);
      if (failure !== null) {
        if (!plan.goesOn || signal.aborted) throw failure.error;
        event.range.abandoned = true;
        if (!this.#failures.add(event.range, failure.error)) break;
      }
      if (cancelled?.aborted && (plan.goesOn || event.kind === "page")) throw cancellation();
    }
    filters.warnAbsent();
    if (!this.#failures.any) return;
    if (uncommitted.isCommittable) await committer.checkpoint(null);
    throw this.#failures.error();
  }

  #events(): AsyncIterable<ReadEvent> {
    const { plan, read, signal, warn } = this.#parts;
    return readRanges(plan.ranges, {
      concurrency: plan.concurrency,
      read: (range, own) => read({ ...range.request, signal: AbortSignal.any([signal, own]) }),
      onRefused: (error) => warn("RESUME_REFUSED", `${error.message}; the window is read from its start`),
    });
  }

  /** The failure of the range itself; an error that fails the whole run is thrown. */
  async #follow(event: ReadEvent): Promise<{ readonly error: unknown } | null> {
    if (event.range.abandoned) return null;
    if (event.kind === "failed") return event;
    if (event.kind === "ended") return this.#end(event.range);
    await this.#faults("afterRead");
    this.#isInsidePage = true;
    const delivered = await this.#delivery.take(event.range, event.page);
    if ("error" in delivered) {
      // Where other ranges continue, the failed one has gone back to its position before the page.
      this.#isInsidePage = !this.#parts.plan.goesOn;
      return delivered;
    }
    this.#isInsidePage = false;
    await this.#commitWhenDue(delivered.disorder);
    this.#parts.onPage?.();
    return null;
  }

  async #end(range: ReadRange): Promise<{ readonly error: unknown } | null> {
    try {
      range.end();
    } catch (error) {
      return { error };
    }
    this.#failures.ended();
    this.#parts.uncommitted.addIfChanged(range.stored);
    if (this.#parts.plan.goesOn) await this.#commitWhenDue(null);
    return null;
  }

  /** A page that broke the declared order is committed at once: the watermark goes back (promise P9). */
  async #commitWhenDue(disorder: string | null): Promise<void> {
    const { pagesPerCheckpoint, refusals, uncommitted, committer } = this.#parts;
    uncommitted.steps += 1;
    const isDue = uncommitted.steps >= pagesPerCheckpoint && !refusals.awaitsMore;
    if (disorder !== null || (isDue && uncommitted.isCommittable)) await committer.checkpoint(disorder);
  }
}

export function cancellation(): TidemarkError {
  return new TidemarkError(
    "RUN_CANCELLED",
    "the run was asked to stop, and did so after its last checkpoint",
  );
}
