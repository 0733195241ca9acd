import { TidemarkError } from "../../errors.ts";
import type { LetterStage, Refusal, RefusalLimit } from "../on-error.ts";

/** How many records a run must have tried before a limit by share is applied ahead of its end. */
const fewest = 100;

/**
 * Counts tried and refused records by stage, and throws where the limit is passed. Without a limit a run fails if all
 * of its records are refused.
 */
export class RefusalAccount {
  readonly #limit: RefusalLimit | null;
  readonly #refused: Record<LetterStage, number> = { input: 0, filter: 0, output: 0 };
  #read = 0;
  #filtered = 0;
  #given = 0;
  #pending = 0;
  #first: Refusal | null = null;

  constructor(limit: RefusalLimit | null) {
    this.#limit = limit;
  }

  /** Counts the records of a page. */
  read(records: number): void {
    this.#read += records;
  }

  /** Counts the records of the page that are new to the run and go through the filters. */
  filtered(records: number): void {
    this.#filtered += records;
  }

  /** Counts the records that go to the output. */
  handed(records: number): void {
    this.#pending += records;
  }

  /** Counts the records that the output has taken, refused, or kept for its commit. */
  given(records: number): void {
    this.#pending -= records;
    this.#given += records;
  }

  /** Throws `TOO_MANY_REFUSED` where a limit by number is passed. */
  refused(refusal: Refusal): void {
    this.#first ??= refusal;
    this.#refused[refusal.stage ?? "output"] += 1;
    if (this.#limit !== null && "records" in this.#limit && this.#count > this.#limit.records)
      throw this.#failure();
  }

  /** Whether the position must not move yet: the run is over its limit, but has tried too few records to fail. */
  get holdsBack(): boolean {
    const isFailing = this.#limit !== null && "records" in this.#limit;
    return this.#isOver && (isFailing || this.#isYoung);
  }

  /** Whether too few were tried to be judged by a share of them. */
  get awaitsMore(): boolean {
    return this.#isYoung && (this.#limit === null || ("share" in this.#limit && this.#limit.share < 1));
  }

  get #isYoung(): boolean {
    return this.#filtered - this.#pending + this.#refused.input < fewest;
  }

  /**
   * Call before a position moves. Throws `TOO_MANY_REFUSED`; before the run's end only if enough records were tried.
   */
  judge({ atEnd }: { readonly atEnd: boolean }): void {
    if (this.#isOver && (atEnd || this.#tried >= fewest)) throw this.#failure();
  }

  get #count(): number {
    const { input, filter, output } = this.#refused;
    return input + filter + output;
  }

  /** Refused records and records handed to the output. Records that filters drop on purpose count as neither. */
  get #tried(): number {
    const { input, filter } = this.#refused;
    return this.#given + input + filter;
  }

  get #isOver(): boolean {
    const limit = this.#limit;
    if (limit === null) return this.#isAll;
    if ("records" in limit) return this.#count > limit.records;
    return this.#count > limit.share * this.#tried;
  }

  /** Whether a stage has refused all of its records. */
  get #isAll(): boolean {
    const { input, filter, output } = this.#refused;
    if (this.#given > 0) return output >= this.#given;
    if (this.#filtered > 0) return filter >= this.#filtered;
    return input > 0 && input >= this.#read;
  }

  #failure(): TidemarkError {
    const count = this.#count;
    const first = this.#first;
    const why = first === null ? "" : `; the first is ${first.name}: ${first.reason.message}`;
    return new TidemarkError("TOO_MANY_REFUSED", `${this.#tooMany(count)}${why}`, {
      details: { refused: count, tried: this.#tried },
    });
  }

  #tooMany(count: number): string {
    const records = count === 1 ? "1 record was refused" : `${count} records were refused`;
    const limit = this.#limit;
    if (limit !== null && "records" in limit) {
      return `${records}, and \`maxRefused\` allows ${limit.records} in a run`;
    }
    if (limit !== null) {
      return `${count} of ${this.#tried} records were refused, and \`maxRefused\` allows ${percent(limit.share)}`;
    }
    return count === 1
      ? "the only record that the run tried was refused"
      : `all of ${this.#tried} records were refused`;
  }
}

function percent(share: number): string {
  return `${Number((share * 100).toPrecision(6))}%`;
}
