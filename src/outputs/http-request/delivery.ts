import type { Clock } from "../../clock.ts";
import type { TidemarkError } from "../../errors.ts";
import type { HttpClient } from "../../http/client.ts";
import type { HttpRequest, HttpResponse } from "../../http/message.ts";
import { AttemptFailed } from "../../http/retry.ts";
import { waitAsked } from "../../http/waits.ts";
import { hasPlaceholder } from "../../templates/template.ts";
import { UnclearAnswer } from "./answer/expressions.ts";
import {
  AnswerJudge,
  type AnswerWarning,
  type Judgement,
  type RequestJudge,
  shownReason,
} from "./answer/judge.ts";
import type { RecordResult } from "./answer/results.ts";
import { answered, saysFailed, unclear, unlisted, unreadableAnswer, warningOf } from "./answer-errors.ts";
import type { Prepared, Requests } from "./requests.ts";
import type { HttpRequestConfig } from "./schema.ts";

/** Called with refused records, in the smallest groups that could be isolated. What it throws ends the delivery. */
export type OnRefused = (records: readonly Prepared[], reason: TidemarkError) => Promise<void>;

/** Called with taken records before anything more is sent. What it throws ends the delivery. */
export type OnTaken = (records: readonly Prepared[]) => Promise<void>;

type Load = readonly [Prepared, ...Prepared[]];

/** The outcome of a load: all taken, results for every record, some to send again, or to send again in halves. */
type LoadOutcome =
  | { readonly kind: "taken" }
  | { readonly kind: "settled" }
  | { readonly kind: "again"; readonly rest: readonly Prepared[]; readonly waitMs: number }
  | { readonly kind: "divide"; readonly reason: TidemarkError }
  | { readonly kind: "unknown"; readonly reason: TidemarkError };

/** 4xx statuses that are not about the record, but about the client, the request, the time or the host. */
const notOfTheRecord: ReadonlySet<number> = new Set([
  401, 402, 403, 405, 406, 407, 408, 411, 415, 421, 423, 425, 426, 429, 431,
]);

/** 4xx statuses for a missing address. */
const notThere: ReadonlySet<number> = new Set([404, 410]);

const tooLarge = 413;

export interface LoadDeliveryParts {
  readonly client: HttpClient;
  readonly requests: Requests;
  readonly clock: Clock;
  readonly warn: (code: string, message: string) => void;
  readonly onRefused: OnRefused;
  readonly onTaken: OnTaken;
  /** A text that is equal for records about the same object; null where that is unknown. */
  readonly keyOf: (prepared: Prepared) => string | null;
}

/** Sends loads, and distinguishes refusals of the endpoint from failures to answer. */
export class LoadDelivery {
  readonly #config: HttpRequestConfig;
  readonly #parts: LoadDeliveryParts;
  readonly #judge: AnswerJudge;
  readonly #addressVaries: boolean;
  /** The smallest body that was too large for the endpoint, in bytes. */
  #tooLargeBytes = Number.POSITIVE_INFINITY;
  readonly #warned = new Set<AnswerWarning["kind"]>();

  constructor(config: HttpRequestConfig, parts: LoadDeliveryParts) {
    this.#config = config;
    this.#parts = parts;
    this.#judge = new AnswerJudge(config);
    this.#addressVaries = hasPlaceholder(config.endpoint.split("?")[0]);
  }

  /**
   * Returns when the endpoint has taken every record of one request's load or refused it. A load that is refused as a
   * whole is sent again in halves, in order, until the record at fault is alone, so that n records cost at most 2n - 1
   * requests. Records whose results ask for it are sent again without the others. Throws the client's error for
   * everything that is not a refusal.
   */
  async deliver(load: readonly Prepared[], signal: AbortSignal): Promise<void> {
    let rest = load;
    for (;;) {
      const [first, ...more] = rest;
      if (first === undefined) return;
      const outcome = await this.#send([first, ...more], signal);
      if (outcome.kind === "settled") return;
      if (outcome.kind === "taken") return this.#parts.onTaken(rest);
      if (outcome.kind === "again") {
        rest = outcome.rest;
        await this.#parts.clock.sleep(outcome.waitMs, signal);
        continue;
      }
      if (outcome.kind === "unknown" || more.length === 0) return this.#parts.onRefused(rest, outcome.reason);
      const middle = Math.ceil(rest.length / 2);
      await this.deliver(rest.slice(0, middle), signal);
      return await this.deliver(rest.slice(middle), signal);
    }
  }

  async #send(load: Load, signal: AbortSignal): Promise<LoadOutcome> {
    const judge = this.#judge.begin();
    const request = this.#requests(load, signal, judge);
    const bytes =
      this.#tooLargeBytes === Number.POSITIVE_INFINITY ? 0 : Buffer.byteLength(request.body ?? "");
    if (load.length > 1 && bytes >= this.#tooLargeBytes)
      return { kind: "divide", reason: answered(request, tooLarge, "") };
    const sent = { records: load.map(({ record }) => record), items: load.map(({ body }) => body.item) };
    let unreadable = 0;
    return await this.#parts.client.read(request, async (answer) => {
      const judgement = await clearly(request, answer, () => judge.judge(answer, sent));
      if (judgement.kind !== "unreadable") return this.#outcome(judgement, request, answer, load);
      const reason = unreadableAnswer(request, answer.status, judgement.why);
      if (judgement.isTooLarge) return { kind: load.length > 1 ? "divide" : "unknown", reason };
      if (++unreadable >= this.#config.retry.attempts) return { kind: "unknown", reason };
      throw new AttemptFailed("truncated", judgement.why, { status: answer.status });
    });
  }

  #requests(load: Load, signal: AbortSignal, judge: RequestJudge): HttpRequest {
    const request = this.#parts.requests.carrying(load, signal);
    return {
      ...request,
      bodyOptional: true,
      claims: (answer) => clearly(request, answer, () => judge.claims(answer)),
      accepts: (status) => this.#isRefusal(status),
    };
  }

  async #outcome(
    judgement: Exclude<Judgement, { kind: "unreadable" }>,
    request: HttpRequest,
    answer: HttpResponse,
    load: Load,
  ): Promise<LoadOutcome> {
    const { status } = answer;
    switch (judgement.kind) {
      case "taken":
        if (judgement.unread !== null) {
          const { message } = answered(
            request,
            status,
            `, and its answer cannot be read: ${judgement.unread}`,
          );
          this.#parts.warn(
            "ANSWER_UNREADABLE",
            `${message}. What was sent counts as delivered, by the status`,
          );
        }
        this.#warnOnce(judgement.warning, request, status);
        return { kind: "taken" };
      case "refused":
        if (status === tooLarge) {
          this.#tooLargeBytes = Math.min(this.#tooLargeBytes, Buffer.byteLength(request.body ?? ""));
        }
        return { kind: "divide", reason: answered(request, status, judgement.reason) };
      case "retry":
        throw this.#failedFor(answer, judgement.reason);
      case "results":
        return this.#settle(judgement.results, request, answer, load);
      case "failed":
        throw saysFailed(request, status, judgement.sign, load.length > 1);
      case "unlisted":
        throw unlisted(request, status);
    }
  }

  /** Warns once per run, since every answer of the target would cause the same warning. */
  #warnOnce(warning: AnswerWarning | null, request: HttpRequest, status: number): void {
    if (warning === null || this.#warned.has(warning.kind)) return;
    this.#warned.add(warning.kind);
    const { code, message } = warningOf(request, status, warning);
    this.#parts.warn(code, message);
  }

  /**
   * Handles each record by its result. Records to retry are sent without the others; if no record was settled, all
   * fail.
   */
  async #settle(
    results: readonly RecordResult[],
    request: HttpRequest,
    answer: HttpResponse,
    load: Load,
  ): Promise<LoadOutcome> {
    const again = this.#toSendAgain(results, load);
    const retried = results.find(({ ruling }) => ruling === "retry");
    if (retried !== undefined && again.length === load.length)
      throw this.#failedFor(answer, shownReason(retried.reason));
    const isRefused = (index: number): boolean => results[index]?.ruling === "refused";
    // Taken records first, since a refusal may end the run.
    const left = new Set(again);
    await this.#parts.onTaken(load.filter((one, index) => !isRefused(index) && !left.has(one)));
    for (const [index, prepared] of load.entries()) {
      if (!isRefused(index)) continue;
      const text = shownReason(results[index]?.reason);
      await this.#parts.onRefused([prepared], answered(request, answer.status, text));
    }
    if (retried === undefined) return { kind: "settled" };
    const { initialDelayMs, maxRetryAfterMs } = this.#config.retry;
    const asked = waitAsked(answer.headers, this.#parts.clock.now())?.milliseconds ?? 0;
    return { kind: "again", rest: again, waitMs: Math.max(initialDelayMs, Math.min(asked, maxRetryAfterMs)) };
  }

  /**
   * If an earlier state of a record is sent again, a later state is sent again after it, even if it was taken;
   * otherwise the earlier one would win.
   */
  #toSendAgain(results: readonly RecordResult[], load: Load): Prepared[] {
    const keys = new Set<string>();
    return load.filter((prepared, index) => {
      const ruling = results[index]?.ruling;
      if (ruling === "refused") return false;
      const key = this.#parts.keyOf(prepared);
      if (ruling === "success") return key !== null && keys.has(key);
      if (key !== null) keys.add(key);
      return true;
    });
  }

  #failedFor({ status, headers }: HttpResponse, text: string): AttemptFailed {
    const retryAfterMs = waitAsked(headers, this.#parts.clock.now())?.milliseconds ?? null;
    return new AttemptFailed("said", `status ${status}, and asks to be sent it again${text}`, {
      status,
      retryAfterMs,
    });
  }

  #isRefusal(status: number): boolean {
    if (status < 400 || status > 499) return false;
    return notThere.has(status) ? this.#addressVaries : !notOfTheRecord.has(status);
  }
}

/** Adds the request to the error for an answer that does not fit the declared `answer`. */
async function clearly<T>(request: HttpRequest, answer: HttpResponse, judge: () => Promise<T>): Promise<T> {
  try {
    return await judge();
  } catch (error) {
    throw error instanceof UnclearAnswer ? unclear(request, answer.status, error) : error;
  }
}
