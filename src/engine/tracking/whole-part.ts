import type { Position } from "../../model/position.ts";
import type { ClockAhead, ReadRequest } from "../ports.ts";
import type { PageGuard } from "./page-guard.ts";
import type { CutPage, Part, Stand, Unit } from "./part.ts";
import type { TakenRecords } from "./taken-records.ts";
import type { Tracker } from "./tracker.ts";

/** How a part that is read in one piece is read from where it stands. */
export interface WholeRead {
  readonly tracker: Tracker;
  readonly guard: PageGuard;
  readonly request: Omit<ReadRequest, "signal">;
}

/** A stream or partition whose window is read in one piece, by one tracker. */
export class WholePart implements Part {
  readonly partition: string | null;
  readonly taken: TakenRecords;
  readonly #start: Position;
  readonly #open: (start: Position, quiet: boolean) => WholeRead;
  #read: WholeRead;
  /** Where reading began, as it was found, until a page is admitted. */
  #found: Position | null;
  /** As the first page said that did: only that counts. */
  #clockAhead: ClockAhead | undefined;
  #finished = false;
  /** Whether the state has yet to be told where the part stands. */
  #untold: boolean;
  /** The position last asked for, and the one last committed, and whether that has an unfinished window. */
  #last: Position;
  #committed: Position;
  #unfinished: boolean;
  /** Where the part stays, once a page of it could not be written. */
  #stays: { readonly at: Position | null } | null = null;

  constructor(options: {
    readonly partition: string | null;
    readonly start: Position;
    readonly taken: TakenRecords;
    /** Opened quietly, it warns of nothing and refuses nothing: what it is given was admitted before. */
    readonly open: (start: Position, quiet: boolean) => WholeRead;
    readonly untold?: boolean;
  }) {
    const { partition, start, open, taken } = options;
    this.partition = partition;
    this.taken = taken;
    this.#start = start;
    this.#found = start;
    this.#open = open;
    this.#read = open(start, false);
    this.#last = start;
    this.#committed = start;
    this.#untold = options.untold ?? false;
    this.#unfinished = start.window !== null || start.taken !== undefined;
  }

  get changed(): boolean {
    if (this.#stays !== null) return this.#stays.at !== null;
    return this.#read.tracker.changed || this.#untold || (this.#finished && this.#unfinished);
  }

  get settled(): boolean {
    return this.#read.tracker.settled;
  }

  get recordsRuns(): boolean {
    return this.#read.tracker.recordsRuns;
  }

  *units(): Generator<Unit> {
    yield this.#unit(this.#start);
  }

  position(): Position {
    if (this.#stays === null)
      this.#last = this.#named(this.#read.tracker.position({ windowFinished: this.#finished }));
    else this.#last = this.#stays.at ?? this.#committed;
    return this.#last;
  }

  /** With what is kept beside what the tracker follows. */
  #named(position: Position, atHand: readonly string[] = []): Position {
    const { note } = this.#start;
    const taken = this.taken.kept(atHand);
    const { taken: _, ...rest } = position;
    return {
      ...rest,
      ...(note === undefined ? {} : { note }),
      ...(taken === undefined ? {} : { taken }),
    };
  }

  fallBack(to: Position | null): void {
    this.#stays = { at: to };
  }

  standing(): Position {
    return this.#found ?? this.position();
  }

  cutShort({ page, before, prefix, disorder }: CutPage): Stand {
    if (disorder !== null) return { position: this.#fromItsStart(), counted: 0 };
    if (prefix === 0 || !this.#read.tracker.byRecord) return { position: before, counted: 0 };
    const { tracker } = this.#open(before, true);
    const { cursor: _, ...rest } = page;
    const ahead = this.#clockAhead === undefined ? {} : { clockAhead: this.#clockAhead };
    tracker.admit({ ...rest, ...ahead, records: page.records.slice(0, prefix), next: null });
    return { position: this.#named(tracker.position({ windowFinished: false })), counted: prefix };
  }

  /** Promise P9, for a page that is not written whole: the window is read anew, in no order. */
  #fromItsStart(): Position {
    const { lower, upper } = this.#read.request.window;
    const highest = this.#start.window?.highest ?? this.#start.watermark;
    const bounds = { lower: lower?.value ?? null, upper: upper?.value ?? null };
    return this.#named({
      ...this.#start,
      window: { ...bounds, order: "unordered", highest, resume: null },
    });
  }

  goOn(): void {
    this.#stays = null;
    this.#untold = true;
  }

  committed(): void {
    if (this.#stays !== null) this.#stays = { at: null };
    this.#read.tracker.committed();
    this.#untold = false;
    this.#committed = this.#last;
    this.#unfinished = this.#last.window !== null || this.#last.taken !== undefined;
  }

  #unit(start: Position): Unit {
    const { tracker, guard, request } = this.#read;
    return {
      part: this,
      name: this.partition === null ? null : `partition ${this.partition}`,
      request: this.partition === null ? request : { ...request, partition: this.partition },
      guard,
      abandoned: false,
      admit: (page) => {
        this.#found = null;
        this.#clockAhead ??= page.clockAhead;
        return tracker.admit(page);
      },
      written: (names) => {
        if (tracker.isPast) this.taken.passed(this);
        else if (this.taken.add(this, names())) this.#untold = true;
      },
      finished: () => {
        this.#finished = true;
        this.taken.clear();
      },
      fromStart: () => {
        if (start.window === null || start.window.resume === null) return null;
        const again = { ...start, window: { ...start.window, resume: null } };
        this.#read = this.#open(again, false);
        this.#found = again;
        return this.#unit(again);
      },
    };
  }
}
