import type { Position } from "../model/position.ts";
import type { PageGuard } from "./page-guard.ts";
import type { Part, Unit } from "./part.ts";
import type { ReadRequest } from "./ports.ts";
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
  readonly #start: Position;
  readonly #open: (start: Position) => WholeRead;
  #read: WholeRead;
  #finished = false;
  /** Whether the state has yet to be told where the part stands. */
  #untold: boolean;
  /** The position last asked for, and whether the one last committed has an unfinished window. */
  #last: Position;
  #unfinished: boolean;
  /** Where the part stays, once a page of it could not be written. */
  #stays: { readonly at: Position | null } | null = null;

  constructor(options: {
    readonly partition: string | null;
    readonly start: Position;
    readonly open: (start: Position) => WholeRead;
    readonly untold?: boolean;
  }) {
    const { partition, start, open } = options;
    this.partition = partition;
    this.#start = start;
    this.#open = open;
    this.#read = open(start);
    this.#last = start;
    this.#untold = options.untold ?? false;
    this.#unfinished = start.window !== null;
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
    const stays = this.#stays?.at ?? null;
    if (stays !== null) return stays;
    const { note } = this.#start;
    const position = this.#read.tracker.position({ windowFinished: this.#finished });
    this.#last = note === undefined ? position : { ...position, note };
    return this.#last;
  }

  fallBack(to: Position | null): void {
    this.#stays = { at: to };
  }

  committed(): void {
    if (this.#stays !== null) this.#stays = { at: null };
    this.#read.tracker.committed();
    this.#untold = false;
    this.#unfinished = this.#last.window !== null;
  }

  #unit(start: Position): Unit {
    const { tracker, guard, request } = this.#read;
    return {
      part: this,
      name: this.partition === null ? null : `partition ${this.partition}`,
      request: this.partition === null ? request : { ...request, partition: this.partition },
      guard,
      abandoned: false,
      admit: (page) => tracker.admit(page),
      finished: () => {
        this.#finished = true;
      },
      fromStart: () => {
        if (start.window === null || start.window.resume === null) return null;
        const again = { ...start, window: { ...start.window, resume: null } };
        this.#read = this.#open(again);
        return this.#unit(again);
      },
    };
  }
}
