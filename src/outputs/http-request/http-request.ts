import type { Dispatcher } from "undici";
import type { Clock } from "../../clock.ts";
import type { Batch, Outcome, Output, OutputContext, OutputSession, Refusals } from "../../engine/ports.ts";
import { failOnRefusal } from "../../engine/refusals/refusals.ts";
import { isTidemarkError, TidemarkError } from "../../errors.ts";
import { type HttpClient, openHttpClient } from "../../http/client.ts";
import type { HttpErrorCodes } from "../../http/failures.ts";
import { LimitWaits } from "../../http/limit-waits.ts";
import { constantHeaders } from "../../http/template-headers.ts";
import type { Path, SourceRecord } from "../../model/record.ts";
import { formatStreamKey } from "../../model/stream-key.ts";
import { filledWith } from "../../templates/template.ts";
import { recordName } from "../dead-letters/record-name.ts";
import { onErrorOf } from "../dead-letters/schema.ts";
import { withoutBytes } from "../json-line.ts";
import { registerAddressSecrets } from "./address.ts";
import { LoadDelivery } from "./delivery.ts";
import { Places } from "./places.ts";
import { keyPaths, type QueueOf, queueOf, runQueues, sharedKey } from "./queues.ts";
import { createRequests, type Prepared, type Requests } from "./requests.ts";
import type { HttpRequestConfig } from "./schema.ts";

export interface HttpRequestParts {
  /** A number from 0 to 1, below 1; spreads retries. */
  readonly random: () => number;
  /** Used instead of a connection pool of the output's own; its owner closes it. */
  readonly dispatcher?: Dispatcher;
}

/** Null where no wait beyond `retry` is configured. */
function limitWaitsOf({ limitWaitMs }: HttpRequestConfig, clock: Clock): LimitWaits | null {
  return limitWaitMs === 0 ? null : new LimitWaits({ totalMs: limitWaitMs, clock });
}

/** How long active requests may continue after another has failed, in milliseconds. */
const graceMs = 10_000;

const outputErrorCodes: HttpErrorCodes = {
  unavailable: "OUTPUT_UNAVAILABLE",
  refused: "OUTPUT_FAILED",
  invalid: "OUTPUT_FAILED",
  truncated: "OUTPUT_UNAVAILABLE",
};

/**
 * An output that sends records to an HTTP endpoint, each at least once. `config` is the parsed
 * `httpRequestOutputSchema`.
 *
 * A batch is sent while it is written, one request after another unless `concurrency` says otherwise, and repeated
 * after a failure with the same `Idempotency-Key`. A `commit` returns when every record before it was taken by the
 * endpoint or given to the run's refusals; after a write that failed it throws what that threw. Errors:
 * `OUTPUT_UNAVAILABLE` for an endpoint that does not answer or cannot serve after all retries, and for a dead-letter
 * file on a full disk; `OUTPUT_FAILED` for a refusal under `onError: fail`, for a refusal that is not about a record,
 * and for a dead-letter file that cannot be written; `RECORD_INVALID` for a record from which no request can be made;
 * the signal's reason.
 *
 * ```ts
 * const config = httpRequestOutputSchema.parse({ type: "httpRequest", endpoint, onError: "skip" });
 * const output = createHttpRequestOutput(config, { random: Math.random });
 * ```
 */
export function createHttpRequestOutput(config: HttpRequestConfig, parts: HttpRequestParts): Output {
  registerAddressSecrets(config);
  return {
    kind: "httpRequest",
    guarantee: "at-least-once",
    appends: false,
    receipts: true,
    onError: onErrorOf(config),
    async open(context) {
      const settings = { ...config, headers: constantHeaders(config.headers) };
      const client = await openHttpClient(settings, {
        clock: context.clock,
        random: parts.random,
        warn: context.warn,
        ...(context.pause === undefined ? {} : { pause: context.pause }),
        origin: new URL(filledWith(config.endpoint, "x")).origin,
        codes: outputErrorCodes,
        limits: limitWaitsOf(config, context.clock),
        stream: formatStreamKey(context.key),
        ...(parts.dispatcher === undefined ? {} : { dispatcher: parts.dispatcher }),
      });
      return new HttpRequestSession(config, client, context);
    },
  };
}

class HttpRequestSession implements OutputSession {
  readonly databaseIdentity = null;
  readonly #config: HttpRequestConfig;
  readonly #client: HttpClient;
  readonly #context: OutputContext;
  readonly #requests: Requests;
  readonly #delivery: LoadDelivery;
  readonly #refusals: Refusals;
  readonly #key: readonly Path[];
  readonly #queueOf: QueueOf;
  #refused = 0;
  /** The indexes of the current batch's records; null where there are no receipts. */
  #places: Places | null = null;
  /** The errors of failed writes: their records are undelivered, so no commit may follow. */
  #failures: unknown[] = [];

  constructor(config: HttpRequestConfig, client: HttpClient, context: OutputContext) {
    this.#config = config;
    this.#client = client;
    this.#context = context;
    this.#requests = createRequests(config, context.key);
    this.#refusals = context.refusals ?? failOnRefusal;
    this.#key = keyPaths(config.key);
    this.#delivery = new LoadDelivery(config, {
      client,
      requests: this.#requests,
      clock: context.clock,
      warn: context.warn,
      keyOf: ({ record }) => sharedKey(record, this.#key.length > 0 ? this.#key : matchedBy(config)),
      onRefused: async (records, reason) => {
        for (const { record } of records) this.#refuse(record, reason, records.length);
        await this.#receipt(records, "refused");
      },
      onTaken: (records) => this.#receipt(records, "taken"),
    });
    this.#queueOf = config.concurrency === 1 ? () => 0 : queueOf(config.concurrency, this.#key);
  }

  async fencedEpoch(): Promise<number> {
    return 0;
  }

  async fence(): Promise<null> {
    return null;
  }

  async write({ records, receipt }: Batch): Promise<number> {
    this.#refused = 0;
    this.#places = receipt === undefined ? null : new Places(records, receipt);
    try {
      const queues = await this.#queuesOf(records);
      const { signal, clock } = this.#context;
      await runQueues(queues, { signal, clock, graceMs }, (queue, own, goesOn) =>
        this.#send(queue, own, goesOn),
      );
    } catch (error) {
      this.#failures.push(error);
      throw error;
    }
    return records.length - this.#refused;
  }

  async #queuesOf(records: readonly SourceRecord[]): Promise<SourceRecord[][]> {
    const queues: SourceRecord[][] = Array.from({ length: this.#config.concurrency }, () => []);
    for (const record of records) {
      await this.#orRefuse(record, () => queues[this.#queueOf(withoutBytes(record))]?.push(record));
    }
    return queues;
  }

  /** Sends records in order, with the declared number per request. */
  async #send(records: readonly SourceRecord[], signal: AbortSignal, goesOn: () => boolean): Promise<void> {
    const size = this.#config.batch?.size ?? 1;
    let load: Prepared[] = [];
    for (const record of records) {
      await this.#orRefuse(record, () => load.push(this.#requests.prepare(record)));
      if (load.length < size) continue;
      if (!goesOn()) return;
      await this.#delivery.deliver(load, signal);
      load = [];
    }
    if (goesOn()) await this.#delivery.deliver(load, signal);
  }

  async #receipt(records: readonly { readonly record: SourceRecord }[], outcome: Outcome): Promise<void> {
    await this.#places?.report(records, outcome);
  }

  async #orRefuse(record: SourceRecord, action: () => void): Promise<void> {
    try {
      action();
    } catch (error) {
      if (!isTidemarkError(error, "RECORD_INVALID")) throw error;
      this.#refuse(record, error, 1);
      await this.#receipt([{ record }], "refused");
    }
  }

  /** Refuses a record under `onError`; `among` is how many were refused together. */
  #refuse(record: SourceRecord, reason: TidemarkError, among: number): void {
    const name = recordName(withoutBytes(record), this.#key);
    this.#refusals.refuse({ record, name, reason, failure: refusedRecord(reason, name, among) });
    this.#refused += 1;
  }

  async commit(): Promise<void> {
    if (this.#failures.length > 0) throw this.#failures[0];
  }

  async close(): Promise<void> {
    await this.#client.close();
  }
}

/** The outcome of a record, for the error that ends the run. */
const fates: ReadonlyMap<string, string> = new Map([
  ["RECORD_INVALID", "cannot be sent"],
  ["ANSWER_UNREADABLE", "may or may not have arrived"],
]);

/** Results name records by these fields, so they also identify records about the same object. */
function matchedBy({ answer }: HttpRequestConfig): readonly Path[] {
  const match = answer?.results?.match;
  return typeof match === "object" && "record" in match ? keyPaths(match.record) : [];
}

const refusedHint =
  "Change what the pipeline makes of such a record, or declare `onError: deadLetter`; until then each run fails at it.";

const unreadableHint =
  "See what keeps the endpoint's answers from being read, such as an error page of a proxy, or `maxBodyBytes`. The next run sends it again. If a 2xx status is enough, declare `answer.unreadable: success`; `onError: deadLetter` sets such records aside.";

function refusedRecord(error: TidemarkError, name: string, among: number): TidemarkError {
  const which = among === 1 ? name : `a batch of ${among} records, the first of them ${name}`;
  const what = fates.get(error.code) ?? "was refused";
  return new TidemarkError(error.code, `${which} ${what}: ${error.message}`, {
    cause: error,
    hint: error.code === "ANSWER_UNREADABLE" ? unreadableHint : refusedHint,
    ...(error.details === undefined ? {} : { details: error.details }),
  });
}
