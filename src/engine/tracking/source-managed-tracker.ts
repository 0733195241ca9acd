import type { CursorType } from "../../model/cursor.ts";
import type { Position, Tally } from "../../model/position.ts";
import type { Page, Refusals } from "../ports.ts";
import type { Admitted, CursorTracker } from "./cursor-tracker.ts";
import { withoutUnreadable } from "./readable-records.ts";
import { risingCursor } from "./rising-cursor.ts";

export interface SourceManagedTrackerOptions {
  readonly start: Position;
  readonly type: CursorType;
  /** When the run began, as ISO 8601 in UTC. */
  readonly startedAt: string;
  /** Whether the output would add a record again that is delivered again. */
  readonly appends: boolean;
  /** Receives unreadable records. */
  readonly refusals: Refusals;
}

const noTally: Tally = { records: 0, lastStart: null, since: null, open: null };

/**
 * Tracks a source-managed cursor: the watermark is the last cursor that came with a page, and covers that page and all
 * before it. Records after it are read again if the run ends early, so an output that appends commits them only once
 * they are covered.
 */
export class SourceManagedTracker implements CursorTracker {
  readonly recordsRuns = true;
  /** A cursor covers whole pages. */
  readonly byRecord = false;
  readonly #options: SourceManagedTrackerOptions;
  readonly #before: Tally;
  #watermark: string | null;
  #admitted = 0;
  /** How many of the admitted records the watermark covers. */
  #covered = 0;
  /** Whether this run brought a cursor. */
  #moved = false;
  #changed = false;

  constructor(options: SourceManagedTrackerOptions) {
    this.#options = options;
    this.#before = options.start.tally ?? noTally;
    this.#watermark = options.start.watermark;
  }

  get changed(): boolean {
    return this.#changed;
  }

  get settled(): boolean {
    return !this.#options.appends || this.#admitted === this.#covered;
  }

  get isPast(): boolean {
    return this.#admitted === this.#covered;
  }

  committed(): void {
    this.#changed = false;
  }

  admit(page: Page): Admitted {
    const { cursor } = page;
    const { records } = withoutUnreadable(page, this.#options.refusals);
    const watermark = cursor === undefined ? undefined : this.#read(cursor);
    this.#admitted += records.length;
    if (watermark !== undefined) this.#cover(watermark);
    return { records, deliveries: null, disorder: null };
  }

  #cover(watermark: string): void {
    if (watermark === this.#watermark && this.#admitted === this.#covered) return;
    this.#watermark = watermark;
    this.#covered = this.#admitted;
    this.#moved = true;
    this.#changed = true;
  }

  /** Checked here, before it is written with the rows: the state would refuse it only afterwards. */
  #read(cursor: string): string {
    return risingCursor(this.#options.type, cursor, this.#watermark);
  }

  position({ windowFinished }: { windowFinished: boolean }): Position {
    const { coverage } = this.#options.start;
    const tally = windowFinished ? this.#finished() : this.#unfinished();
    return { watermark: this.#watermark, secondaryCursors: {}, window: null, tieSet: [], coverage, tally };
  }

  #finished(): Tally {
    const { startedAt } = this.#options;
    return {
      records: this.#before.records + this.#admitted,
      lastStart: startedAt,
      since: this.#before.open ?? startedAt,
      open: null,
    };
  }

  #unfinished(): Tally {
    const { records, lastStart, since, open } = this.#before;
    const { startedAt } = this.#options;
    return {
      records: records + this.#covered,
      lastStart,
      since,
      open: open ?? (this.#moved ? startedAt : null),
    };
  }
}
