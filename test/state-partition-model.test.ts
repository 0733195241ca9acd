import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { isTidemarkError } from "../src/errors.ts";
import { type CursorRange, emptyPosition, type Position } from "../src/model/position.ts";
import type { StreamKey } from "../src/model/stream-key.ts";
import type { RunRef, StateStore } from "../src/state/contract.ts";
import type { StateStoreHarness } from "../testing/state-suite.ts";
import { inLongRun } from "./support/long-run.ts";
import { type ModelRun, type ModelWrite, type Numbers, PartitionModel } from "./support/partition-model.ts";
import { stateBackends } from "./support/state-backends.ts";

/** How many histories each backend is put through; those that go to a disk take longer. */
const histories: Readonly<Record<string, number>> = inLongRun(
  { memory: 150, files: 15, sqlite: 25, postgres: 15 },
  { memory: 500, files: 60, sqlite: 100, postgres: 60 },
);

const names = ["a", "b", "ü 🦉"];
const backfillIds = ["b1", "b2"];

const highest = 12;
const covered: fc.Arbitrary<Numbers> = fc
  .uniqueArray(fc.integer({ min: 1, max: highest }), { maxLength: 6 })
  .map((list) => new Set(list));

const write: fc.Arbitrary<ModelWrite> = fc.record({
  // Mostly the next, sometimes the last one again or one too many.
  step: fc.constantFrom(1, 1, 1, 1, 0, 2),
  covered,
  moves: fc.uniqueArray(
    fc.record({
      partition: fc.constantFrom(...names),
      watermark: fc.integer({ min: 1, max: highest }),
      covered,
    }),
    { maxLength: 3, selector: ({ partition }) => partition },
  ),
  isCorrection: fc.constantFrom(false, false, true),
});

/** Which of the runs so far a call is made by: mostly a new one, and often one that is over. */
const byRun = fc.oneof(
  { weight: 3, arbitrary: fc.constant(0) },
  { weight: 2, arbitrary: fc.nat({ max: 5 }) },
);
const lane = fc.oneof(
  { weight: 3, arbitrary: fc.constant(null) },
  { weight: 2, arbitrary: fc.constantFrom(...backfillIds) },
);

const command = fc.oneof(
  { weight: 4, arbitrary: fc.record({ call: fc.constant("begin" as const), lane }) },
  { weight: 8, arbitrary: fc.record({ call: fc.constant("checkpoint" as const), byRun, write }) },
  { weight: 3, arbitrary: fc.record({ call: fc.constant("complete" as const), byRun, write }) },
  { weight: 1, arbitrary: fc.record({ call: fc.constant("fail" as const), byRun }) },
  { weight: 1, arbitrary: fc.record({ call: fc.constant("startOver" as const) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      call: fc.constant("reset" as const),
      partition: fc.constantFrom(...names),
      to: fc.option(fc.integer({ min: 1, max: highest })),
    }),
  },
);
type Command = typeof command extends fc.Arbitrary<infer T> ? T : never;

const by = { reason: "a test wants it", actor: "ada" };

/** One stream in a store, and the model beside it. */
class Pair {
  readonly #store: StateStore;
  readonly #key: StreamKey;
  readonly #model = new PartitionModel();

  constructor(store: StateStore, key: StreamKey) {
    this.#store = store;
    this.#key = key;
  }

  /** Makes the call on both, which have to agree on what comes of it. */
  async make(command: Command): Promise<void> {
    const store = this.#store;
    const key = this.#key;
    const model = this.#model;
    switch (command.call) {
      case "begin": {
        const kind = command.lane === null ? {} : { kind: "backfill" as const, backfill: command.lane };
        const run = await this.#agree(
          model.begin(command.lane),
          store.begin(key, { cursorType: "numeric_id", ...kind }),
        );
        if (run !== null) model.granted(command.lane, run.runId);
        return;
      }
      case "startOver":
        await this.#agree(model.startOver(), store.reset(key, { to: null, cursorType: "numeric_id", ...by }));
        return;
      case "reset": {
        const { partition, to } = command;
        const reset = { to: to === null ? null : String(to), cursorType: "numeric_id" as const, ...by };
        await this.#agree(model.reset(partition, to), store.reset(key, { ...reset, partition }));
        return;
      }
    }
    const run = model.runs.at(-1 - command.byRun) ?? model.runs[0];
    if (run === undefined) return;
    const ref = this.#ref(run);
    if (command.call === "fail") {
      await this.#agree(model.fail(run), store.fail(ref, { error: "x" }));
      return;
    }
    const { covered: own, moves, isCorrection } = command.write;
    const sequence = model.sequenceOf(run, command.write);
    const position = positionOf(null, own);
    const partitions = moves.map((move) => ({
      partition: move.partition,
      position: positionOf(move.watermark, move.covered),
    }));
    if (command.call === "complete") {
      await this.#agree(model.complete(run, command.write), store.complete(ref, { position, partitions }));
      return;
    }
    const made = { sequence, position, partitions, recordsProcessed: 0 };
    await this.#agree(
      model.checkpoint(run, command.write),
      store.checkpoint(ref, isCorrection ? { ...made, correction: "unordered" } : made),
    );
  }

  #ref({ backfill, runId, epoch }: ModelRun): RunRef {
    if (backfill === null) return { key: this.#key, kind: "live", runId, epoch };
    return { key: this.#key, kind: "backfill", runId, epoch, backfill };
  }

  async #agree<T>(expected: string | null, call: Promise<T>): Promise<T | null> {
    try {
      const answer = await call;
      expect("granted").toBe(expected ?? "granted");
      return answer;
    } catch (error) {
      if (!isTidemarkError(error)) throw error;
      expect(error.code).toBe(expected);
      return null;
    }
  }

  async compare(): Promise<void> {
    const store = this.#store;
    const key = this.#key;
    const model = this.#model;
    for (const partition of [null, ...names]) {
      const coverage = await store.coverage(key, partition === null ? {} : { partition });
      expect(coverage).toEqual(intervalsOf(model.coverage(partition)));
    }
    for (const name of names) {
      for (const backfill of [null, ...backfillIds]) {
        const stored = await store.partition(key, name, backfill === null ? {} : { backfill });
        const expected = model.partition(name, backfill);
        expect(
          stored === null ? null : { position: stored.position, tag: stored.positionTag },
          `${name} ${backfill}`,
        ).toEqual(
          expected === null
            ? null
            : { position: positionOf(expected.watermark, expected.covered), tag: expected.tag },
        );
      }
    }
    const audit = await store.audit({ key, limit: 1000 });
    expect(audit.items).toHaveLength(model.audited);
    const streams = model.isBegun ? 1 : 0;
    expect(await store.verifyAudit({ key })).toEqual({ streams, rows: model.audited });
  }
}

function positionOf(watermark: number | null, numbers: Numbers): Position {
  return {
    ...emptyPosition,
    watermark: watermark === null ? null : String(watermark),
    coverage: intervalsOf(numbers),
  };
}

function intervalsOf(numbers: Numbers): CursorRange[] {
  const found: CursorRange[] = [];
  let lower: number | null = null;
  for (let n = 1; n <= highest + 1; n++) {
    if (numbers.has(n)) lower ??= n - 1;
    else if (lower !== null) {
      found.push({ lower: String(lower), upper: String(n - 1) });
      lower = null;
    }
  }
  return found;
}

for (const backend of stateBackends) {
  describe(`any history of partitions and backfills on ${backend.name}`, () => {
    let harness: StateStoreHarness;
    let streams = 0;
    beforeAll(async () => {
      harness = await backend.open();
    });
    afterAll(() => harness.close());

    test("P3 P4 P9 P11 P12: has the outcome that the contract gives it", async () => {
      await fc.assert(
        fc.asyncProperty(
          fc.array(command, { minLength: 1, maxLength: 30, size: "max" }),
          async (commands) => {
            streams += 1;
            const pair = new Pair(harness.store, { connector: "model", stream: String(streams) });
            for (const command of commands) await pair.make(command);
            await pair.compare();
          },
        ),
        { numRuns: histories[backend.name] ?? inLongRun(15, 50) },
      );
    });
  });
}
