import type { Warn } from "../../engine/ports.ts";
import { parsePath, valueAt } from "../../model/record.ts";
import type { Facts } from "./facts.ts";
import { isSentence } from "./failure-fields.ts";
import type { WeighedSign } from "./failure-signs.ts";
import { TruncatedPages } from "./truncated-pages.ts";
import { digestOf, UsualSigns } from "./usual-signs.ts";

/** Fields of which it was told that all answers have them; a new one makes room. */
const mostKept = 20;

const remedy =
  "if the source says so of whole answers, declare `errorField: null`, or the path where it does report failures";

/** What an answer with records says of a failure: what is to be told of it, and all that there is. */
export interface SignsWithRecords {
  readonly warning: WeighedSign | null;
  readonly all: readonly WeighedSign[];
  readonly body: unknown;
}

/**
 * Tells of answers that may be half ones and are taken all the same, since they hold records or say nothing clear
 * (`HALF_ANSWER_DOUBTED`).
 */
export class HalfAnswers {
  readonly #facts: Facts;
  readonly #warn: Warn;
  readonly #usual: UsualSigns;
  /** Null where pages lead on by what the answers name. */
  readonly #truncated: TruncatedPages | null;
  /** Whether an answer of this read had records and no sign of failure. */
  #hasWhole = false;

  /** `isCounted` says that pages are counted, or asked for by a bound: an answer need not name the next one. */
  constructor(facts: Facts, warn: Warn, isCounted = false) {
    this.#facts = facts;
    this.#warn = warn;
    this.#usual = new UsualSigns(facts);
    this.#truncated = isCounted ? new TruncatedPages() : null;
  }

  /** Whether all answers with records have the sign, so that it says nothing of one without. That a part is missing always does. */
  isUsual(sign: WeighedSign): boolean {
    return !TruncatedPages.isFlag(sign) && this.#usual.has(sign);
  }

  /**
   * Takes in an answer with records. Words that may also say that another page follows, and texts for people, are told where
   * other answers of the read lack them, and once of a source whose answers all have them.
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
   * Tells of an answer without records whose signs are usual ones. Texts for people say nothing then, and are told once where only
   * earlier runs show that they are usual.
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

  /** Whether the keys of an answer without records hold sentences only, each of which was told before. */
  wereReported(body: unknown, keys: readonly string[]): boolean {
    const reported = keys.map((key) => {
      const value = valueAt(body, parsePath(key));
      return isSentence(value) && this.#wasReported("told-foreign", digestOf(key, value));
    });
    return reported.every((isReported) => isReported);
  }

  /** Tells of an answer without records that has keys which none with a list had. */
  foreign(keys: readonly string[], page: number, suffix: string): void {
    const names = keys.map((key) => `\`${key}\``).join(", ");
    this.#warn(
      "HALF_ANSWER_DOUBTED",
      `page ${page} has no records, and ${names}, which no answer with records had before${suffix}. It was taken for the end, or for nothing new, and may be a failure; ${remedy}`,
    );
  }

  /** To be called where the read ends, however it does. */
  end(): void {
    this.#truncated?.end();
  }

  /** Whether it was told before; from now on it was. */
  #wasReported(kind: string, name: string): boolean {
    const isReported = this.#facts.has(`${kind}:${name}`);
    this.#facts.learnOneOf(kind, name, mostKept);
    return isReported;
  }
}
