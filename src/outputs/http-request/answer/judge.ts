import { snippet } from "../../../http/failures.ts";
import type { HttpResponse } from "../../../http/message.ts";
import { JsonError, parseJson, stringifyJson } from "../../../model/json.ts";
import type { SourceRecord } from "../../../model/record.ts";
import {
  type AnswerConditions,
  compileConditions,
  isSuccess,
  type Ruling,
  type SeenAnswer,
} from "./conditions.ts";
import { forExpressions, UnclearAnswer } from "./expressions.ts";
import { isPage, textOfPage } from "./page.ts";
import { compileResults, type RecordResult, type ResultsOf } from "./results.ts";
import type { AnswerConfig } from "./schema.ts";
import { signOfFailure } from "./signs.ts";

/** What an answer means for the records sent. */
export type Judgement =
  /** The target took all records; `unread` is the reason if its answer could not be read. */
  | { readonly kind: "taken"; readonly unread: string | null; readonly warning: AnswerWarning | null }
  /** It refused all records, or some that it does not name. */
  | { readonly kind: "refused"; readonly reason: string }
  /** It asks for a retry. */
  | { readonly kind: "retry"; readonly reason: string }
  /** It reported the result of each record, in order. */
  | { readonly kind: "results"; readonly results: readonly RecordResult[] }
  /** The answer decides and cannot be read: the outcome is unknown. */
  | { readonly kind: "unreadable"; readonly why: string; readonly isTooLarge: boolean }
  /** It reports a failure, without a declaration about such answers. */
  | { readonly kind: "failed"; readonly sign: string }
  /** A 2xx status that is not declared. */
  | { readonly kind: "unlisted" };

/** Why an answer that counts as a delivery may not be one. */
export type AnswerWarning =
  /** It is a page for people, with this text. */
  | { readonly kind: "page"; readonly reason: string }
  /** No declared condition matches it, and it reports a failure. */
  | { readonly kind: "overlooked"; readonly sign: string };

export interface JudgeConfig {
  readonly success?: readonly number[] | undefined;
  readonly answer?: AnswerConfig | undefined;
}

/** The records sent, and each one's part of the body. */
export interface Sent {
  readonly records: readonly SourceRecord[];
  readonly items: readonly unknown[];
}

/** Judges answers by the declared conditions, and otherwise by their status and content. */
export class AnswerJudge {
  readonly #config: JudgeConfig;
  readonly #conditions: AnswerConditions;
  readonly #resultsOf: ResultsOf | null;
  /** Whether the meaning of a 2xx answer is declared, so that its content is not interpreted. */
  readonly #isDeclared: boolean;

  constructor(config: JudgeConfig) {
    const { answer } = config;
    this.#config = config;
    this.#conditions = compileConditions(answer);
    this.#resultsOf = answer?.results === undefined ? null : compileResults(answer.results);
    this.#isDeclared = [answer?.success, answer?.refused, answer?.results].some((one) => one !== undefined);
  }

  /** For one request, whose answers are claimed and judged one after another. */
  begin(): RequestJudge {
    let last: { readonly answer: HttpResponse; readonly seen: Seen } | null = null;
    const seenIn = (answer: HttpResponse): Seen => {
      if (last?.answer !== answer) last = { answer, seen: this.#seen(answer) };
      return last.seen;
    };
    return {
      claims: (answer) => this.#claims(seenIn(answer)),
      judge: (answer, sent) => this.#judge(seenIn(answer), sent),
    };
  }

  async #claims(seen: Seen): Promise<boolean> {
    return this.#isListed(seen.status) || (await this.#rulingOn(seen)) !== null;
  }

  async #judge(seen: Seen, sent: Sent): Promise<Judgement> {
    const ruling = await this.#rulingOn(seen);
    if (this.#isUnreadable(seen, ruling)) return this.#unreadable(seen);
    const refused = await this.#refusal(seen, ruling);
    if (refused !== null) return refused;
    if (this.#resultsOf !== null)
      return { kind: "results", results: await this.#resultsOf(seen, sent.records) };
    const sign = this.#isDeclared || !isSuccess(seen.status) ? null : this.#signIn(seen, sent.items);
    if (sign !== null) return { kind: "failed", sign };
    return {
      kind: "taken",
      unread: seen.isDamaged ? seen.unread : null,
      warning: this.#warning(seen, ruling, sent.items),
    };
  }

  #warning(seen: Seen, ruling: Ruling | null, items: readonly unknown[]): AnswerWarning | null {
    if (ruling !== null || !isSuccess(seen.status)) return null;
    if (this.#isDeclared) {
      const sign = signOfFailure(seen.body, items);
      return sign === null ? null : { kind: "overlooked", sign };
    }
    const reason = textOfPage(seen.text, seen.contentType);
    return reason === null ? null : { kind: "page", reason };
  }

  /** Null where the answer is a success. */
  async #refusal(seen: Seen, ruling: Ruling | null): Promise<Judgement | null> {
    const { success, answer: declared } = this.#config;
    if (ruling === "success") return null;
    if (ruling === null) {
      if (declared?.success === undefined) {
        if (this.#isListed(seen.status)) return null;
        if (isSuccess(seen.status)) return success === undefined ? null : { kind: "unlisted" };
      } else if (isSuccess(seen.status) && declared.refused !== undefined) {
        throw new UnclearAnswer(
          ` that fits neither \`answer.success\` nor \`answer.refused\`${await this.#reasonOf(seen)}`,
        );
      }
    }
    return { kind: ruling ?? "refused", reason: await this.#reasonOf(seen) };
  }

  #isListed(status: number): boolean {
    return this.#config.success?.includes(status) === true;
  }

  async #rulingOn(seen: Seen): Promise<Ruling | null> {
    seen.ruling ??= this.#conditions.rulingOn(seen);
    return await seen.ruling;
  }

  /** Whether the declared conditions need a body that cannot be read. */
  #isUnreadable(seen: Seen, ruling: Ruling | null): boolean {
    if (seen.unread === null) return false;
    if (this.#resultsOf === null && this.#config.answer?.success === "always") return false;
    const { needBody } = this.#conditions;
    return (needBody || this.#resultsOf !== null) && (isSuccess(seen.status) || ruling === "success");
  }

  #unreadable(seen: Seen): Judgement {
    const why = seen.unread ?? "";
    if (this.#config.answer?.unreadable === "success") return { kind: "taken", unread: why, warning: null };
    return { kind: "unreadable", why, isTooLarge: seen.isTooLarge };
  }

  #signIn(seen: Seen, items: readonly unknown[]): string | null {
    if (seen.status === 207 && !this.#isListed(207))
      return "status 207 means that parts of it may have failed";
    return signOfFailure(seen.body, items);
  }

  /** The target's reason, or the beginning of its answer, in quotes; empty for none. */
  async #reasonOf(seen: Seen): Promise<string> {
    const reason = shownReason(await this.#conditions.reasonOf(seen));
    return reason === "" ? snippet(seen.text) : reason;
  }

  #seen(answer: HttpResponse): Seen {
    const { status, text, unread } = answer;
    // Without a declaration, the answer is only searched for signs of failure.
    const looks = this.#config.answer !== undefined;
    const headers = looks ? Object.fromEntries(answer.headers) : {};
    const body = bodyOf(answer, looks ? forExpressions : (value) => value);
    const contentType = answer.headers.get("content-type") ?? "";
    const isTooLarge = unread?.isTooLarge === true;
    return { status, text, headers, contentType, ...body, isTooLarge, ruling: null };
  }
}

/** Judges the answers to one request. */
export interface RequestJudge {
  /** Whether the declared conditions and statuses decide about an answer, whatever its status. */
  claims(answer: HttpResponse): Promise<boolean>;
  /**
   * Judges an answer that is a success or a refusal by its status, or that was claimed. Throws `UnclearAnswer` where it
   * does not fit the declaration.
   */
  judge(answer: HttpResponse, sent: Sent): Promise<Judgement>;
}

interface Seen extends SeenAnswer {
  readonly text: string;
  readonly contentType: string;
  /** Why conditions cannot read the body. */
  readonly unread: string | null;
  /** Whether the body is damaged, and not just in a format that some targets use. */
  readonly isDamaged: boolean;
  readonly isTooLarge: boolean;
  ruling: Promise<Ruling | null> | null;
}

/** A target's reason in quotes, for a message. */
export function shownReason(reason: unknown): string {
  if (reason === undefined || reason === null) return "";
  return snippet(typeof reason === "string" ? reason : stringifyJson(reason));
}

/** JSON, or a text that is not meant to be JSON: `ok`. A page for browsers never counts as a target's answer. */
function bodyOf(
  { text, unread, headers }: HttpResponse,
  adapt: (body: unknown) => unknown,
): Pick<Seen, "body" | "unread" | "isDamaged"> {
  const none = (why: string, isDamaged: boolean) => ({ body: undefined, unread: why, isDamaged });
  if (unread !== null) return none(unread.reason, true);
  const start = text.trimStart().slice(0, 20);
  if (start === "") return { body: undefined, unread: null, isDamaged: false };
  if (isPage(text)) return none("it is an HTML page", false);
  try {
    return { body: adapt(parseJson(text)), unread: null, isDamaged: false };
  } catch (error) {
    if (!(error instanceof JsonError)) throw error;
    if (!/^[[{]/.test(start)) return { body: text, unread: null, isDamaged: false };
    return none(`its JSON cannot be read: ${error.message}`, /json/i.test(headers.get("content-type") ?? ""));
  }
}
