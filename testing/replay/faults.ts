import { z } from "zod";

const whichRequests = {
  /** The share of requests that it strikes, from 0 to 1. */
  rate: z.number().min(0).max(1).optional(),
  /** The requests that it strikes, counted from 1; instead of a rate. */
  at: z.array(z.int().min(1)).optional(),
  /** How often it strikes at most. */
  limit: z.int().min(0).optional(),
};

/**
 * A fault, by what the client gets in place of, or along with, the recorded answer.
 *
 * | kind | what the client gets |
 * |---|---|
 * | `too-many-requests` | status 429, with `Retry-After` where `retryAfterSeconds` is given |
 * | `server-error` | `status`, 500 unless given; 502 and others as well |
 * | `cut` | a connection that is closed before the answer |
 * | `truncated` | half of the body that was announced, then a closed connection |
 * | `invalid` | status 200 and `body`, or half of the recorded body, announced as the whole |
 * | `slow` | the recorded answer in `pieces` (10), `pauseMs` (20) apart |
 * | `repeated-page` | the answer before this one, once more |
 * | `shifted-page` | the recorded answer, with the last `by` (1) records of the page before in front of its own, as when records come in ahead of the pages |
 * | `expired-token` | status 401, as for an access token that has run out |
 * | `expired-page` | status 410, as for a page token that is no longer known |
 * | `clock-skew` | the recorded answer from a server whose clock is `seconds` (3600) ahead |
 */
export const faultSchema = z.discriminatedUnion("kind", [
  z.strictObject({
    kind: z.literal("too-many-requests"),
    retryAfterSeconds: z.number().min(0).optional(),
    ...whichRequests,
  }),
  z.strictObject({
    kind: z.literal("server-error"),
    status: z.int().min(500).max(599).default(500),
    ...whichRequests,
  }),
  z.strictObject({ kind: z.literal("cut"), ...whichRequests }),
  z.strictObject({ kind: z.literal("truncated"), ...whichRequests }),
  z.strictObject({ kind: z.literal("invalid"), body: z.string().optional(), ...whichRequests }),
  z.strictObject({
    kind: z.literal("slow"),
    pieces: z.int().min(1).default(10),
    pauseMs: z.int().min(0).default(20),
    ...whichRequests,
  }),
  z.strictObject({ kind: z.literal("repeated-page"), ...whichRequests }),
  z.strictObject({ kind: z.literal("shifted-page"), by: z.int().min(1).default(1), ...whichRequests }),
  z.strictObject({ kind: z.literal("expired-token"), ...whichRequests }),
  z.strictObject({ kind: z.literal("expired-page"), ...whichRequests }),
  z.strictObject({ kind: z.literal("clock-skew"), seconds: z.number().default(3600), ...whichRequests }),
]);

/** A fault as it is asked for. */
export type Fault = z.input<typeof faultSchema>;
export type CheckedFault = z.output<typeof faultSchema>;

/** The names of all faults. */
export const faultKinds = faultSchema.options.map(({ shape }) => shape.kind.value);

const commonRate = 0.1;

/** A number from 0 to 1, below 1, that depends on nothing but what is given. */
function chance(...from: readonly (string | number)[]): number {
  let hash = 0x811c9dc5;
  for (const character of from.join("\n")) {
    hash = Math.imul(hash ^ (character.codePointAt(0) ?? 0), 0x01000193);
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return ((hash ^ (hash >>> 16)) >>> 0) / 2 ** 32;
}

/** A request, as far as it decides what strikes it. */
export interface Struck {
  /** Counted from 1 over all requests. */
  readonly number: number;
  /** The same for the same request made again. */
  readonly key: string;
  /** Counted from 1 over the requests of this key. */
  readonly time: number;
}

/**
 * Decides which fault strikes which request, by the seed and the request alone, so that the same client meets
 * the same faults again, also where its requests overlap in time. The first of the faults that strikes is
 * the one; no request is struck more than `inARow` times one after another, so that whoever tries again gets on.
 */
export class Strikes {
  readonly #faults: readonly CheckedFault[];
  readonly #seed: number;
  readonly #inARow: number;
  readonly #struck = new Map<CheckedFault, number>();
  readonly #row = new Map<string, number>();

  constructor(faults: readonly CheckedFault[], seed: number, inARow: number) {
    this.#faults = faults;
    this.#seed = seed;
    this.#inARow = inARow;
  }

  /** The fault for a request, or null; `fits` says whether a fault can be shown on this answer. */
  strike(request: Struck, fits: (fault: CheckedFault) => boolean): CheckedFault | null {
    const row = this.#row.get(request.key) ?? 0;
    const fault =
      row >= this.#inARow
        ? undefined
        : this.#faults.find((each, index) => this.#hits(each, index, request) && fits(each));
    this.#row.set(request.key, fault === undefined ? 0 : row + 1);
    if (fault === undefined) return null;
    this.#struck.set(fault, (this.#struck.get(fault) ?? 0) + 1);
    return fault;
  }

  #hits(fault: CheckedFault, index: number, { number, key, time }: Struck): boolean {
    if ((this.#struck.get(fault) ?? 0) >= (fault.limit ?? Number.POSITIVE_INFINITY)) return false;
    if (fault.at !== undefined) return fault.at.includes(number);
    return chance(this.#seed, index, key, time) < (fault.rate ?? commonRate);
  }
}
