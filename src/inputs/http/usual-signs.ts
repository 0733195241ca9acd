import { hash } from "node:crypto";
import { stringifyJson } from "../../model/json.ts";
import type { Facts } from "./facts.ts";
import type { WeighedSign } from "./failure-signs.ts";

/** How many are stored with the stream; with more, none are stored. */
const mostKept = 5;
const kind = "usual-signs";
const none = "none";

/**
 * Signs of failure next to the records of every answer: a deprecation notice, a quota, a number of failures that the
 * records report. A sign that all answers have does not show that one without records failed. Texts that differ only in
 * numbers are equal. Those of the newest read with records are kept with the stream.
 */
export class UsualSigns {
  readonly #facts: Facts;
  /** Those of earlier runs, and those of all answers with records of this read; null before the first. */
  readonly #before: ReadonlySet<string>;
  #here: ReadonlySet<string> | null = null;

  constructor(facts: Facts) {
    this.#facts = facts;
    this.#before = new Set(facts.of(kind).flatMap((names) => names.split(" ")));
  }

  /** Adds the signs of an answer with records. */
  learn(signs: readonly WeighedSign[]): void {
    const found = new Set(signs.map(nameOf));
    const before = this.#here;
    this.#here = before === null ? found : new Set([...before].filter((name) => found.has(name)));
    const names = this.#here.size > mostKept ? [] : [...this.#here].sort();
    if (names.length > 0) this.#facts.learnOneOf(kind, names.join(" "), 1);
    else if (this.#facts.of(kind).length > 0) this.#facts.learnOneOf(kind, none, 1);
  }

  /** Whether an answer without records has a sign that all answers with records have: those of this read, or the last ones before it. */
  has(sign: WeighedSign): boolean {
    return (this.#here ?? this.#before).has(nameOf(sign));
  }

  /** Whether it is only known from earlier runs. */
  isOfEarlierRuns(): boolean {
    return this.#here === null;
  }
}

/** A short digest of a field and its value. */
function nameOf({ path, value }: WeighedSign): string {
  return digestOf(path, value);
}

export function digestOf(path: string, value: unknown): string {
  const text = (typeof value === "string" ? value : stringifyJson(value)).replace(/\d+(?:[.,]\d+)*/g, "0");
  return hash("sha1", `${path}\n${text}`, "base64url").slice(0, 10);
}
