import type { Dispatcher } from "undici";
import type { Input, InputSession, Page, PartContext, ReadRequest } from "../../engine/ports.ts";
import { TidemarkError } from "../../errors.ts";
import { registerParameterSecret, showAddress, withoutParameters } from "../../http/address.ts";
import { type HttpClient, openHttpClient } from "../../http/client.ts";
import type { ResumePoint } from "../../model/position.ts";
import { parsePath, valueAt } from "../../model/record.ts";
import { formatStreamKey } from "../../model/stream-key.ts";
import { incrementalOf } from "../state-persistence.ts";
import { type PageFailure, pageFailure, readAnswer } from "./answer.ts";
import { canResume, type PageSeen, PageWalk, paginationOf } from "./page-walk.ts";
import { createPageRequests, leadingBoundAsSent, type PageRequests, secretParameters } from "./request.ts";
import type { HttpPollingConfig, PlacePagination, SeekPagination } from "./schema.ts";
import { SeekWalk } from "./seek-walk.ts";

export interface HttpPollingParts {
  /** A number from 0 to 1, below 1; spreads retries. */
  readonly random: () => number;
  /** Used instead of a connection pool of the input's own; its owner closes it. */
  readonly dispatcher?: Dispatcher;
}

/** What an HTTP source most often stores: JSON from clocks of milliseconds. */
const isoGranularity = "1ms";

/**
 * An input that asks an HTTP endpoint for pages of JSON records. `config` is what
 * `httpPollingSchema` parses to.
 *
 * A read asks for the window's records, page after page as `pagination` declares, and ends only
 * where the source says so. Errors: those of `HttpClient`, and `SOURCE_INVALID` where an answer is not
 * as declared, `RECORD_INVALID` for an element that is no object, `SOURCE_TRUNCATED` where the source
 * gave less than it told of, `PAGE_REPEATED` for a token that came before, `PAGE_CAP_REACHED`.
 *
 * ```ts
 * const input = createHttpPolling(httpPollingSchema.parse({ type: "httpPolling", endpoint }), { random: Math.random });
 * ```
 */
export function createHttpPolling(config: HttpPollingConfig, parts: HttpPollingParts): Input {
  for (const value of [...secretParameters(config).values()].flat()) registerParameterSecret(value);
  const incremental = incrementalOf(config.statePersistence, config.key, isoGranularity);
  return {
    kind: "httpPolling",
    incremental,
    async open(context) {
      const client = await openHttpClient(config, {
        clock: context.clock,
        random: parts.random,
        warn: context.warn,
        origin: new URL(config.endpoint).origin,
        stream: formatStreamKey(context.key),
        ...(parts.dispatcher === undefined ? {} : { dispatcher: parts.dispatcher }),
      });
      return new HttpPollingSession(config, incremental, client, context);
    },
  };
}

interface Fetched {
  readonly page: Page;
  readonly more: boolean;
}

function saysYes(value: unknown): boolean {
  return value !== undefined && value !== null && value !== false && value !== "";
}

class HttpPollingSession implements InputSession {
  readonly #config: HttpPollingConfig;
  readonly #incremental: Input["incremental"];
  readonly #client: HttpClient;
  readonly #context: PartContext;

  constructor(
    config: HttpPollingConfig,
    incremental: Input["incremental"],
    client: HttpClient,
    context: PartContext,
  ) {
    this.#config = config;
    this.#incremental = incremental;
    this.#client = client;
    this.#context = context;
  }

  async *read(read: ReadRequest): AsyncGenerator<Page, void, undefined> {
    const pagination = paginationOf(this.#config);
    if (pagination?.type === "seek") {
      yield* this.#seek(read, pagination);
      return;
    }
    const requests = createPageRequests(this.#config, this.#incremental, pagination, read);
    if (pagination === null) {
      yield (await this.#fetch(requests, null, null, 1)).page;
      return;
    }
    const leadsByOffset = this.#incremental.cursors[0]?.role === "offset";
    const walk = new PageWalk(
      pagination,
      {
        resume: this.#resumable(read.resume),
        offset: leadsByOffset ? (read.window.lower?.value ?? "0") : null,
      },
      (link, fail) => this.#resolve(link, fail),
      this.#context.warn,
    );
    for (let number = 1, more = true; more; number++) {
      const resumes = number === 1 && read.resume !== null && read.resume === walk.place;
      const fetched = await (resumes
        ? this.#fetchResumed(requests, walk, pagination)
        : this.#fetch(requests, walk, walk.place, number));
      more = fetched.more;
      yield fetched.page;
    }
    walk.finish();
  }

  /** Asks for every page by a bound of its own; the watermark is the place at which to go on after a failure. */
  async *#seek(read: ReadRequest, pagination: SeekPagination): AsyncGenerator<Page, void, undefined> {
    const { window, companions } = read;
    const [field] = this.#incremental.cursors;
    if (field === undefined) throw new TidemarkError("INTERNAL", "seek has no cursor whose bound it moves");
    this.#resumable(read.resume);
    const bound = leadingBoundAsSent(this.#config, this.#incremental, companions);
    const walk = new SeekWalk({
      pagination,
      incremental: this.#incremental,
      field,
      lower: window.lower?.value ?? null,
      asSent: (value) => bound(field, value),
      warn: this.#context.warn,
    });
    for (let number = 1, more = true; more; number++) {
      const fetched = await this.#fetchSought(read, pagination, walk, number);
      more = fetched.more;
      yield fetched.page;
    }
    walk.finish();
  }

  async #fetchSought(
    read: ReadRequest,
    pagination: SeekPagination,
    walk: SeekWalk,
    number: number,
  ): Promise<Fetched> {
    const { bound: lower, skip } = walk.place;
    const window = { ...read.window, lower };
    const requests = createPageRequests(this.#config, this.#incremental, pagination, { ...read, window });
    const place = skip === 0 ? null : ({ kind: "offset", token: String(skip) } as const);
    const { answer, fail } = await this.#ask(requests, place, number);
    const { records, more } = walk.advance(answer, fail);
    return { page: { records, next: null, partial: records.length < answer.records.length }, more };
  }

  /** One page. A function of its own, so that the answer's text is free before the page is handed on. */
  async #fetch(
    requests: PageRequests,
    walk: PageWalk | null,
    place: ResumePoint | null,
    number: number,
    inspect?: (body: unknown) => void,
  ): Promise<Fetched> {
    const seen = await this.#ask(requests, place, number, inspect);
    const more = walk?.advance(seen) ?? false;
    const next = more && walk !== null ? walk.place : null;
    return { page: { records: seen.answer.records, next }, more };
  }

  async #ask(
    requests: PageRequests,
    place: ResumePoint | null,
    number: number,
    inspect?: (body: unknown) => void,
  ): Promise<PageSeen> {
    const response = await this.#client.request(requests.at(place));
    const fail = pageFailure(formatStreamKey(this.#context.key), number, response.url);
    const { dataField } = this.#config;
    const answer = readAnswer(response, dataField === undefined ? null : parsePath(dataField), fail, inspect);
    return { response, answer, fail };
  }

  /** The first page of a resumed read: what refuses it refuses the place. */
  async #fetchResumed(
    requests: PageRequests,
    walk: PageWalk,
    { tokenGone }: PlacePagination,
  ): Promise<Fetched> {
    const fail = (why: string, cause?: unknown): TidemarkError =>
      new TidemarkError(
        "RESUME_REFUSED",
        `the source no longer knows the page at which the last run stopped: ${why}`,
        {
          stream: formatStreamKey(this.#context.key),
          cause,
        },
      );
    try {
      return await this.#fetch(requests, walk, walk.place, 1, (body) => {
        const { field } = tokenGone;
        if (field !== undefined && saysYes(valueAt(body, parsePath(field))))
          throw fail(`it says so in ${field}`);
      });
    } catch (error) {
      const status = error instanceof TidemarkError ? error.details?.status : undefined;
      if (typeof status !== "number" || !tokenGone.statuses.includes(status)) throw error;
      throw fail(`it answered ${status}`, error);
    }
  }

  #resumable(place: ResumePoint | null): ResumePoint | null {
    if (place === null || canResume(paginationOf(this.#config), place)) return place;
    this.#context.warn(
      "RESUME_IGNORED",
      `the last run stopped at a ${place.kind}, which this \`pagination\` does not have; the window is read from its start`,
    );
    return null;
  }

  /**
   * The address of a next page, without the pipeline's secrets. Only the endpoint's origin is asked;
   * a link that differs in the scheme alone comes from a source behind a proxy that ends TLS.
   */
  #resolve(link: URL, fail: PageFailure): URL {
    const endpoint = new URL(this.#config.endpoint);
    const target = new URL(link);
    if (target.protocol === "http:" && endpoint.protocol === "https:" && target.host === endpoint.hostname) {
      target.protocol = "https:";
      target.port = endpoint.port;
    }
    if (target.origin !== endpoint.origin) {
      throw fail(
        "SOURCE_INVALID",
        `the link to the next page leads to another origin, ${showAddress(target)}`,
        "Declare the endpoint at the origin that the links lead to.",
      );
    }
    target.username = "";
    target.password = "";
    return withoutParameters(this.#client.strip(target), [...secretParameters(this.#config).keys()]);
  }

  close(): Promise<void> {
    return this.#client.close();
  }
}
