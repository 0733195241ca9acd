import { TidemarkError } from "../errors.ts";
import type { SourceRecord } from "../model/record.ts";
import { type FaultInjector, noFaults } from "./fault-points.ts";
import type { PageGuard } from "./page-guard.ts";
import type { Filter, FilterContext, OutputSession, Page } from "./ports.ts";
import { readAhead } from "./read-ahead.ts";
import type { Admitted, Tracker } from "./tracker.ts";

/** What a run has done so far. */
export interface Progress {
  readonly recordsRead: number;
  readonly recordsWritten: number;
  readonly pages: number;
  readonly checkpoints: number;
  /** The highest cursor committed so far; null before the first. */
  readonly watermark: string | null;
}

export interface ReadLoopParts {
  readonly tracker: Tracker;
  readonly guard: PageGuard;
  readonly filters: readonly Filter[];
  readonly filterContext: FilterContext;
  readonly session: Pick<OutputSession, "write" | "delivered">;
  readonly pagesPerCheckpoint: number;
  /** Asked before a batch leaves for the output; throws where the run has lost its stream. */
  readonly confirm: () => Promise<void>;
  /** Makes everything written so far durable. `disorder` tells how the declared order was broken. */
  readonly commit: (disorder: string | null) => Promise<void>;
  readonly onPage: () => void;
  /** Tells the source that nobody waits for its next page any more. */
  readonly stopReading: () => void;
  readonly faults?: FaultInjector;
}

/**
 * Read page → admit → filter → write → every so many pages commit, with the next page being read
 * meanwhile. Ends when the source has ended, and leaves the last commit to its caller.
 */
export class ReadLoop {
  readonly #parts: ReadLoopParts;
  readonly #faults: FaultInjector;
  recordsRead = 0;
  recordsWritten = 0;
  pages = 0;
  /** Pages taken since the last commit, and whether they left anything to commit. */
  #pending = 0;
  #wrote = false;

  constructor(parts: ReadLoopParts) {
    this.#parts = parts;
    this.#faults = parts.faults ?? noFaults;
  }

  /** Whether anything was written, or the position moved, since the last commit. */
  get dirty(): boolean {
    return this.#wrote || this.#parts.tracker.changed;
  }

  /** Whether there is anything to commit, and a run that goes on from there would not repeat it. */
  get committable(): boolean {
    return this.dirty && this.#parts.tracker.settled;
  }

  /** To be told of a commit. */
  committed(): void {
    this.#pending = 0;
    this.#wrote = false;
    this.#parts.tracker.committed();
  }

  /** Stops early, with `RUN_CANCELLED`, once `cancelled` aborts: the page at hand is finished first. */
  async run(pages: AsyncIterable<Page>, cancelled: AbortSignal | undefined): Promise<void> {
    for await (const page of readAhead(pages, this.#parts.stopReading)) {
      await this.#faults("afterRead");
      await this.#take(page);
      if (cancelled?.aborted) throw cancellation();
    }
    this.#parts.guard.end();
  }

  async #take(page: Page): Promise<void> {
    const { tracker, guard, session, pagesPerCheckpoint } = this.#parts;
    this.pages += 1;
    this.recordsRead += page.records.length;
    guard.see(page);
    const admitted = tracker.admit(page);
    const fresh = await this.#undelivered(admitted);
    const records = await this.#filter(fresh);
    await this.#faults("afterFilter");
    if (records.length > 0) {
      await this.#parts.confirm();
      const columns = this.#parts.filters.length === 0 ? page.columns : undefined;
      this.recordsWritten += await session.write(columns === undefined ? { records } : { records, columns });
      this.#wrote = true;
    }
    await this.#faults("afterWrite");
    this.#pending += 1;
    if (admitted.disorder !== null || (this.#pending >= pagesPerCheckpoint && this.committable)) {
      await this.#parts.commit(admitted.disorder);
    }
    this.#parts.onPage();
  }

  /** Leaves out what the output already holds from an earlier attempt at this window. */
  async #undelivered(admitted: Admitted): Promise<readonly SourceRecord[]> {
    const { deliveries, records } = admitted;
    const { session } = this.#parts;
    if (deliveries === null || deliveries.length === 0 || session.delivered === undefined) return records;
    const known = await session.delivered(deliveries);
    const taken = new Set<string>();
    return records.filter((_, index) => {
      const delivery = deliveries[index];
      if (delivery === undefined || known.has(delivery) || taken.has(delivery)) return false;
      taken.add(delivery);
      return true;
    });
  }

  async #filter(records: readonly SourceRecord[]): Promise<readonly SourceRecord[]> {
    let left = records;
    for (const filter of this.#parts.filters) {
      if (left.length === 0) break;
      const result = filter.apply(left, this.#parts.filterContext);
      left = result instanceof Promise ? await result : result;
    }
    return left;
  }
}

export function cancellation(): TidemarkError {
  return new TidemarkError(
    "RUN_CANCELLED",
    "the run was asked to stop, and did so after its last checkpoint",
  );
}
