import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { isTidemarkError } from "../src/errors.ts";
import { emptyPosition } from "../src/model/position.ts";
import type { StreamKey } from "../src/model/stream-key.ts";
import type { RunRef } from "../src/state/contract.ts";
import type { StateStoreHarness } from "../testing/state-suite.ts";
import { inLongRun } from "./support/long-run.ts";
import { stateBackends } from "./support/state-backends.ts";
import { type ModelRun, StreamModel } from "./support/state-model.ts";

/** How many histories each backend is put through; those that go to a disk take longer. */
const histories: Readonly<Record<string, number>> = inLongRun(
  { memory: 200, files: 20, sqlite: 50, postgres: 25 },
  { memory: 500, files: 100, sqlite: 200, postgres: 150 },
);

/** Which of the runs so far a call is made by: mostly the newest, and often one that is over. */
const byRun = fc.oneof(
  { weight: 3, arbitrary: fc.constant(0) },
  { weight: 2, arbitrary: fc.nat({ max: 5 }) },
);
const cursor = fc.integer({ min: -3, max: 12 });

const command = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      call: fc.constant("begin" as const),
      ifRunning: fc.constantFrom("override" as const, "refuse" as const),
      epochFloor: fc.constantFrom(0, 0, 0, 7),
    }),
  },
  { weight: 1, arbitrary: fc.record({ call: fc.constant("beginAgain" as const), byRun }) },
  {
    weight: 6,
    arbitrary: fc.record({
      call: fc.constant("checkpoint" as const),
      byRun,
      // Mostly the next, sometimes the last one again or one too many.
      step: fc.constantFrom(1, 1, 1, 0, 2),
      cursor,
      isCorrection: fc.constantFrom(false, false, true),
    }),
  },
  { weight: 1, arbitrary: fc.record({ call: fc.constant("heartbeat" as const), byRun }) },
  {
    weight: 4,
    arbitrary: fc.record({ call: fc.constant("complete" as const), byRun, cursor: fc.option(cursor) }),
  },
  { weight: 2, arbitrary: fc.record({ call: fc.constant("fail" as const), byRun }) },
  { weight: 1, arbitrary: fc.record({ call: fc.constant("reset" as const), cursor: fc.option(cursor) }) },
  { weight: 1, arbitrary: fc.record({ call: fc.constant("rewind" as const), byRun }) },
  { weight: 1, arbitrary: fc.record({ call: fc.constant("expire" as const) }) },
);
type Command = typeof command extends fc.Arbitrary<infer T> ? T : never;

const text = (value: number | null): string | null => (value === null ? null : String(value));
const by = { reason: "a test wants it", actor: "ada" };

/** One stream in a store, and the model beside it. */
class Pair {
  readonly #harness: StateStoreHarness;
  readonly #key: StreamKey;
  readonly #model = new StreamModel();

  constructor(harness: StateStoreHarness, key: StreamKey) {
    this.#harness = harness;
    this.#key = key;
  }

  /** Makes the call on both, which have to agree on what comes of it. */
  async make(command: Command): Promise<void> {
    const { store } = this.#harness;
    const key = this.#key;
    const model = this.#model;
    switch (command.call) {
      case "begin": {
        const { ifRunning, epochFloor } = command;
        const expected = model.begin(ifRunning, epochFloor);
        const run = await this.#agree(
          expected,
          store.begin(key, { cursorType: "numeric_id", ifRunning, epochFloor }),
        );
        if (run === null) return;
        expect(run.epoch).toBe(model.epoch);
        expect(run.lowerBound?.value ?? null).toBe(text(model.watermark));
        model.granted(run.runId);
        return;
      }
      case "reset":
        await this.#agree(
          model.reset(command.cursor),
          store.reset(key, { to: text(command.cursor), cursorType: "numeric_id", ...by }),
        );
        return;
      case "expire":
        model.expireLease();
        if (model.status === "running" && model.current !== null)
          await this.#harness.expireLease(this.#ref(model.current));
        return;
    }
    const run = model.runs.at(-1 - command.byRun) ?? model.runs[0];
    if (run === undefined) return;
    const ref = this.#ref(run);
    switch (command.call) {
      case "beginAgain":
        await this.#agree(
          model.beginAgain(run),
          store.begin(key, { cursorType: "numeric_id", runId: run.runId }),
        );
        return;
      case "checkpoint": {
        const sequence = Math.max(1, model.sequence + command.step);
        const position = { ...emptyPosition, watermark: String(command.cursor) };
        const made = { sequence, position, recordsProcessed: sequence * 10 };
        const expected = model.checkpoint(run, sequence, command.cursor, command.isCorrection);
        await this.#agree(
          expected,
          store.checkpoint(ref, command.isCorrection ? { ...made, correction: "unordered" } : made),
        );
        return;
      }
      case "heartbeat":
        await this.#agree(model.heartbeat(run), store.heartbeat(ref));
        return;
      case "complete": {
        const { cursor } = command;
        const completion = cursor === null ? {} : { newCursor: String(cursor) };
        await this.#agree(model.complete(run, cursor), store.complete(ref, completion));
        return;
      }
      case "fail":
        await this.#agree(model.fail(run), store.fail(ref, { error: "x" }));
        return;
      case "rewind":
        await this.#agree(model.rewind(run), store.rewind(key, { toRun: run.runId, ...by }));
        return;
    }
  }

  #ref(run: ModelRun): RunRef {
    return { key: this.#key, kind: "live", runId: run.runId, epoch: run.epoch };
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

  async compareState(): Promise<void> {
    const state = await this.#harness.store.get(this.#key);
    const { epoch, status, watermark, sequence, records } = this.#model;
    if (epoch === 0) {
      expect(state).toBeNull();
      return;
    }
    expect({
      epoch: state?.epoch,
      status: state?.status,
      watermark: state?.position.watermark,
      cursor: state?.cursor?.value ?? null,
      sequence: state?.sequence,
      records: state?.recordsProcessed,
      leased: state?.lease !== null,
    }).toEqual({
      epoch,
      status,
      watermark: text(watermark),
      cursor: text(watermark),
      sequence,
      records,
      leased: status === "running",
    });
  }

  async compareHistory(): Promise<void> {
    if (this.#model.epoch === 0) return;
    const { store } = this.#harness;
    const runs = (await store.runs(this.#key, { limit: 1000 })).items;
    expect(
      runs.map(({ runId, epoch, outcome, lowerBound, newCursor, checkpoints }) => {
        return { runId, epoch, outcome, lowerBound, newCursor, checkpoints };
      }),
    ).toEqual(
      this.#model.runs.toReversed().map(({ runId, epoch, outcome, lower, end, checkpoints }) => {
        const ended = { lowerBound: text(lower), newCursor: text(end), checkpoints };
        return { runId, epoch, outcome, ...(outcome === "running" ? { ...ended, checkpoints: 0 } : ended) };
      }),
    );
    const audit = (await store.audit({ key: this.#key, limit: 1000 })).items;
    expect(audit.map(({ action, oldCursor, newCursor }) => [action, oldCursor, newCursor])).toEqual(
      this.#model.audit.map((row) => [row.action, text(row.old), text(row.new)]),
    );
    expect(await store.verifyAudit({ key: this.#key })).toEqual({ streams: 1, rows: audit.length });
  }
}

for (const backend of stateBackends) {
  describe(`any history of calls on ${backend.name}`, () => {
    let harness: StateStoreHarness;
    let streams = 0;
    beforeAll(async () => {
      harness = await backend.open();
    });
    afterAll(() => harness.close());

    test("P3, P4, P8, P12: has the outcome that the contract gives it", async () => {
      await fc.assert(
        fc.asyncProperty(
          fc.array(command, { minLength: 1, maxLength: 30, size: "max" }),
          async (commands) => {
            streams += 1;
            const pair = new Pair(harness, { connector: "model", stream: String(streams) });
            for (const command of commands) {
              await pair.make(command);
              await pair.compareState();
            }
            await pair.compareHistory();
          },
        ),
        { numRuns: histories[backend.name] ?? inLongRun(15, 50) },
      );
    });
  });
}
