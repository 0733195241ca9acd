import type { Input, InputSession, Output, OutputSession } from "../../src/engine/ports.ts";
import type { StateStore } from "../../src/state/contract.ts";

/** At which of a run's calls to its parts something goes wrong, and what. */
export interface Interruption {
  /** Counted from 1 over every call that the run awaits, of whatever part. */
  readonly at: number;
  /** Before the call had its effect, or after it, so that the caller cannot know. */
  readonly when: "before" | "after";
  /** A crash ends everything; an error is told to the run, which goes on to fail. */
  readonly kind: "crash" | "error";
}

/** Stands between a run and its parts, and interrupts one call. */
export class Interrupter {
  readonly #interruption: Interruption | null;
  #calls = 0;
  #dead = false;

  constructor(interruption: Interruption | null) {
    this.#interruption = interruption;
  }

  async call<T>(work: () => Promise<T>): Promise<T> {
    if (this.#dead) throw new Error("the process is dead");
    this.#calls += 1;
    const struck = this.#calls === this.#interruption?.at;
    if (struck && this.#interruption?.when === "before") throw this.#strike();
    const result = await work();
    if (struck) throw this.#strike();
    return result;
  }

  #strike(): Error {
    this.#dead = this.#interruption?.kind === "crash";
    return new Error(`interrupted: ${JSON.stringify(this.#interruption)}`);
  }

  state(state: StateStore): StateStore {
    return this.#guarded(state);
  }

  output(output: Output): Output {
    const open = (context: Parameters<Output["open"]>[0]): Promise<OutputSession> =>
      this.call(async () => this.#guarded(await output.open(context)));
    return { ...output, open };
  }

  input(input: Input): Input {
    return {
      ...input,
      open: (context) =>
        this.call(async () => {
          const session = await input.open(context);
          return { ...session, read: (request) => this.#pages(session, request) };
        }),
    };
  }

  async *#pages(session: InputSession, request: Parameters<InputSession["read"]>[0]) {
    const pages = session.read(request)[Symbol.asyncIterator]();
    for (;;) {
      const next = await this.call(() => pages.next());
      if (next.done) return;
      yield next.value;
    }
  }

  /** The same part, each of whose calls may be interrupted; a dead process's connections close all the same. */
  #guarded<Part extends object>(part: Part): Part {
    return new Proxy(part, {
      get: (target, name) => {
        const value: unknown = Reflect.get(target, name, target);
        if (typeof value !== "function") return value;
        const bound = (...given: unknown[]): unknown => Reflect.apply(value, target, given);
        if (name === "close" || typeof name === "symbol") return bound;
        return (...given: unknown[]) => this.call(async () => bound(...given));
      },
    });
  }
}
