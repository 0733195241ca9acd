import { identityOf } from "../../model/identity.ts";
import type { Position } from "../../model/position.ts";
import type { Page } from "../ports.ts";
import type { Admitted, CursorTracker } from "./cursor-tracker.ts";
import { type ReadableRecords, readableRecords } from "./readable-records.ts";
import { ResumePlace } from "./resume-place.ts";
import { type TieSet, tieSetOf } from "./tie-set.ts";
import type { TrackerOptions } from "./tracker-options.ts";

/**
 * Tracks a stream without a cursor: every run delivers everything. A run that ends early stores the place to resume at,
 * where the source has a stable one.
 */
export class NoCursorTracker implements CursorTracker {
  readonly settled = true;
  readonly recordsRuns = false;
  readonly byRecord = false;
  readonly #options: TrackerOptions;
  readonly #ties: TieSet;
  readonly #readable: ReadableRecords;
  readonly #resume: ResumePlace;
  #changed = false;

  constructor(options: TrackerOptions) {
    this.#options = options;
    this.#ties = tieSetOf(options, null);
    this.#readable = readableRecords(options, this.#ties);
    this.#resume = new ResumePlace(options.incremental, options.resume ?? null);
  }

  get changed(): boolean {
    return this.#changed || this.#ties.changed;
  }

  get isPast(): boolean {
    return this.#resume.isBehind;
  }

  get #order() {
    const { start, incremental } = this.#options;
    return start.window?.order === "unordered" ? "unordered" : incremental.order;
  }

  committed(): void {
    this.#changed = false;
    this.#ties.committed();
  }

  admit(page: Page): Admitted {
    const { identity, tracksDeliveries } = this.#options;
    if (this.#resume.follow(page.next, this.#order === "ascending")) this.#changed = true;
    const { records } = this.#readable.of(page);
    const deliveries = tracksDeliveries ? records.map((record) => identityOf(record, identity)) : null;
    return { records, deliveries, disorder: null };
  }

  position({ windowFinished }: { windowFinished: boolean }): Position {
    const { start, window } = this.#options;
    const { secondaryCursors, coverage } = start;
    const highest = start.window?.highest ?? start.watermark;
    if (windowFinished) {
      const tieSet = this.#ties.from(highest);
      return { watermark: highest, secondaryCursors, window: null, tieSet, coverage };
    }
    return {
      watermark: start.watermark,
      secondaryCursors,
      window: {
        lower: window.lower?.value ?? null,
        upper: window.upper?.value ?? null,
        order: this.#order,
        highest,
        resume: this.#resume.at,
      },
      tieSet: [...this.#ties.within()],
      coverage,
    };
  }
}
