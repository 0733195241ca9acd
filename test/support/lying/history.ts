import type { z } from "zod";
import type { Clock } from "../../../src/clock.ts";
import type { Pipeline } from "../../../src/engine/ports.ts";
import type { RunResult } from "../../../src/engine/run/result.ts";
import { attemptSync } from "../../../src/engine/run/sync.ts";
import { createHttpPolling } from "../../../src/inputs/http/input.ts";
import { httpPollingSchema } from "../../../src/inputs/http/schema.ts";
import type { StateStore } from "../../../src/state/contract.ts";
import { openMemoryState } from "../../../src/state/storage/memory/memory.ts";
import { MemoryTable, memoryOutput } from "../../../testing/memory-output.ts";
import { AnsweringDispatcher } from "./dispatcher.ts";
import { type Answer, LyingSource } from "./source.ts";
import type { Fault, Step, World } from "./world.ts";

/** Seconds before a year ends: days, months and years turn while records are added. */
const begin = Date.parse("2025-12-31T23:59:57.000Z");

/** More than any history has. */
const maxPages = 150;

/** What one run came to. */
export interface Played {
  readonly status: RunResult["status"];
  readonly error: string | null;
  readonly warnings: readonly string[];
  /** What the source had when the window began and the output has not, unless a run before this one told of it. */
  readonly missing: readonly number[];
  readonly requests: readonly string[];
}

export interface PlayedWorld {
  readonly runs: readonly Played[];
  /** The ids that the output holds, in the order of their delivery. */
  readonly delivered: readonly number[];
}

/** Plays a history, then runs three times more with nothing in between. */
export async function play(world: World, isDoubt: (code: string) => boolean): Promise<PlayedWorld> {
  const history = new History(world, isDoubt);
  const calm: Step = { added: [], faults: [] };
  for (const step of [...world.steps, calm, calm, calm]) await history.take(step);
  return { runs: history.runs, delivered: history.delivered };
}

/** Moves when the history says so, and skips the waits between attempts; a lease is never renewed meanwhile. */
class HistoryClock implements Clock {
  #time = begin;

  now(): number {
    return this.#time;
  }

  elapsed(): number {
    return this.#time;
  }

  advance(milliseconds: number): void {
    this.#time += milliseconds;
  }

  sleep(milliseconds: number, signal?: AbortSignal): Promise<void> {
    if (milliseconds <= longestRetryWait) return Promise.resolve();
    return new Promise((_resolve, reject) => {
      signal?.addEventListener("abort", () => reject(signal.reason), { once: true });
    });
  }
}

const longestRetryWait = 5000;

class History {
  readonly runs: Played[] = [];
  readonly #clock = new HistoryClock();
  readonly #source: LyingSource;
  readonly #table = new MemoryTable();
  readonly #state: StateStore;
  readonly #pipeline: Pipeline;
  readonly #isDoubt: (code: string) => boolean;
  /** The ids of the records that the run's window has to bring: those that were there when it began. */
  #owed: ReadonlySet<number> = new Set();
  #windowEnded = true;
  /** Lost, and told of. */
  readonly #told = new Set<number>();
  #faults: Step["faults"] = [];
  #requests: string[] = [];

  constructor(world: World, isDoubt: (code: string) => boolean) {
    this.#source = new LyingSource(world);
    this.#isDoubt = isDoubt;
    this.#state = openMemoryState({ clock: this.#clock });
    const dispatcher = new AnsweringDispatcher((url) => this.#answer(url));
    this.#pipeline = {
      name: "events",
      key: { connector: "acme", stream: "events" },
      onConcurrentRun: "takeover",
      leaseSeconds: 60,
      input: createHttpPolling(httpPollingSchema.parse(inputOf(world)), { random: () => 0, dispatcher }),
      filters: [],
      output: memoryOutput(this.#table, { appends: world.appends }),
    };
  }

  get delivered(): readonly number[] {
    return this.#table.rows.map(({ id }) => Number(id));
  }

  async take({ added, faults }: Step): Promise<void> {
    for (const wait of added) {
      this.#clock.advance(wait);
      this.#source.add(this.#clock.now());
    }
    // What the source dates ahead of this clock is owed once the clock has come there.
    this.#clock.advance(added.length === 0 ? 1000 : 1);
    this.#faults = faults;
    this.#requests = [];
    if (this.#windowEnded) this.#owed = this.#source.visibleAt(this.#clock.now());
    const result = await attemptSync(this.#pipeline, { state: this.#state, clock: this.#clock });
    this.#note(result);
  }

  #note({ status, error, warnings }: RunResult): void {
    const arrived = new Set(this.delivered);
    const absent = [...this.#owed].filter((id) => !arrived.has(id));
    this.runs.push({
      status,
      error: error === null ? null : `${error.code}: ${error.message}`,
      warnings: warnings.map(({ code }) => code),
      missing: absent.filter((id) => !this.#told.has(id)),
      requests: this.#requests,
    });
    this.#windowEnded = status === "completed";
    if (!warnings.some(({ code }) => this.#isDoubt(code))) return;
    for (const { id } of this.#source.visible) if (!arrived.has(id)) this.#told.add(id);
  }

  #answer(url: URL): Answer | Error {
    const number = this.#requests.length + 1;
    this.#requests.push(url.search);
    const right = this.#source.answer(url);
    const fault = this.#faults.find(({ at, requests }) => number >= at && number < at + requests);
    return fault === undefined ? right : spoiled(right, fault.fault);
  }
}

function spoiled(right: Answer, fault: Fault): Answer | Error {
  if (fault === "reset") return new Error("read ECONNRESET");
  if (fault === "cut" && right.body.length > 2) return { ...right, isCut: true };
  if (fault === "half" && right.status === 200 && right.body.startsWith("{")) return half(right);
  const status = fault === "429" ? 429 : 500;
  return { status, headers: fault === "429" ? { "retry-after": "1" } : {}, body: "not now", isCut: false };
}

/** Half of the records, and an error that says so. */
function half(right: Answer): Answer {
  const body: { data?: unknown } = JSON.parse(right.body);
  const data = Array.isArray(body.data) ? body.data.slice(0, Math.floor(body.data.length / 2)) : null;
  return {
    ...right,
    body: JSON.stringify({ ...body, data, errors: [{ message: "one of two shards did not answer" }] }),
  };
}

/** The pipeline that someone would write who believes the source. */
function inputOf(world: World): z.input<typeof httpPollingSchema> {
  const { bare, declaredBound, order, pagesPerCheckpoint, resume, upper } = world;
  const pagination = paginationOf(world);
  return {
    type: "httpPolling",
    endpoint: "http://source.test/events",
    ...(bare ? {} : { dataField: "data" }),
    key: "id",
    retry: { attempts: 2 },
    ...(pagination === undefined ? {} : { pagination }),
    statePersistence: {
      timestamp: { field: "updated_at", queryParam: "since", bound: declaredBound },
      order,
      pagesPerCheckpoint,
      resume,
      ...(upper === "open" ? {} : { until: { queryParam: "before" } }),
      ...(upper === "sliced" ? { start: "2025-12-31T23:59:55Z", slices: { step: "PT1S" } } : {}),
    },
  };
}

function paginationOf(world: World): z.input<typeof httpPollingSchema>["pagination"] {
  const { paging, limit, declares, tokens, nextIn } = world;
  const size = { maxPages, ...(limit === null ? {} : { limitParam: "limit", limit }) };
  const told = {
    ...size,
    ...(declares.total ? { totalField: "total" } : {}),
    ...(declares.hasMore ? { hasMoreField: "has_more" } : {}),
  };
  const elsewhere = tokens === "elsewhere";
  switch (paging) {
    case "none":
      return undefined;
    case "page":
      return {
        type: "page",
        param: "page",
        ...told,
        ...(declares.totalPages ? { totalPagesField: "pages" } : {}),
      };
    case "offset":
      return { type: "offset", param: "offset", ...told };
    case "cursor": {
      const field = nextIn === "header" ? "next" : nextIn;
      return { type: "cursor", param: "token", nextCursorField: elsewhere ? "nextPage" : field, ...told };
    }
    case "link": {
      const isHeader = world.bare || nextIn === "header";
      const field =
        elsewhere === isHeader ? { nextCursorField: elsewhere && isHeader ? "links.next" : nextIn } : {};
      return { type: "link", ...field, ...told };
    }
    case "seek":
      return { type: "seek", limitParam: "limit", limit: limit ?? 4, offsetParam: "skip", maxPages };
  }
}
