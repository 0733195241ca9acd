import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { inLongRun } from "../../../../test/support/long-run.ts";
import { createTestDatabase, type TestDatabase } from "../../../../test/support/postgres.ts";
import { isTidemarkError } from "../../../errors.ts";
import type { Position } from "../../../model/position.ts";
import type { StreamKey } from "../../../model/stream-key.ts";
import type { RunRef, StateStore } from "../../contract.ts";
import { openMemoryState } from "../memory/memory.ts";
import { openPostgresState } from "./postgres.ts";

/** A run as it was granted, and its last checkpoint that was taken. */
interface Granted {
  readonly run: RunRef;
  sequence: number;
}

/** One call on a store, on the stream or on one of the runs that were granted so far. */
type Call = (store: StateStore, key: StreamKey, runs: readonly Granted[]) => Promise<unknown>;

const numbers = fc.constantFrom("-3", "2", "10", "10.5");
const texts = fc.oneof({ weight: 9, arbitrary: numbers }, fc.constantFrom("1.0", "banana", ""));
const watermarks = fc.oneof({ weight: 9, arbitrary: texts }, fc.constant(null));
const counts = fc.integer({ min: 0, max: 99 });
const metadata = fc.option(fc.constantFrom({}, { a: 1 }, { deep: [null, "ü\u0000"] }), { nil: undefined });

const positions: fc.Arbitrary<Position> = fc.record({
  watermark: watermarks,
  secondaryCursors: fc.constantFrom({}, { id: "7" }, { id: "7", offset: "3" }),
  window: fc.constantFrom(null, {
    lower: null,
    upper: "9",
    order: "unordered" as const,
    highest: "5",
    resume: { kind: "token" as const, token: 'a "token" \\ 🦉' },
  }),
  tieSet: fc.uniqueArray(
    fc.record({
      identity: fc.constantFrom("a", "b", 'c"\\'),
      cursor: numbers,
      count: fc.integer({ min: 1, max: 2 }),
    }),
    { maxLength: 4, selector: ({ identity, cursor }) => `${identity} ${cursor}` },
  ),
  coverage: fc.array(fc.record({ lower: fc.option(numbers), upper: numbers }), { maxLength: 3 }),
});

const partitions = fc.constantFrom("p", "q", "ü 🦉");
/** Mostly none, since those are the steps of a statement of their own; else one or two. */
const moves = fc.oneof(
  { weight: 3, arbitrary: fc.constant(undefined) },
  fc.uniqueArray(fc.record({ partition: partitions, position: positions }), {
    minLength: 1,
    maxLength: 2,
    selector: ({ partition }) => partition,
  }),
);

const byHand = { reason: "a test wants it", actor: "ada" };
const runIds = fc.oneof(
  { weight: 3, arbitrary: fc.constant(undefined) },
  fc.constantFrom("r1", "r2", "r3", "r4"),
);
/** Which run a call is about: mostly the newest, sometimes one before. */
const backs = fc.oneof({ weight: 6, arbitrary: fc.constant(0) }, fc.integer({ min: 1, max: 3 }));

function onRun(
  back: number,
  make: (store: StateStore, run: RunRef, granted: Granted) => Promise<unknown>,
): Call {
  return async (store, _, runs) => {
    const granted = runs.at(-1 - back);
    return granted === undefined ? undefined : make(store, granted.run, granted);
  };
}

const begins: fc.Arbitrary<Call> = fc
  .record({
    cursorType: fc.oneof(
      { weight: 8, arbitrary: fc.constant("numeric_id" as const) },
      fc.constantFrom("opaque_token" as const, null),
    ),
    ifRunning: fc.constantFrom("override" as const, "refuse" as const),
    kind: fc.oneof(
      { weight: 8, arbitrary: fc.constant({ kind: "live" as const }) },
      fc.constant({ kind: "backfill" as const }),
      { weight: 2, arbitrary: fc.constant({ kind: "backfill" as const, backfill: "b" }) },
    ),
    runId: runIds,
    actor: fc.constantFrom(undefined, "nightly", "ünï 🦉"),
    epochFloor: fc.constantFrom(undefined, 0, 5),
  })
  .map(({ runId, actor, epochFloor, kind, ...rest }) => {
    const options = {
      ...rest,
      ...kind,
      leaseSeconds: 86_400,
      ...(runId === undefined ? {} : { runId }),
      ...(actor === undefined ? {} : { actor }),
      ...(epochFloor === undefined ? {} : { epochFloor }),
    };
    return (store, key) => store.begin(key, options);
  });

const checkpoints: fc.Arbitrary<Call> = fc
  .record({
    back: backs,
    step: fc.oneof({ weight: 6, arbitrary: fc.constant(1) }, fc.integer({ min: 0, max: 2 })),
    position: positions,
    recordsProcessed: counts,
    moves,
    correction: fc.option(fc.constant("not ascending"), { nil: undefined, freq: 1 }),
  })
  .map(({ back, step, correction, moves: moved, ...made }) =>
    onRun(back, async (store, run, granted) => {
      const sequence = Math.max(1, granted.sequence + step);
      await store.checkpoint(run, {
        ...made,
        sequence,
        ...(correction === undefined ? {} : { correction }),
        ...(moved === undefined ? {} : { partitions: moved }),
      });
      granted.sequence = sequence;
    }),
  );

const completions: fc.Arbitrary<Call> = fc
  .record({
    back: backs,
    to: fc.oneof(
      texts.map((newCursor) => ({ newCursor })),
      positions.map((position) => ({ position })),
      fc.constant({}),
    ),
    records: fc.option(counts, { nil: undefined }),
    moves,
    metadata,
  })
  .map(({ back, to, records, moves: moved, metadata: kept }) =>
    onRun(back, (store, run) =>
      store.complete(run, {
        ...to,
        ...(records === undefined ? {} : { recordsProcessed: records }),
        ...(kept === undefined ? {} : { metadata: kept }),
        ...(moved === undefined ? {} : { partitions: moved }),
      }),
    ),
  );

const others: fc.Arbitrary<Call> = fc.oneof(
  fc
    .tuple(backs, metadata)
    .map(([back, kept]) =>
      onRun(back, (store, run) =>
        store.fail(run, { error: "it's broken", ...(kept === undefined ? {} : { metadata: kept }) }),
      ),
    ),
  backs.map((back) => onRun(back, (store, run) => store.heartbeat(run))),
  watermarks.map(
    (to): Call =>
      (store, key) =>
        store.reset(key, { to, ...byHand }),
  ),
  numbers.map(
    (to): Call =>
      (store, key) =>
        store.reset(key, { to, cursorType: "numeric_id", ...byHand }),
  ),
  fc.tuple(partitions, watermarks).map(
    ([partition, to]): Call =>
      (store, key) =>
        store.reset(key, { to, partition, ...byHand }),
  ),
  fc.constantFrom(0, 2).map(
    (keepRuns): Call =>
      (store, key) =>
        store.prune({ keepRuns, key }),
  ),
  backs.map((back) => onRun(back, (store, run) => store.rewind(run.key, { toRun: run.runId, ...byHand }))),
  fc.constant<Call>(async (store, key) => store.import(await store.export(key), byHand)),
);

const histories = fc.array(
  fc.oneof(
    { weight: 4, arbitrary: begins },
    { weight: 4, arbitrary: checkpoints },
    { weight: 4, arbitrary: completions },
    { weight: 1, arbitrary: others },
  ),
  { minLength: 5, maxLength: 30 },
);

/** Which of the two workers makes a call; mostly one makes several. */
const turns = fc.oneof(
  fc.constant<(0 | 1)[]>([0]),
  fc.array(fc.constantFrom<0 | 1>(0, 1), { minLength: 1, maxLength: 12 }),
);

let database: TestDatabase;
/** Two, as two processes would have: what one knows of a stream is out of date when the other went on. */
let workers: [StateStore, StateStore];
let streams = 0;

beforeAll(async () => {
  database = await createTestDatabase();
  workers = [await openPostgresState(database.url), await openPostgresState(database.url)];
});

afterAll(async () => {
  for (const worker of workers) await worker.close();
  await database.drop();
});

test("whatever is asked of it, PostgreSQL takes the steps that the lifecycle takes", async () => {
  await fc.assert(
    fc.asyncProperty(histories, turns, async (history, turn) => {
      const key = { connector: "same", stream: String(++streams) };
      await using memory = openMemoryState();
      const expected = await told(() => memory, key, history);
      expect(await told((n) => workers[turn[n % turn.length] ?? 0], key, history)).toEqual(expected);
      expect(await workers[0].verifyAudit({ key })).toEqual(await memory.verifyAudit({ key }));
    }),
    { numRuns: inLongRun(25, 100) },
  );
});

/** What each call of a history came to, and all that is stored after it, without times and hashes. */
async function told(
  storeOf: (n: number) => StateStore,
  key: StreamKey,
  history: readonly Call[],
): Promise<unknown> {
  const runs: Granted[] = [];
  const outcomes: unknown[] = [];
  for (const [index, call] of history.entries()) {
    const outcome = await outcomeOf(call(storeOf(index), key, runs));
    if (isRun(outcome)) runs.push({ run: outcome, sequence: 0 });
    outcomes.push(outcome);
  }
  const store = storeOf(0);
  const backfills = await store.backfills(key);
  const stored = {
    outcomes,
    state: await store.get(key),
    runs: await outcomeOf(store.runs(key)),
    audit: await store.audit({ key }),
    newest: (await store.audit({ key, order: "newest" })).items,
    partitions: await outcomeOf(store.partitions(key)),
    ofBackfills: await Promise.all(["p", "q"].map((name) => store.partition(key, name, { backfill: "b" }))),
    // Their start is a matter of milliseconds, and so is their order.
    backfills: runs.map(({ run }) => backfills.filter(({ runId }) => runId === run.runId)),
    coverage: await store.coverage(key),
    ofPartitions: await Promise.all(["p", "q"].map((partition) => store.coverage(key, { partition }))),
    exported: await outcomeOf(store.export(key)),
  };
  return timeless(
    stored,
    runs.map(({ run }) => run.runId),
  );
}

async function outcomeOf(call: Promise<unknown>): Promise<unknown> {
  try {
    return await call;
  } catch (error) {
    if (!isTidemarkError(error)) throw error;
    return { code: error.code, message: error.message, details: error.details };
  }
}

function isRun(outcome: unknown): outcome is RunRef {
  return typeof outcome === "object" && outcome !== null && "supersededRunId" in outcome;
}

/**
 * Run ids that a store made are told by when they were granted; the tie set comes in no order, nor do
 * they in an export's text.
 */
function timeless(stored: unknown, runIds: readonly string[]): unknown {
  let text = JSON.stringify(stored, (name, value: unknown) => {
    if (name === "tieSet" && Array.isArray(value)) return value.map((item) => JSON.stringify(item)).sort();
    if (name === "position" && typeof value === "string") return JSON.parse(value);
    return /hash|next/.test(name) && typeof value === "string" ? "-" : value;
  });
  for (const [index, runId] of runIds.entries()) {
    if (runId.length === 36) text = text.replaceAll(runId, `run ${index}`);
  }
  return JSON.parse(text.replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, "-"));
}
