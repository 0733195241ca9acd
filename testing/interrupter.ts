import type { Filter, Input, InputSession, Output, OutputSession, Pipeline } from "../src/engine/ports.ts";
import type { StateStore } from "../src/state/contract.ts";

/** At which of a run's calls to its parts something goes wrong, and what. */
export interface Interruption {
  /** Counted from 1 over every call that the run awaits, of whatever part. */
  readonly at: number;
  /** Before the call had its effect, or after it, so that the caller cannot know. */
  readonly when: "before" | "after";
  /** A crash ends everything; an error is thrown in the run, which then fails. */
  readonly kind: "crash" | "error";
}

/**
 * Stands between a run and its parts, and interrupts one of the calls that the run awaits: any of the
 * state's, the input's, the filters' or the output's. After a crash nothing has an effect any more.
 *
 * ```ts
 * const interrupter = new Interrupter({ at: 7, when: "after", kind: "crash" });
 * await attemptSync(interrupter.pipeline(pipeline), { state: interrupter.state(state) });
 * ```
 */
export class Interrupter {
  readonly #interruption: Interruption | null;
  readonly #calls: string[] = [];
  #dead = false;

  /** Without an interruption it only counts. */
  constructor(interruption: Interruption | null = null) {
    this.#interruption = interruption;
  }

  /** The calls that were made, in order, by part and method: `output.commit`. */
  get calls(): readonly string[] {
    return this.#calls;
  }

  pipeline(pipeline: Pipeline): Pipeline {
    return {
      ...pipeline,
      input: this.input(pipeline.input),
      filters: pipeline.filters.map((filter) => this.#filter(filter)),
      output: this.output(pipeline.output),
    };
  }

  state(state: StateStore): StateStore {
    return this.#guarded("state", state);
  }

  output(output: Output): Output {
    const open = (context: Parameters<Output["open"]>[0]): Promise<OutputSession> =>
      this.#call("output.open", async () => this.#guarded("output", await output.open(context)));
    const { openReader: _, ...what } = output;
    return { ...what, open };
  }

  input(input: Input): Input {
    const open = (context: Parameters<Input["open"]>[0]): Promise<InputSession> =>
      this.#call("input.open", async () => this.#session(await input.open(context)));
    return { kind: input.kind, incremental: input.incremental, open };
  }

  #session(session: InputSession): InputSession {
    const { now, safeUpper, readsPast, note, reach, facts, readNothing, partitions } = session;
    const { watchesBound, sawBound } = session;
    return {
      read: (request) => this.#pages(session, request),
      ...(now === undefined ? {} : { now: () => this.#call("input.now", () => now.call(session)) }),
      ...(safeUpper === undefined
        ? {}
        : { safeUpper: (from) => this.#call("input.safeUpper", () => safeUpper.call(session, from)) }),
      ...(readsPast === undefined ? {} : { readsPast: () => readsPast.call(session) }),
      ...(note === undefined ? {} : { note: () => note.call(session) }),
      ...(reach === undefined ? {} : { reach: (lower) => reach.call(session, lower) }),
      ...(facts === undefined ? {} : { facts: () => facts.call(session) }),
      ...(readNothing === undefined
        ? {}
        : { readNothing: (watermark: string) => readNothing.call(session, watermark) }),
      ...(watchesBound === undefined ? {} : { watchesBound: () => watchesBound.call(session) }),
      ...(sawBound === undefined ? {} : { sawBound: (outcome) => sawBound.call(session, outcome) }),
      ...(partitions === undefined ? {} : { partitions: (signal) => partitions.call(session, signal) }),
      close: () => session.close(),
    };
  }

  async *#pages(session: InputSession, request: Parameters<InputSession["read"]>[0]) {
    const pages = session.read(request)[Symbol.asyncIterator]();
    try {
      for (;;) {
        const next = await this.#call("input.read", () => pages.next());
        if (next.done) return;
        yield next.value;
      }
    } finally {
      await pages.return?.();
    }
  }

  #filter(filter: Filter): Filter {
    return {
      ...filter,
      kind: filter.kind,
      apply: (records, context) =>
        this.#call(`filter.${filter.kind}`, async () => filter.apply(records, context)),
    };
  }

  /** The same part, each of whose calls may be interrupted; a dead process's connections close all the same. */
  #guarded<Part extends object>(name: string, part: Part): Part {
    return new Proxy(part, {
      get: (target, method) => {
        const value: unknown = Reflect.get(target, method, target);
        if (typeof value !== "function") return value;
        const bound = (...given: unknown[]): unknown => Reflect.apply(value, target, given);
        if (method === "close" || typeof method === "symbol") return bound;
        return (...given: unknown[]) => this.#call(`${name}.${method}`, async () => bound(...given));
      },
    });
  }

  async #call<T>(name: string, work: () => Promise<T>): Promise<T> {
    if (this.#dead) throw new Error("the process is dead");
    this.#calls.push(name);
    const struck = this.#calls.length === this.#interruption?.at;
    if (struck && this.#interruption?.when === "before") throw this.#strike(name);
    const result = await work();
    if (struck) throw this.#strike(name);
    return result;
  }

  #strike(name: string): Error {
    const { at, when, kind } = this.#interruption ?? {};
    this.#dead = kind === "crash";
    return new Error(`a ${kind} on purpose, ${when} call ${at}: ${name}`);
  }
}
