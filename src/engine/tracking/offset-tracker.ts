import { identityOf } from "../../model/identity.ts";
import type { Position } from "../../model/position.ts";
import type { Page } from "../ports.ts";
import type { Admitted, CursorTracker } from "./cursor-tracker.ts";
import { type ReadableRecords, readableRecords } from "./readable-records.ts";
import { ResumePlace } from "./resume-place.ts";
import { type TieSet, tieSetOf } from "./tie-set.ts";
import type { TrackerOptions } from "./tracker-options.ts";

/** Tracks a stream that is read by its offset: each record moves the watermark by one. */
export class OffsetTracker implements CursorTracker {
  readonly settled = true;
  readonly recordsRuns = false;
  readonly byRecord = true;
  readonly isPast = true;
  readonly #options: TrackerOptions;
  readonly #ties: TieSet;
  readonly #readable: ReadableRecords;
  readonly #resume: ResumePlace;
  #offset: bigint;
  #changed = false;

  constructor(options: TrackerOptions) {
    const { incremental, start } = options;
    this.#options = options;
    this.#ties = tieSetOf(options, incremental.cursors[0]?.type ?? null);
    this.#readable = readableRecords(options, this.#ties);
    this.#resume = new ResumePlace(incremental, options.resume ?? null);
    this.#offset = BigInt(start.watermark ?? "0");
  }

  get changed(): boolean {
    return this.#changed || this.#ties.changed;
  }

  committed(): void {
    this.#changed = false;
    this.#ties.committed();
  }

  /** An unreadable record counts too, since it has a place in the source. */
  admit(page: Page): Admitted {
    const { incremental, identity, tracksDeliveries } = this.#options;
    if (this.#resume.follow(page.next, incremental.order === "ascending")) this.#changed = true;
    const { records } = this.#readable.of(page);
    const first = this.#offset;
    this.#offset += BigInt(page.records.length);
    if (page.records.length > 0) this.#changed = true;
    const deliveries = tracksDeliveries
      ? records.map((record, index) => `${identityOf(record, identity)}@${first + BigInt(index)}`)
      : null;
    return { records, deliveries, disorder: null };
  }

  position(): Position {
    const { coverage, secondaryCursors } = this.#options.start;
    return { watermark: String(this.#offset), secondaryCursors, window: null, tieSet: [], coverage };
  }
}
