import type { Position } from "../../model/position.ts";
import type { ClockAhead, Page, ReadRequest } from "../ports.ts";
import type { Admitted, CursorTracker } from "./cursor-tracker.ts";
import type { PageGuard } from "./page-guard.ts";
import type { CutPage, CutPosition, ReadRange, StoredRange } from "./range.ts";
import type { TakenRecords } from "./taken-records.ts";

/** How a range is read in one piece from its position. */
export interface WholeRead {
  readonly tracker: CursorTracker;
  readonly guard: PageGuard;
  readonly request: Omit<ReadRequest, "signal">;
}

export interface WholeRangeOptions {
  readonly partition: string | null;
  readonly start: Position;
  readonly taken: TakenRecords;
  /** Whether the state still has to store the starting position. */
  readonly dirty: boolean;
  readonly opener: {
    /** `quiet`: it warns of nothing and refuses nothing, since its records were admitted before. */
    whole(start: Position, how: { readonly quiet: boolean }): WholeRead;
  };
}

/**
 * A stream or partition whose window is read in one piece. Its position is that of its tracker, with two exceptions: if
 * a page could not be written completely, it stays before the page or inside it; and if the source no longer knows the
 * resume point, the window is read from its start.
 */
export class WholeRange implements StoredRange, ReadRange {
  readonly stored: StoredRange = this;
  readonly partition: string | null;
  readonly taken: TakenRecords;
  abandoned = false;
  readonly #opener: WholeRangeOptions["opener"];
  /** Where reading begins. */
  #start: Position;
  #read: WholeRead;
  /** Whether a page was admitted: until then the range has its starting position. */
  #hasAdmitted = false;
  /** From the first page that has it; later ones are ignored. */
  #clockAhead: ClockAhead | undefined;
  #finished = false;
  #dirty: boolean;
  /** The position last asked for, the one last committed, and whether that has an unfinished window. */
  #last: Position;
  #committed: Position;
  #unfinished: boolean;
  /** The position at which the range stays after a page could not be written. */
  #stays: { readonly at: Position | null } | null = null;

  constructor({ partition, start, opener, taken, dirty }: WholeRangeOptions) {
    this.partition = partition;
    this.taken = taken;
    this.#opener = opener;
    this.#start = start;
    this.#read = opener.whole(start, { quiet: false });
    this.#last = start;
    this.#committed = start;
    this.#dirty = dirty;
    this.#unfinished = isUnfinished(start);
  }

  // What is read.

  get name(): string | null {
    return this.partition === null ? null : `partition ${this.partition}`;
  }

  get request(): Omit<ReadRequest, "signal"> {
    const { request } = this.#read;
    return this.partition === null ? request : { ...request, partition: this.partition };
  }

  *reads(): Generator<ReadRange> {
    yield this;
  }

  admit(page: Page): Admitted {
    const { guard, tracker } = this.#read;
    guard.see(page);
    this.#hasAdmitted = true;
    this.#clockAhead ??= page.clockAhead;
    return tracker.admit(page, guard.isRepeat);
  }

  written(names: () => readonly string[]): void {
    if (this.#read.tracker.isPast) this.taken.passed(this);
    else if (this.taken.add(this, names())) this.#dirty = true;
  }

  end(): void {
    this.#read.guard.end();
    this.#finished = true;
    this.taken.clear();
  }

  restart(): boolean {
    const { window } = this.#start;
    if (window === null || window.resume === null) return false;
    this.#start = { ...this.#start, window: { ...window, resume: null } };
    this.#read = this.#opener.whole(this.#start, { quiet: false });
    this.#hasAdmitted = false;
    return true;
  }

  // What is stored.

  get changed(): boolean {
    if (this.#stays !== null) return this.#stays.at !== null;
    return this.#read.tracker.changed || this.#dirty || (this.#finished && this.#unfinished);
  }

  get settled(): boolean {
    return this.#read.tracker.settled;
  }

  get recordsRuns(): boolean {
    return this.#read.tracker.recordsRuns;
  }

  position(): Position {
    const reached = this.#stays === null ? this.#reached() : (this.#stays.at ?? this.#committed);
    this.#last = reached;
    return reached;
  }

  committed(): void {
    if (this.#stays !== null) this.#stays = { at: null };
    this.#read.tracker.committed();
    this.#dirty = false;
    this.#committed = this.#last;
    this.#unfinished = isUnfinished(this.#last);
  }

  // A page that could not be written completely.

  current(): Position {
    return this.#hasAdmitted ? this.position() : this.#start;
  }

  fallBack(to: Position | null): void {
    this.#stays = { at: to };
  }

  goOn(): void {
    this.#stays = null;
    this.#dirty = true;
  }

  cutShort({ page, before, prefix, disorder }: CutPage): CutPosition {
    if (disorder !== null) return { position: this.#windowAgain(), counted: 0 };
    if (prefix === 0 || !this.#read.tracker.byRecord) return { position: before, counted: 0 };
    const { tracker } = this.#opener.whole(before, { quiet: true });
    const { cursor: _, ...rest } = page;
    const ahead = this.#clockAhead === undefined ? {} : { clockAhead: this.#clockAhead };
    tracker.admit({ ...rest, ...ahead, records: page.records.slice(0, prefix), next: null }, false);
    return { position: this.#complete(tracker.position({ windowFinished: false })), counted: prefix };
  }

  /** Promise P9, for a page that is not written completely: the window is read again as unordered. */
  #windowAgain(): Position {
    const { lower, upper } = this.#read.request.window;
    const highest = this.#start.window?.highest ?? this.#start.watermark;
    const bounds = { lower: lower?.value ?? null, upper: upper?.value ?? null };
    return this.#complete({
      ...this.#start,
      window: { ...bounds, order: "unordered", highest, resume: null },
    });
  }

  #reached(): Position {
    return this.#complete(this.#read.tracker.position({ windowFinished: this.#finished }));
  }

  /** Adds what is stored with the tracker's position. */
  #complete({ taken: _, ...position }: Position): Position {
    const { note } = this.#start;
    const taken = this.taken.kept();
    return {
      ...position,
      ...(note === undefined ? {} : { note }),
      ...(taken === undefined ? {} : { taken }),
    };
  }
}

function isUnfinished({ window, taken }: Position): boolean {
  return window !== null || taken !== undefined;
}
