import { randomUUID } from "node:crypto";
import type { StreamKey } from "../../model/stream-key.ts";
import { checkBegin, checkCheckpoint, checkCompletion, checkFailure, keptMetadata } from "../arguments.ts";
import type {
  BeginOptions,
  Checkpoint,
  Completion,
  Failure,
  Metadata,
  Run,
  RunRef,
  StreamState,
  WriteContext,
} from "../contract.ts";
import * as lifecycle from "../lifecycle.ts";
import { type Change, laneOf, type StreamRow } from "../rows.ts";
import { streamState } from "../view.ts";
import { AtOnce } from "./at-once.ts";
import type { Ledger } from "./ledger.ts";
import { storable } from "./parameters.ts";
import type { Runner } from "./session.ts";
import type { Steps } from "./steps.ts";

/**
 * The steps of a run. Each is first tried as one statement. Where that changes nothing, the pure
 * step of `lifecycle.ts` tells why: it refuses, or finds a repetition, or has something rarer to do,
 * which is then done under the lock of the row.
 */
export class RunSteps {
  readonly #ledger: Ledger;
  readonly #atOnce: AtOnce;

  constructor(ledger: Ledger, steps: Steps) {
    this.#ledger = ledger;
    this.#atOnce = new AtOnce(ledger, steps);
  }

  async begin(key: StreamKey, options: BeginOptions): Promise<Run> {
    checkBegin(key, options);
    const runId = options.runId ?? randomUUID();
    return (await this.#atOnce.begin(key, runId, options)) ?? (await this.#beginByRule(key, runId, options));
  }

  async #beginByRule(key: StreamKey, runId: string, options: BeginOptions): Promise<Run> {
    const kind = options.kind ?? "live";
    const lane = laneOf(kind, runId);
    const subject = { key, lane, ...(options.runId === undefined ? {} : { runId }) };
    let supersededRunId: string | null = null;
    const row = await this.#ledger.decide({}, subject, async (found, rows) => {
      const live = lane === "" ? found.row : (await rows.read(key, "")).row;
      lifecycle.refuseEndedRun(found.row, found.run);
      const begun = lifecycle.begin(found.row, live, key, runId, options, found.now);
      supersededRunId = begun.supersededRunId;
      return begun.runs.length === 0 ? null : begun;
    });
    const run = lifecycle.grantedRun(row, { key, kind, runId, epoch: row.epoch }, supersededRunId);
    this.#atOnce.remember(run, run.cursorType);
    return run;
  }

  async heartbeat(run: RunRef): Promise<void> {
    if (await this.#atOnce.heartbeat(run)) return;
    await this.#byRule(run, {}, (held, now) => ({
      row: lifecycle.heartbeat(held, run, now),
      runs: [],
      audit: [],
    }));
  }

  async checkpoint(run: RunRef, made: Checkpoint, context: WriteContext): Promise<void> {
    checkCheckpoint(run.key, made);
    const done = await this.#ledger.using(context, (runner) => this.#atOnce.checkpoint(runner, run, made));
    if (!done) await this.#byRule(run, context, (row, now) => lifecycle.checkpoint(row, run, made, now));
  }

  async complete(run: RunRef, done: Completion, context: WriteContext): Promise<StreamState> {
    checkCompletion(run.key, done);
    const metadata = kept(run.key, done.metadata);
    const state =
      (await this.#ledger.using(context, (runner) => this.#completeAtOnce(runner, run, done, metadata))) ??
      (await this.#byRule(run, context, (row, now) => lifecycle.complete(row, run, done, now)));
    this.#atOnce.forget(run);
    return state;
  }

  #completeAtOnce(
    runner: Runner,
    run: RunRef,
    { newCursor, position, recordsProcessed }: Completion,
    metadata: Metadata | null,
  ): Promise<StreamState | null> {
    const end = { records: recordsProcessed ?? null, metadata };
    if (newCursor !== undefined) return this.#atOnce.completeAtCursor(runner, run, newCursor, end);
    if (position !== undefined) return this.#atOnce.completeAtPosition(runner, run, position, end);
    return this.#atOnce.end(runner, run, { ...end, error: null });
  }

  async fail(run: RunRef, failure: Failure): Promise<StreamState> {
    checkFailure(run.key, failure);
    const end = {
      error: storable(failure.error),
      records: failure.recordsProcessed ?? null,
      metadata: kept(run.key, failure.metadata),
    };
    const state =
      (await this.#atOnce.end(this.#ledger.database, run, end)) ??
      (await this.#byRule(run, {}, (row, now) => lifecycle.fail(row, run, failure, now)));
    this.#atOnce.forget(run);
    return state;
  }

  async #byRule(
    run: RunRef,
    context: WriteContext,
    step: (row: StreamRow | null, now: number) => Change | null,
  ): Promise<StreamState> {
    const subject = { key: run.key, lane: laneOf(run.kind, run.runId) };
    return streamState(await this.#ledger.decide(context, subject, async ({ row, now }) => step(row, now)));
  }
}

function kept(key: StreamKey, metadata: Metadata | undefined): Metadata | null {
  return metadata === undefined ? null : keptMetadata(key, metadata);
}
