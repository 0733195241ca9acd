import { isTidemarkError, messageOf, TidemarkError } from "../../errors.ts";
import type { ReadRange } from "../tracking/range.ts";

/** How many failed ranges a message names. */
const named = 5;

/** How many ranges in a row may fail with an unavailable source before the run stops. */
const awayInARow = 20;

/** The ranges of a run that failed, while the others went on. */
export class Failures {
  readonly #first: { readonly name: string; readonly error: unknown }[] = [];
  #count = 0;
  #ranges = 0;
  #away = 0;

  get any(): boolean {
    return this.#count > 0;
  }

  ended(): void {
    this.#ranges += 1;
    this.#away = 0;
  }

  /** Adds a range's failure. False where so many in a row found the source unavailable that the run must stop. */
  add({ name }: Pick<ReadRange, "name">, error: unknown): boolean {
    this.#ranges += 1;
    this.#count += 1;
    if (this.#first.length < named) this.#first.push({ name: name ?? "the stream", error });
    this.#away = isTidemarkError(error) && error.recoverable ? this.#away + 1 : 0;
    return this.#away < awayInARow;
  }

  /** All of them as one error, with the code of the first. */
  error(): TidemarkError {
    const [first] = this.#first;
    const cause = first?.error;
    const list = this.#first.map(({ name, error }) => `${name}: ${messageOf(error)}`).join("; ");
    const more = this.#count > this.#first.length ? `; and ${this.#count - this.#first.length} more` : "";
    const message = `${this.#count} of ${this.#ranges} could not be read whole, and the others are kept: ${list}${more}`;
    if (!(cause instanceof TidemarkError)) return new TidemarkError("INTERNAL", message, { cause });
    return new TidemarkError(cause.code, message, {
      cause,
      hint: `${cause.hint} The next run reads these again, each from its last checkpoint.`,
      recoverable: cause.recoverable,
    });
  }
}
