import type { Incremental, Page, PartContext, ReadRequest } from "../../engine/ports.ts";
import { TidemarkError } from "../../errors.ts";
import { showAddress } from "../../http/address.ts";
import type { HttpClient } from "../../http/client.ts";
import type { HttpResponse } from "../../http/message.ts";
import type { Cursor } from "../../model/cursor.ts";
import type { ResumePoint } from "../../model/position.ts";
import { isRecord, parsePath, type SourceRecord, valueAt } from "../../model/record.ts";
import { formatStreamKey } from "../../model/stream-key.ts";
import type { SourceForms } from "../forms/source-forms.ts";
import { type Answer, type AnswerRules, readAnswer } from "./answer.ts";
import { answerRules, placeFields } from "./answer-rules.ts";
import { boundParameters, leadingBound } from "./bound-parameters.ts";
import { EnvelopeKeys } from "./envelope-keys.ts";
import type { Facts } from "./facts.ts";
import { signNotFirst } from "./first-page.ts";
import { HalfAnswers } from "./half-answers.ts";
import { KeptPlaces } from "./kept-places.ts";
import { warningOfOnlyPage } from "./only-page.ts";
import { OtherLists } from "./other-lists.ts";
import { pageFailure } from "./page-failure.ts";
import { canResume, paginationOf, startWalk } from "./page-walk.ts";
import type { Pagination, PlacePagination, SeekPagination } from "./pagination-schema.ts";
import { explainRefusal, isQuietRefusal, saysPlaceIsGone } from "./refused-page.ts";
import { createPageRequests, type PageRequests } from "./request.ts";
import { resolveLink } from "./resolved-link.ts";
import type { HttpPollingConfig } from "./schema.ts";
import { SeekWalk } from "./seek-walk.ts";
import { ShownTotals, type ShownTotalsParts } from "./shown-totals.ts";
import type { SourceClock } from "./source-clock.ts";
import type { PageSeen, Walk } from "./walk.ts";

export interface HttpReadParts {
  /** The settings with the partition's name filled in. */
  readonly config: HttpPollingConfig;
  /** Headers in addition to those that the client sends itself, names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly incremental: Incremental;
  readonly client: HttpClient;
  readonly context: PartContext;
  /** The facts about the endpoint; the read adds to them. */
  readonly facts: Facts;
  /** The forms in which its records give their cursors. */
  readonly forms: SourceForms;
  readonly clock: SourceClock;
  readonly request: ReadRequest;
  /** Converts each record before it is used; null for no conversion. */
  readonly mark: ((record: SourceRecord) => SourceRecord) | null;
}

/** What is known when a page is requested. */
interface Asked {
  /** Decides whether a refusal means the end. */
  readonly walk?: Pick<Walk, "isPastEnd" | "mayBePastEnd">;
  readonly inspect?: ((body: unknown) => void) | undefined;
}

const noAnswer: Answer = { body: undefined, records: [] };

interface Fetched {
  readonly page: Page;
  readonly more: boolean;
}

function saysYes(value: unknown): boolean {
  return value !== undefined && value !== null && value !== false && value !== "";
}

/** One read. It has no shared state, so that many reads can share one client. */
export class HttpRead {
  readonly #parts: HttpReadParts;
  readonly #rules: AnswerRules;
  readonly #keys: EnvelopeKeys;
  readonly #otherLists: OtherLists;
  readonly #halves: HalfAnswers;
  /** How many records the page before had; null before the first. */
  #count: number | null = null;
  /** Whether an answer had an element that is not a record; it may be passed on with a later page. */
  #holdsUnreadable: Pick<Page, "holdsUnreadable"> = {};
  readonly #places: KeptPlaces;

  constructor(parts: HttpReadParts) {
    this.#parts = parts;
    this.#rules = answerRules(parts.config, parts.facts);
    this.#places = new KeptPlaces(parts.config, parts.context.warn);
    this.#keys = new EnvelopeKeys(this.#rules.dataField, placeFields(parts.config), parts.facts);
    const pagination = paginationOf(parts.config);
    const isCounted = pagination !== null && pagination.type !== "cursor" && pagination.type !== "link";
    this.#halves = new HalfAnswers(parts.facts, parts.context.warn, isCounted);
    this.#otherLists = new OtherLists(
      this.#rules.dataField,
      parts.incremental,
      parts.facts,
      parts.context.warn,
    );
  }

  /** The pages, one request each. Throws the errors of `createHttpPolling`. Call it once. */
  async *pages(): AsyncGenerator<Page, void, undefined> {
    let isWhole = false;
    try {
      yield* this.#pages();
      isWhole = true;
    } finally {
      if (!isWhole) this.#places.warnOfWithheld();
      this.#halves.end();
    }
  }

  async *#pages(): AsyncGenerator<Page, void, undefined> {
    const { request: read } = this.#parts;
    const pagination = paginationOf(this.#parts.config);
    if (pagination?.type === "seek") {
      yield* this.#seek(read, pagination);
      return;
    }
    const resume = this.#resumable(read);
    const requests = this.#requests(pagination, { ...read, resume });
    if (pagination === null) {
      yield this.#timed(await this.#fetchOnly(requests));
      return;
    }
    const leadsByOffset = this.#parts.incremental.cursors[0]?.role === "offset";
    const walk = startWalk(
      pagination,
      { resume, offset: leadsByOffset ? (read.window.lower?.value ?? "0") : null },
      (link, fail) => resolveLink(link, this.#parts, fail),
      {
        ...this.#shownParts(requests),
        incremental: this.#parts.incremental,
      },
    );
    for (let number = 1, more = true; more; number++) {
      const resumes = number === 1 && resume !== null && resume === walk.place;
      const fetched = await (resumes
        ? this.#fetchResumed(requests, walk, pagination)
        : this.#fetch(requests, walk, number));
      more = fetched.more;
      yield this.#timed(fetched.page);
    }
    walk.finish();
  }

  #shownParts({ bounds }: Pick<PageRequests, "bounds">): ShownTotalsParts {
    const { facts, context, request } = this.#parts;
    return {
      dataField: this.#rules.dataField,
      isBounded: Object.keys(bounds).length > 0,
      isPartition: request.partition !== undefined,
      facts,
      warn: context.warn,
    };
  }

  /** Checks whether the first requested page is the second one of a source that counts from 0. */
  #checkFirst({ answer, response }: PageSeen, place: ResumePoint | null): void {
    const { pagination } = this.#parts.config;
    const number = Number(place?.token);
    if (pagination?.type !== "page" || !(number >= 1)) return;
    const envelope = { body: answer.body, headers: response.headers, dataField: this.#rules.dataField };
    const { param } = pagination;
    const asked = { number, param, url: response.url, count: answer.records.length };
    const sign = signNotFirst(envelope, asked);
    if (sign === null) return;
    this.#parts.context.warn(
      "MORE_PAGES_SHOWN",
      `the read began with page ${number}, and ${sign} says that this is not the first: what comes before it was not read; if the source counts pages from 0, set \`pagination.startPage: 0\``,
    );
  }

  /** Requests every page by its own bound; after a failure, the run resumes at the watermark. */
  async *#seek(read: ReadRequest, pagination: SeekPagination): AsyncGenerator<Page, void, undefined> {
    const { window, secondaryCursors } = read;
    const [field] = this.#parts.incremental.cursors;
    if (field === undefined) throw new TidemarkError("INTERNAL", "seek has no cursor whose bound it moves");
    this.#resumable(read);
    const lower = window.lower?.value ?? null;
    const walk = new SeekWalk({
      pagination,
      incremental: this.#parts.incremental,
      field,
      lower,
      reach: lower === null ? null : leadingBound(this.#parts, field, lower, secondaryCursors).reach,
      asSent: (value) => leadingBound(this.#parts, field, value, secondaryCursors, true).says,
      facts: this.#parts.facts,
      warn: this.#parts.context.warn,
    });
    const requestsFrom = this.#requestsByBound(pagination, read);
    const shown = new ShownTotals(0, this.#shownParts(requestsFrom(window.lower)));
    for (let number = 1, more = true; more; number++) {
      const fetched = await this.#fetchSought(requestsFrom, walk, { number, shown });
      more = fetched.more;
      yield this.#timed(fetched.page);
    }
    walk.finish();
    shown.end();
  }

  /**
   * The requests from a bound on. Pages by offset under one bound all send the same text of it: with a form that was
   * learned in between, the source would count from another record.
   */
  #requestsByBound(pagination: SeekPagination, read: ReadRequest): (lower: Cursor | null) => PageRequests {
    let last: { readonly bound: string | null; readonly requests: PageRequests } | null = null;
    return (lower) => {
      const bound = lower?.value ?? null;
      if (last === null || last.bound !== bound) {
        const window = { ...read.window, lower };
        const hasMoved = bound !== null && bound !== read.window.lower?.value;
        last = { bound, requests: this.#requests(pagination, { ...read, window, resume: null }, hasMoved) };
      }
      return last.requests;
    };
  }

  async #fetchSought(
    requestsFrom: (lower: Cursor | null) => PageRequests,
    walk: SeekWalk,
    { number, shown }: { readonly number: number; readonly shown: ShownTotals },
  ): Promise<Fetched> {
    const { bound: lower, skip } = walk.place;
    const requests = requestsFrom(lower);
    const place = skip === 0 ? null : ({ kind: "offset", token: String(skip) } as const);
    const seen = await this.#ask(requests, place, number, { walk });
    const { records, more } = walk.advance(seen);
    // After the bound has moved, a total counts only the rest.
    if (number === 1) shown.note(seen, records.length);
    else shown.add(seen.answer.body, records.length);
    const partial = records.length < seen.answer.records.length;
    return { page: { records, next: null, partial, ...this.#holdsUnreadable }, more };
  }

  /** Reads a source without declared paging: one request. */
  async #fetchOnly(requests: PageRequests): Promise<Page> {
    const { answer, response } = await this.#ask(requests, null, 1, {});
    const { body, records } = answer;
    const envelope = { body, headers: response.headers, dataField: this.#rules.dataField };
    const isFollowed = this.#parts.incremental.cursors.length > 0;
    const shown = warningOfOnlyPage(envelope, records, response, isFollowed);
    if (shown !== null) {
      this.#parts.context.warn(
        "MORE_PAGES_SHOWN",
        `no \`pagination\` is declared, so one request was made, and ${shown}; declare how one page follows another`,
      );
    }
    return { records, next: null, ...this.#holdsUnreadable };
  }

  /** Reads one page. A separate function, so that the answer's text can be freed before the page is passed on. */
  async #fetch(
    requests: PageRequests,
    walk: Walk,
    number: number,
    resumed?: { inspect: (body: unknown) => void; check: (page: PageSeen) => void },
  ): Promise<Fetched> {
    const seen = await this.#ask(requests, walk.place, number, { walk, inspect: resumed?.inspect });
    if (resumed !== undefined) resumed.check(seen);
    else if (number === 1) this.#checkFirst(seen, walk.place);
    const { more, ...taken } = walk.advance(seen);
    const { resumePlace } = walk;
    const next = more && resumePlace !== null ? this.#places.kept(resumePlace, requests.bounds) : null;
    return { page: { ...taken, next, ...this.#holdsUnreadable, asked: this.#askedBy(seen) }, more };
  }

  #askedBy({ response }: PageSeen): Page["asked"] {
    const { pagination } = this.#parts.config;
    const parameter = pagination !== undefined && "param" in pagination ? pagination.param : null;
    return { address: showAddress(response.url), parameter };
  }

  #timed(page: Page): Page {
    const { ahead } = this.#parts.clock;
    return ahead === undefined ? page : { ...page, clockAhead: ahead };
  }

  async #ask(
    requests: PageRequests,
    place: ResumePoint | null,
    number: number,
    { walk, inspect }: Asked,
  ): Promise<PageSeen> {
    const { client, config, context, mark, forms, clock } = this.#parts;
    const { encoding } = config;
    const request = { ...requests.at(place), ...(encoding === undefined ? {} : { encoding }) };
    const asked = {
      number,
      countBefore: this.#count,
      pagination: paginationOf(config),
      isResumed: inspect !== undefined,
    };
    const accepts = (status: number, text: string): boolean =>
      walk !== undefined &&
      (walk.isPastEnd(status) || isQuietRefusal(status, text, asked, this.#parts.facts));
    const sent = context.clock.now();
    const seen = await client
      .read({ ...request, accepts }, (response) => {
        clock.see(response, sent, context.clock.now());
        return this.#judge(response, number, { walk, inspect });
      })
      .catch((error: unknown) => {
        throw explainRefusal(error, asked);
      });
    const { answer } = seen;
    this.#count = answer.records.length;
    if (answer.holdsUnreadable === true) this.#holdsUnreadable = { holdsUnreadable: true };
    forms.see(answer.records);
    if (mark === null) return seen;
    return { ...seen, answer: { ...answer, records: answer.records.map(mark) } };
  }

  /** The content of an answer, or that there is no such page. */
  #judge(response: HttpResponse, number: number, { walk, inspect }: Asked): PageSeen {
    const { context } = this.#parts;
    const fail = pageFailure(formatStreamKey(context.key), number, response.url);
    const { status } = response;
    if (status >= 400) {
      return { response, answer: noAnswer, pastEnd: { text: `status ${status}`, status }, fail };
    }
    const mayLackList = walk?.mayBePastEnd ?? false;
    const answer = readAnswer(response, {
      rules: this.#rules,
      fail,
      now: context.clock.now(),
      inspect,
      mayLackList,
      keys: this.#keys,
      page: number,
      halves: this.#halves,
    });
    this.#otherLists.see(answer.body);
    const { dataField } = this.#rules;
    const isAbsent =
      dataField !== null && isRecord(answer.body) && valueAt(answer.body, dataField) === undefined;
    const pastEnd = mayLackList && isAbsent ? { text: "an answer without a list", status: null } : null;
    return { response, answer, pastEnd, fail };
  }

  #requests(pagination: Pagination | null, read: ReadRequest, hasMoved = false): PageRequests {
    const { config, headers, incremental, forms } = this.#parts;
    return createPageRequests({ config, headers, incremental, forms, pagination, read, hasMoved });
  }

  /** The first page of a resumed read: an error means that the source refuses the resume point. */
  async #fetchResumed(requests: PageRequests, walk: Walk, { tokenGone }: PlacePagination): Promise<Fetched> {
    const fail = (why: string, cause?: unknown): TidemarkError =>
      new TidemarkError(
        "RESUME_REFUSED",
        `the source no longer knows the page at which the last run stopped: ${why}`,
        {
          stream: formatStreamKey(this.#parts.context.key),
          cause,
        },
      );
    const { kind } = walk.place ?? {};
    try {
      const fetched = await this.#fetch(requests, walk, 1, {
        inspect: (body) => {
          const { field } = tokenGone;
          if (field !== undefined && saysYes(valueAt(body, parsePath(field))))
            throw fail(`it says so in ${field}`);
        },
        // The keys of answers at this place are known only after the window was read from its start.
        check: ({ answer: { body } }) => {
          const foreign = this.#keys.areKnown ? [] : this.#keys.foreignIn(body, false);
          if (foreign.length > 0) throw fail(`its answer has no list of records, and has \`${foreign[0]}\``);
        },
      });
      // A source that no longer knows a token may answer it with an empty page, although it returned the token for a
      // further page.
      const isNothing = fetched.page.records.length === 0 && !fetched.more;
      if (isNothing && (kind === "token" || kind === "link")) throw fail("it gave no records there");
      return fetched;
    } catch (error) {
      if (!(error instanceof TidemarkError) || error.code === "RESUME_REFUSED") throw error;
      const status = error.details?.status;
      if (typeof status === "number" && tokenGone.statuses.includes(status))
        throw fail(`it answered ${status}`, error);
      if (this.#places.refusesCredential(status)) throw fail(`it answered ${status}`, error);
      if (saysPlaceIsGone(error)) throw fail(error.message, error);
      throw error;
    }
  }

  #resumable({ resume: place, ...read }: ReadRequest): ResumePoint | null {
    if (place === null) return null;
    const ignore = (why: string): null => {
      const message = `the last run stopped at a ${place.kind}, ${why}; the window is read from its start`;
      this.#parts.context.warn("RESUME_IGNORED", message);
      return null;
    };
    if (!canResume(paginationOf(this.#parts.config), place)) {
      return ignore("which this `pagination` does not have");
    }
    const opened = this.#places.opened(place);
    if (opened === null) return ignore("which holds a credential that is no longer declared");
    const isKept = place.kind === "link" || place.bounds !== undefined;
    if (isKept || boundParameters(this.#parts, read).size === 0) return opened;
    return ignore("and kept nothing of the bounds that it was sent with");
  }
}
