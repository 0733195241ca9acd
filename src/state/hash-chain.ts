import { hash } from "node:crypto";
import type { TidemarkError } from "../errors.ts";

/**
 * A hash chain: rows numbered from 1 without gaps, each with a hash over its own fields and the hash of the row before.
 * The audit logs of streams and of API keys are such chains.
 */

/** A row of a chain by its number and hash. */
export interface ChainLink {
  readonly number: number;
  readonly hash: string;
}

/** Before the first row. */
export const noLink: ChainLink = { number: 0, hash: "" };

/** What a hash is made of: each field as `length:text`, or `-` where it is null. */
export function chainText(fields: readonly (string | null)[]): string {
  return fields.map((field) => (field === null ? "-" : `${Buffer.byteLength(field)}:${field}`)).join("");
}

/** The hash of a row: SHA-256 over the hash of the row before it (empty for the first) and its fields. */
export function chainHash(previous: string, fields: readonly (string | null)[]): string {
  return hash("sha256", chainText([previous, ...fields]), "hex");
}

/**
 * Checks a chain while its rows are read, in the order of their numbers. Throws the error that `broken` makes of the
 * first fault.
 */
export class ChainFollower {
  readonly #broken: (number: number, what: string) => TidemarkError;
  #last: ChainLink;

  constructor(broken: (number: number, what: string) => TidemarkError, start: ChainLink = noLink) {
    this.#broken = broken;
    this.#last = start;
  }

  /** `hashAfter`: computes the row's hash from the hash of the row before it. */
  row(row: ChainLink, hashAfter: (previous: string) => string): void {
    const expected = this.#last.number + 1;
    if (row.number !== expected) throw this.#broken(expected, "is missing or out of place");
    if (row.hash !== hashAfter(this.#last.hash)) throw this.#broken(expected, "was altered");
    this.#last = { number: row.number, hash: row.hash };
  }

  /** Compares the last row with the end that is stored outside the chain. */
  end(tail: ChainLink): void {
    const { number, hash } = this.#last;
    if (tail.number > number) throw this.#broken(number + 1, "is missing at the end");
    if (tail.number < number) throw this.#broken(tail.number + 1, "was added from outside");
    if (tail.hash !== hash) throw this.#broken(tail.number, "is not the one that is remembered as the last");
  }
}
