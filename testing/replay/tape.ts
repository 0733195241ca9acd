import { compareCursorValues } from "../../src/model/cursor.ts";
import { isoFormat, parseTimestamp } from "../../src/model/timestamp.ts";
import { isAlias } from "./aliases.ts";
import { type Answer, type Played, recordedAnswer } from "./answers.ts";
import type { NamedExchange } from "./recording.ts";

type Query = readonly (readonly [name: string, value: string])[];

/** What a client asked for. */
export interface Asked {
  readonly method: string;
  readonly path: string;
  readonly query: Query;
  readonly body: string | null;
}

/** A recording as it is played: which exchange answers a request, and which have been used up. */
export class Tape {
  readonly #exchanges: readonly NamedExchange[];
  readonly #notCompared: ReadonlySet<string>;
  readonly #bounds: readonly string[];
  readonly #used = new Set<NamedExchange>();

  constructor(exchanges: readonly NamedExchange[], ignored: readonly string[], bounds: readonly string[]) {
    this.#exchanges = exchanges;
    this.#notCompared = new Set([...ignored, ...bounds]);
    this.#bounds = bounds;
  }

  /** The first that fits and is not used up, else the last that fits; null where none does. */
  find(asked: Asked): NamedExchange | null {
    const fitting = this.#nearest(
      this.#exchanges.filter((exchange) => this.#matches(exchange, asked)),
      asked,
    );
    return fitting.find((exchange) => !this.#used.has(exchange)) ?? fitting.at(-1) ?? null;
  }

  use(exchange: NamedExchange): void {
    this.#used.add(exchange);
  }

  play(exchange: NamedExchange, origin: string): Played {
    const { method, path } = exchange.request;
    const before = this.#exchanges
      .slice(0, this.#exchanges.indexOf(exchange))
      .findLast(({ request }) => request.path === path && request.method === method);
    const answer = (of: NamedExchange): Answer => recordedAnswer(of.response, origin);
    return { answer: answer(exchange), before: before === undefined ? null : answer(before) };
  }

  /** Those with the highest lower bound that is not above the one asked for. */
  #nearest(exchanges: readonly NamedExchange[], asked: Asked): readonly NamedExchange[] {
    return this.#bounds.reduce((left, name) => {
      const most = boundIn(asked.query, name);
      const reachable = left.filter(({ request }) => compareBounds(boundIn(request.query, name), most) <= 0);
      const [highest = null] = reachable
        .map(({ request }) => boundIn(request.query, name))
        .sort((a, b) => compareBounds(b, a));
      return reachable.filter(({ request }) => compareBounds(boundIn(request.query, name), highest) === 0);
    }, exchanges);
  }

  #matches({ request }: NamedExchange, asked: Asked): boolean {
    if (request.method !== asked.method || request.path !== asked.path) return false;
    const recorded = this.#compared(request.query);
    const given = this.#compared(asked.query);
    return (
      recorded.length === given.length &&
      recorded.every(([name, value], index) => {
        const [otherName, other = ""] = given[index] ?? [];
        return otherName === name && sameValue(value, other);
      }) &&
      sameBody(request.body, asked.body)
    );
  }

  #compared(query: Query): Query {
    return query
      .filter(([name]) => !this.#notCompared.has(name))
      .toSorted(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  }
}

function boundIn(query: Query, name: string): string | null {
  return query.find(([each]) => each === name)?.[1] ?? null;
}

/** Null is below everything; integers compare by size, times by moment, all else by code point. */
function compareBounds(a: string | null, b: string | null): number {
  if (a === null || b === null) return Number(a !== null) - Number(b !== null);
  const [x, y] = [a, b].map((text) => (/^\d+$/.test(text) ? BigInt(text) : null));
  if (typeof x === "bigint" && typeof y === "bigint") return x < y ? -1 : x > y ? 1 : 0;
  return compareCursorValues("text", canonical(a), canonical(b));
}

/** A time in the one form that compares by its text, whatever its zone and digits; all else as it is. */
function canonical(bound: string): string {
  try {
    return parseTimestamp(bound, isoFormat).replace(/Z$/, "");
  } catch {
    return bound;
  }
}

/** What stands for a secret is given out again as such by the recorded answers; a real secret is any other value. */
function sameValue(recorded: string, given: string): boolean {
  return recorded === given || (isAlias(recorded) && !isAlias(given));
}

/** A body with a secret in it cannot be compared. */
function sameBody(recorded: string | null, given: string | null): boolean {
  return recorded === given || (recorded !== null && given !== null && recorded.includes("redacted-"));
}
