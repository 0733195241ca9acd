import { randomUUID } from "node:crypto";
import { isTidemarkError } from "../../errors.ts";
import { type CursorType, sortKey } from "../../model/cursor.ts";
import { stringifyJson } from "../../model/json.ts";
import { emptyPosition, encodePosition, type Position } from "../../model/position.ts";
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
import { auditPlace, auditTail } from "./audit-hash.ts";
import { coverageOf, cursorTypeOf, numberOf, positionOf, textOf } from "./columns.ts";
import { canonicalValue, HeldTypes } from "./held-types.ts";
import type { Ledger } from "./ledger.ts";
import { boundaryValues, coverageValues, positionParameter, storable } from "./parameters.ts";
import type { Runner } from "./session.ts";
import type { Row } from "./statement.ts";
import type { Steps } from "./steps.ts";

/**
 * The steps of a run. Each is first tried as the one statement of `steps.ts`, which makes it where
 * nothing stands in the way. Where that changes nothing, the pure step of `lifecycle.ts` tells why:
 * it refuses, or finds a repetition, or has something rarer to do, which is then done under the lock
 * of the row.
 */
export class RunSteps {
  readonly #ledger: Ledger;
  readonly #steps: Steps;
  readonly #types = new HeldTypes();

  constructor(ledger: Ledger, steps: Steps) {
    this.#ledger = ledger;
    this.#steps = steps;
  }

  async begin(key: StreamKey, options: BeginOptions): Promise<Run> {
    checkBegin(key, options);
    const runId = options.runId ?? randomUUID();
    const run =
      (await this.#beginAtOnce(key, runId, options)) ?? (await this.#beginByRule(key, runId, options));
    this.#types.set(run, run.cursorType);
    return run;
  }

  /** A backfill has a row of its own, which the statement does not make. */
  async #beginAtOnce(key: StreamKey, runId: string, options: BeginOptions): Promise<Run | null> {
    if (options.kind === "backfill") return null;
    const { cursorType, epochFloor = 0, actor = null, owner } = options;
    const leaseSeconds = options.leaseSeconds ?? lifecycle.defaultLeaseSeconds;
    const [row] = await this.#ledger.database
      .run(this.#steps.begin, {
        ...key,
        lane: "",
        run_id: runId,
        cursor_type: cursorType,
        epoch_floor: epochFloor,
        actor,
        lease_seconds: leaseSeconds,
        owner: owner === undefined ? null : stringifyJson(owner),
      })
      .catch(noRowWhereRunIsKnown);
    if (row === undefined) return null;
    return this.#granted({ key, kind: "live", runId }, leaseSeconds, row);
  }

  async #granted(run: Omit<RunRef, "epoch">, leaseSeconds: number, row: Row): Promise<Run> {
    const { place } = this.#ledger.database;
    const position = positionOf(row, place);
    const cursorType = cursorTypeOf(row, place);
    const { watermark } = position;
    if (watermark !== null && canonicalValue(cursorType, watermark) !== watermark) {
      // Nobody can go on from there; reading the row says what is wrong with it.
      await this.#ledger.rows.read(run.key, "");
    }
    return {
      ...run,
      epoch: numberOf(row, "epoch", place),
      cursorType,
      lowerBound: watermark === null || cursorType === null ? null : { type: cursorType, value: watermark },
      position,
      positionTag: {
        epoch: numberOf(row, "position_epoch", place),
        sequence: numberOf(row, "position_sequence", place),
      },
      leaseSeconds,
      startedAtUtc: textOf(row, "started_at_utc", place),
      supersededRunId: null,
    };
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
    return lifecycle.grantedRun(row, { key, kind, runId, epoch: row.epoch }, supersededRunId);
  }

  async heartbeat(run: RunRef): Promise<void> {
    const [row] = await this.#ledger.database.run(this.#steps.heartbeat, named(run));
    if (row !== undefined) return;
    await this.#byRule(run, {}, (held, now) => ({
      row: lifecycle.heartbeat(held, run, now),
      runs: [],
      audit: [],
    }));
  }

  async checkpoint(run: RunRef, made: Checkpoint, context: WriteContext): Promise<void> {
    checkCheckpoint(run.key, made);
    const { position, recordsProcessed, sequence } = made;
    const done = await this.#ledger.using(context, async (runner) => {
      // How far a correction may go back is for the rule to say.
      if (made.correction !== undefined) return false;
      const to = await this.#destination(runner, run, position.watermark);
      if (to === null) return false;
      const rows = await runner.run(this.#steps.checkpoint, {
        ...moved(run, to, position, recordsProcessed),
        ...boundaryValues(position),
        ...coverageValues(position),
        sequence,
      });
      return rows.length === 1;
    });
    if (!done) await this.#byRule(run, context, (row, now) => lifecycle.checkpoint(row, run, made, now));
  }

  async complete(run: RunRef, done: Completion, context: WriteContext): Promise<StreamState> {
    checkCompletion(run.key, done);
    const metadata = done.metadata === undefined ? null : keptMetadata(run.key, done.metadata);
    const state = await this.#ledger.using(context, (runner) => {
      const { recordsProcessed: records = null, newCursor, position } = done;
      if (newCursor !== undefined) return this.#completeAtCursor(runner, run, newCursor, records, metadata);
      if (position !== undefined) return this.#completeAtPosition(runner, run, position, records, metadata);
      return this.#endWhereItStands(runner, run, { outcome: "completed", error: null, records, metadata });
    });
    return this.#ended(
      run,
      state ?? (await this.#byRule(run, context, (row, now) => lifecycle.complete(row, run, done, now))),
    );
  }

  async fail(run: RunRef, failure: Failure): Promise<StreamState> {
    checkFailure(run.key, failure);
    const metadata = failure.metadata === undefined ? null : keptMetadata(run.key, failure.metadata);
    const end = {
      outcome: "failed" as const,
      error: storable(failure.error),
      records: failure.recordsProcessed ?? null,
      metadata,
    };
    const state = await this.#endWhereItStands(this.#ledger.database, run, end);
    return this.#ended(
      run,
      state ?? (await this.#byRule(run, {}, (row, now) => lifecycle.fail(row, run, failure, now))),
    );
  }

  #ended(run: RunRef, state: StreamState): StreamState {
    this.#types.delete(run);
    return state;
  }

  async #byRule(
    run: RunRef,
    context: WriteContext,
    step: (row: StreamRow | null, now: number) => Change | null,
  ): Promise<StreamState> {
    const subject = { key: run.key, lane: laneOf(run.kind, run.runId) };
    const row = await this.#ledger.decide(context, subject, async ({ row: held, now }) => step(held, now));
    return streamState(row);
  }

  async #completeAtCursor(
    runner: Runner,
    run: RunRef,
    newCursor: string,
    records: number | null,
    metadata: Metadata | null,
  ): Promise<StreamState | null> {
    const type = await this.#typeOf(runner, run);
    const value = type === undefined ? null : canonicalValue(type, newCursor);
    if (type === undefined || type === null || value === null) return null;
    const position = { ...emptyPosition, watermark: value };
    const [row] = await runner.run(this.#steps.completeAtCursor, {
      ...moved(run, { type, value, sortKey: sortKey(type, value) }, position, records),
      metadata: json(metadata),
    });
    if (row === undefined) return null;
    const { place } = runner;
    const stands =
      row.position === null ? { ...position, coverage: coverageOf(row, place) } : positionOf(row, place);
    return endedState(run, row, place, { cursorType: type, position: stands, metadata });
  }

  async #completeAtPosition(
    runner: Runner,
    run: RunRef,
    position: Position,
    records: number | null,
    metadata: Metadata | null,
  ): Promise<StreamState | null> {
    const to = await this.#destination(runner, run, position.watermark);
    if (to === null) return null;
    const [row] = await runner.run(this.#steps.completeAtPosition, {
      ...moved(run, to, position, records),
      ...boundaryValues(position),
      ...coverageValues(position),
      metadata: json(metadata),
      end_position: encodePosition({ ...position, boundary: [], window: null }),
    });
    if (row === undefined) return null;
    return endedState(run, row, runner.place, { cursorType: to.type, position, metadata });
  }

  async #endWhereItStands(
    runner: Runner,
    run: RunRef,
    end: {
      outcome: "completed" | "failed";
      error: string | null;
      records: number | null;
      metadata: Metadata | null;
    },
  ): Promise<StreamState | null> {
    const { outcome, error, records, metadata } = end;
    const [row] = await runner.run(this.#steps.endWhereItStands, {
      ...named(run),
      outcome,
      error,
      records,
      metadata: json(metadata),
    });
    if (row === undefined) return null;
    const { place } = runner;
    return {
      ...endedState(run, row, place, {
        cursorType: cursorTypeOf(row, place),
        position: positionOf(row, place),
        metadata,
      }),
      positionTag: {
        epoch: numberOf(row, "position_epoch", place),
        sequence: numberOf(row, "position_sequence", place),
      },
      status: outcome,
      lastError: error,
    };
  }

  /** The watermark with what SQL compares it by; null where it is not one of the stream's. */
  async #destination(runner: Runner, run: RunRef, watermark: string | null): Promise<Destination | null> {
    const type = await this.#typeOf(runner, run);
    if (type === undefined) return null;
    if (watermark === null) return { type, value: null, sortKey: null };
    if (type === null || canonicalValue(type, watermark) !== watermark) return null;
    return { type, value: watermark, sortKey: sortKey(type, watermark) };
  }

  /** The cursor type of a run's stream, which stays while the run has it; undefined where it has it no more. */
  async #typeOf(runner: Runner, run: RunRef): Promise<CursorType | null | undefined> {
    const known = this.#types.get(run);
    if (known !== undefined) return known;
    // Granted by another process: one look more.
    const { row } = await this.#ledger.rowsOn(runner).read(run.key, laneOf(run.kind, run.runId));
    if (row === null || row.epoch !== run.epoch || row.runId !== run.runId) return undefined;
    this.#types.set(run, row.cursorType);
    return row.cursorType;
  }
}

interface Destination {
  readonly type: CursorType | null;
  readonly value: string | null;
  readonly sortKey: string | null;
}

/** A run id that the history has is not granted by the statement; the rule says what is to be said of it. */
function noRowWhereRunIsKnown(error: unknown): Row[] {
  if (isTidemarkError(error) && error.details?.sqlState === "23505") return [];
  throw error;
}

function named(run: RunRef) {
  return { ...run.key, lane: laneOf(run.kind, run.runId), run_id: run.runId, epoch: run.epoch };
}

function moved(run: RunRef, to: Destination, position: Position, records: number | null) {
  return {
    ...named(run),
    cursor_type: to.type,
    value: to.value,
    sort_key: to.sortKey,
    position: positionParameter(run.key, position),
    records,
    audit_place: auditPlace(run.key),
    audit_tail: auditTail(to.value, run.runId),
  };
}

function json(metadata: Metadata | null): string | null {
  return metadata === null ? null : stringifyJson(metadata);
}

/** The state of a stream whose run has just been completed with a position or cursor of its own. */
function endedState(
  run: RunRef,
  row: Row,
  place: string,
  known: { cursorType: CursorType | null; position: Position; metadata: Metadata | null },
): StreamState {
  const { cursorType, position, metadata } = known;
  const { watermark } = position;
  const sequence = numberOf(row, "sequence", place);
  return {
    key: run.key,
    cursorType,
    cursor: watermark === null || cursorType === null ? null : { type: cursorType, value: watermark },
    position,
    positionTag: { epoch: run.epoch, sequence },
    status: "completed",
    epoch: run.epoch,
    sequence,
    runId: run.runId,
    startedAtUtc: textOf(row, "started_at_utc", place),
    lease: null,
    lastError: null,
    recordsProcessed: numberOf(row, "records_processed", place),
    metadata,
    updatedAtUtc: textOf(row, "at_utc", place),
  };
}
