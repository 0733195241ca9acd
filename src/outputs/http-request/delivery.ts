import { TidemarkError } from "../../errors.ts";
import { showAddress } from "../../http/address.ts";
import type { HttpClient } from "../../http/client.ts";
import { snippet } from "../../http/failures.ts";
import type { HttpRequest } from "../../http/message.ts";
import { hasPlaceholder } from "../../http/template.ts";
import type { Prepared, Requests } from "./requests.ts";
import type { HttpRequestConfig } from "./schema.ts";

/** Told of refused records, the fewest that could be told apart; what it throws ends the delivery. */
export type OnRefused = (records: readonly Prepared[], reason: TidemarkError) => void;

/** 4xx statuses that say nothing about the record: who asks, how, when, and of whom. */
const notOfTheRecord: ReadonlySet<number> = new Set([
  401, 402, 403, 405, 406, 407, 408, 411, 415, 421, 423, 425, 426, 429, 431,
]);

/** 4xx statuses that say that nothing is at the address. */
const notThere: ReadonlySet<number> = new Set([404, 410]);

/** Sends loads, and tells what the endpoint refuses from what keeps it from answering. */
export class Delivery {
  readonly #config: HttpRequestConfig;
  readonly #client: HttpClient;
  readonly #requests: Requests;
  readonly #onRefused: OnRefused;
  /** Whether the run goes on without what is refused, so that a load is worth taking apart. */
  readonly #goesOn: boolean;
  readonly #addressVaries: boolean;

  constructor(
    config: HttpRequestConfig,
    client: HttpClient,
    requests: Requests,
    { goesOn, onRefused }: { readonly goesOn: boolean; readonly onRefused: OnRefused },
  ) {
    this.#config = config;
    this.#client = client;
    this.#requests = requests;
    this.#onRefused = onRefused;
    this.#goesOn = goesOn;
    this.#addressVaries = hasPlaceholder(config.endpoint.split("?")[0]);
  }

  /**
   * Returns when the endpoint has taken every record of one request's load or refused it. A load that is
   * refused is sent again in halves, in order, so that n records cost at most 2n - 1 requests; not where a
   * refusal ends the run anyway. Throws what the client throws for everything that is no refusal.
   */
  async deliver(load: readonly Prepared[], signal: AbortSignal): Promise<void> {
    const [first, ...more] = load;
    if (first === undefined) return;
    const refusal = await this.#send(this.#requests.carrying([first, ...more], signal));
    if (refusal === null) return;
    if (more.length === 0 || !this.#goesOn) return this.#onRefused(load, refusal);
    const middle = Math.ceil(load.length / 2);
    await this.deliver(load.slice(0, middle), signal);
    await this.deliver(load.slice(middle), signal);
  }

  /** Null where the endpoint has taken the load. */
  async #send(request: HttpRequest): Promise<TidemarkError | null> {
    const { success } = this.#config;
    const { status, text } = await this.#client.request({
      ...request,
      accepts: (status) => success?.includes(status) === true || this.#isRefusal(status),
    });
    if (success === undefined ? status < 300 : success.includes(status)) return null;
    if (status < 300) throw notDeclared(request, status);
    return answered(request, status, snippet(text));
  }

  #isRefusal(status: number): boolean {
    if (status < 400 || status > 499) return false;
    return notThere.has(status) ? this.#addressVaries : !notOfTheRecord.has(status);
  }
}

/** The answer as the endpoint's own word against a load. */
function answered({ method, url }: HttpRequest, status: number, more: string): TidemarkError {
  const message = `${method} ${showAddress(url)}: answered with status ${status}${more}`;
  return new TidemarkError("OUTPUT_FAILED", message, { details: { status } });
}

function notDeclared(request: HttpRequest, status: number): TidemarkError {
  const { message } = answered(request, status, ", which `success` does not list");
  const hint = "List the status under `success` if the endpoint took the record.";
  return new TidemarkError("OUTPUT_FAILED", message, { hint, details: { status } });
}
