import type { Warn } from "../../engine/ports.ts";
import { parsePath, valueAt } from "../../model/record.ts";
import type { Facts } from "./facts.ts";
import { isSentence } from "./failure-fields.ts";
import type { WeighedSign } from "./failure-signs.ts";
import { TruncatedPages } from "./truncated-pages.ts";
import { digestOf, UsualSigns } from "./usual-signs.ts";

/** How many fields are remembered as reported; an older one is removed. */
const mostKept = 20;

const remedy =
  "if the source says so of whole answers, declare `errorField: null`, or the path where it does report failures";

/** The signs of failure in an answer with records: the one to warn about, and all of them. */
export interface SignsWithRecords {
  readonly warning: WeighedSign | null;
  readonly all: readonly WeighedSign[];
  readonly body: unknown;
}

/**
 * Warns of answers that may be incomplete and are accepted, because they hold records or their signs are weak
 * (`HALF_ANSWER_DOUBTED`).
 */
export class HalfAnswers {
  readonly #facts: Facts;
  readonly #warn: Warn;
  readonly #usual: UsualSigns;
  /** Null where answers name the next page. */
  readonly #truncated: TruncatedPages | null;
  /** Whether an answer of this read had records and no sign of failure. */
  #hasWhole = false;

  /** `isCounted`: pages are counted, or requested by a bound, so that an answer need not name the next one. */
  constructor(facts: Facts, warn: Warn, isCounted = false) {
    this.#facts = facts;
    this.#warn = warn;
    this.#usual = new UsualSigns(facts);
    this.#truncated = isCounted ? new TruncatedPages() : null;
  }

  /**
   * Whether all answers with records have the sign, so that it means nothing in one without. A flag for a missing part
   * never counts as usual.
   */
  isUsual(sign: WeighedSign): boolean {
    return !TruncatedPages.isFlag(sign) && this.#usual.has(sign);
  }

  /**
   * Adds an answer with records. For words that may also mean that another page follows, and for texts for people, it
   * warns where other answers of the read lack them, and once for a source whose answers all have them.
   */
  withRecords({ warning, all, body }: SignsWithRecords, page: number, count: number): void {
    this.#usual.learn(all);
    const warn = (): void => this.#warnWithRecords(warning, page, count);
    if (this.#truncated?.holdsBack({ sign: warning, body, count, warn }) !== true) warn();
  }

  #warnWithRecords(sign: WeighedSign | null, page: number, count: number): void {
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

  /**
   * Warns of an answer without records whose signs are usual ones. Usual texts for people are ignored, with one warning
   * where only earlier runs show that they are usual.
   */
  withoutRecords(signs: readonly WeighedSign[], page: number): void {
    const [sign] = signs.filter(({ weight, path, value }) => {
      if (weight !== "spoken") return true;
      return this.#usual.isOfEarlierRuns() && !this.#wasReported("said-empty", digestOf(path, value));
    });
    if (sign === undefined) return;
    this.#warn(
      "HALF_ANSWER_DOUBTED",
      `page ${page} has no records, and says what all answers with records said: ${sign.text}. It was taken for the end, or for nothing new; ${remedy}`,
    );
  }

  /** Whether the keys of an answer without records hold only sentences that were all reported before. */
  wereReported(body: unknown, keys: readonly string[]): boolean {
    const reported = keys.map((key) => {
      const value = valueAt(body, parsePath(key));
      return isSentence(value) && this.#wasReported("told-foreign", digestOf(key, value));
    });
    return reported.every((isReported) => isReported);
  }

  /** Warns of an answer without records that has keys which no answer with a list had. */
  foreign(keys: readonly string[], page: number, suffix: string): void {
    const names = keys.map((key) => `\`${key}\``).join(", ");
    this.#warn(
      "HALF_ANSWER_DOUBTED",
      `page ${page} has no records, and ${names}, which no answer with records had before${suffix}. It was taken for the end, or for nothing new, and may be a failure; ${remedy}`,
    );
  }

  /** Call where the read ends, with or without an error. */
  end(): void {
    this.#truncated?.end();
  }

  /** Whether it was reported before; marks it as reported. */
  #wasReported(kind: string, name: string): boolean {
    const isReported = this.#facts.has(`${kind}:${name}`);
    this.#facts.learnOneOf(kind, name, mostKept);
    return isReported;
  }
}
