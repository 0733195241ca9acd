import fc from "fast-check";

/** What a target does with a request that it is not to refuse. */
export const doings = [
  "accepts",
  /** Is away for this request. */
  "isAway",
  /** Says that it was asked too often. */
  "limits",
  /** Takes it and breaks the connection off before it answers. */
  "takesAndDies",
  /** Takes it, and its answer is cut short. */
  "answersUnreadably",
  /** Takes every second record, and wants the others again; without results by record it takes all. */
  "takesHalf",
  /** Takes nothing, and says so inside an answer of status 200. */
  "saysFailed",
] as const;
export type Doing = (typeof doings)[number];

/** How the stream is read: what order and paging allow a position to say. */
export const readings = ["ascending", "tokens", "pages", "slices", "partitions"] as const;
export type Reading = (typeof readings)[number];

/** Where a run is interrupted: at so many calls of its parts, as if its process died there, or with an error. */
export interface Break {
  readonly at: number;
  readonly when: "before" | "after";
  readonly kind: "crash" | "error";
}

/** One run of the pipeline, and what happens before and in it. */
export interface Round {
  /** Records that change before it, by id. */
  readonly changes: readonly number[];
  readonly break: Break | null;
  /** What the target does, request by request; it accepts what comes after. */
  readonly doings: readonly Doing[];
  /** From which request on the target does not answer any more in this run; null for never. */
  readonly diesAt: number | null;
}

export interface World {
  readonly reading: Reading;
  readonly records: number;
  /** How many records share a cursor. */
  readonly ties: number;
  readonly pageSize: number;
  readonly pagesPerCheckpoint: number;
  readonly batch: number | null;
  readonly concurrency: number;
  /** Whether the target says of each record by itself what became of it. */
  readonly results: boolean;
  /** How long a run waits for a target that limits or is overloaded. */
  readonly limitWaitMs: number;
  readonly onError: "fail" | "skip" | "deadLetter";
  /** Records that the target refuses, by id; under `fail` it takes them once the rounds are over. */
  readonly refused: readonly number[];
  /** Whether a filter makes two records of each, and drops every third. */
  readonly filters: boolean;
  readonly rounds: readonly Round[];
}

const doing = fc.oneof(
  { weight: 6, arbitrary: fc.constant<Doing>("accepts") },
  { weight: 3, arbitrary: fc.constantFrom<Doing>(...doings) },
);

const breaks = fc.record({
  at: fc.integer({ min: 1, max: 40 }),
  when: fc.constantFrom("before" as const, "after" as const),
  kind: fc.constantFrom("crash" as const, "error" as const),
});

export const worlds: fc.Arbitrary<World> = fc.record({
  reading: fc.constantFrom(...readings),
  records: fc.integer({ min: 1, max: 12 }),
  ties: fc.integer({ min: 1, max: 4 }),
  pageSize: fc.integer({ min: 1, max: 6 }),
  pagesPerCheckpoint: fc.integer({ min: 1, max: 3 }),
  batch: fc.constantFrom(null, 2, 3),
  concurrency: fc.integer({ min: 1, max: 4 }),
  results: fc.boolean(),
  limitWaitMs: fc.constantFrom(0, 1500, 60_000),
  onError: fc.constantFrom("fail" as const, "skip" as const, "deadLetter" as const),
  refused: fc.uniqueArray(fc.integer({ min: 1, max: 12 }), { maxLength: 2 }),
  filters: fc.boolean(),
  rounds: fc.array(
    fc.record({
      changes: fc.uniqueArray(fc.integer({ min: 1, max: 12 }), { maxLength: 2 }),
      break: fc.option(breaks, { freq: 2 }),
      doings: fc.array(doing, { maxLength: 8 }),
      diesAt: fc.option(fc.integer({ min: 1, max: 12 })),
    }),
    { minLength: 1, maxLength: 4 },
  ),
});
