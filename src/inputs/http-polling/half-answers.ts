import type { Warn } from "../../engine/ports.ts";
import type { Facts } from "./facts.ts";
import type { WeighedSign } from "./failure-signs.ts";

/** Fields of which it was told that all answers have them; a new one makes room. */
const mostKept = 20;

const remedy =
  "if the source says so of whole answers, declare `errorField: null`, or the path where it does report failures";

/**
 * Tells of answers that may be half ones and are taken all the same, since they hold records or say nothing clear
 * (`HALF_ANSWER_DOUBTED`).
 */
export class HalfAnswers {
  readonly #facts: Facts;
  readonly #warn: Warn;
  /** Whether an answer of this read had records and no sign of failure. */
  #hasWhole = false;

  constructor(facts: Facts, warn: Warn) {
    this.#facts = facts;
    this.#warn = warn;
  }

  /**
   * Takes in an answer with records. Words that may also say that another page follows, and texts for people, are told where
   * other answers of the read lack them, and once of a source whose answers all have them.
   */
  besideRecords(sign: WeighedSign | null, page: number, count: number): void {
    if (sign === null) {
      this.#hasWhole = true;
      return;
    }
    if (sign.weight !== "nothing") {
      const isUsual = this.#facts.has(`said:${sign.path}`) && !this.#hasWhole;
      this.#facts.learnOneOf("said", sign.path, mostKept);
      if (isUsual) return;
    }
    this.#warn(
      "HALF_ANSWER_DOUBTED",
      `page ${page} has ${count === 1 ? "1 record" : `${count} records`}, and says that it failed or is not whole: ${sign.text}. They were taken; what the page lacks may never come. See what the source means; ${remedy}`,
    );
  }

  /** Tells of an answer without records that has keys which none with a list had. */
  foreign(keys: readonly string[], page: number, words: string): void {
    const names = keys.map((key) => `\`${key}\``).join(", ");
    this.#warn(
      "HALF_ANSWER_DOUBTED",
      `page ${page} has no records, and ${names}, which no answer with records had before${words}. It was taken for the end, or for nothing new, and may be a failure; ${remedy}`,
    );
  }
}
