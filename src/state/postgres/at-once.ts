import { isTidemarkError } from "../../errors.ts";
import { type CursorType, sortKey } from "../../model/cursor.ts";
import { stringifyJson } from "../../model/json.ts";
import { emptyPosition, encodePosition, type Position } from "../../model/position.ts";
import type { StreamKey } from "../../model/stream-key.ts";
import type { BeginOptions, Checkpoint, Metadata, Run, RunRef, StreamState } from "../contract.ts";
import { defaultLeaseSeconds } from "../lifecycle.ts";
import { laneOf } from "../rows.ts";
import { auditPlace, auditTail } from "./audit-hash.ts";
import { coverageOf, cursorTypeOf, numberOf, positionOf, textOf } from "./columns.ts";
import { canonicalValue, HeldTypes } from "./held-types.ts";
import type { Ledger } from "./ledger.ts";
import { boundaryValues, coverageValues, positionParameter } from "./parameters.ts";
import type { Runner } from "./session.ts";
import type { Row, Statement, Value } from "./statement.ts";
import type { Steps } from "./steps.ts";

/** How a run ends. */
export interface End {
  readonly records: number | null;
  readonly metadata: Metadata | null;
}

/**
 * A run's steps, each as one statement where nothing stands in its way. Null, or false, where
 * something does: then nothing was changed.
 */
export class AtOnce {
  readonly #ledger: Ledger;
  readonly #steps: Steps;
  readonly #types = new HeldTypes();

  constructor(ledger: Ledger, steps: Steps) {
    this.#ledger = ledger;
    this.#steps = steps;
  }

  /** A backfill has a row of its own, which no statement here makes. */
  async begin(key: StreamKey, runId: string, options: BeginOptions): Promise<Run | null> {
    if (options.kind === "backfill") return null;
    const { database } = this.#ledger;
    const { cursorType, epochFloor = 0, actor = null, owner, leaseSeconds = defaultLeaseSeconds } = options;
    const row = await one(database, this.#steps.begin, {
      ...key,
      lane: "",
      run_id: runId,
      cursor_type: cursorType,
      epoch_floor: epochFloor,
      actor,
      lease_seconds: leaseSeconds,
      owner: owner === undefined ? null : stringifyJson(owner),
    });
    if (row === null) return null;
    return this.#granted(
      { key, kind: "live", runId, epoch: numberOf(row, "epoch", database.place) },
      leaseSeconds,
      row,
    );
  }

  async #granted(run: RunRef, leaseSeconds: number, row: Row): Promise<Run> {
    const { place } = this.#ledger.database;
    const position = positionOf(row, place);
    const cursorType = cursorTypeOf(row, place);
    const { watermark } = position;
    if (watermark !== null && canonicalValue(cursorType, watermark) !== watermark) {
      // Nobody can go on from there; reading the whole row says what is wrong with it.
      await this.#ledger.rows.read(run.key, "");
    }
    this.remember(run, cursorType);
    return {
      ...run,
      cursorType,
      lowerBound: watermark === null || cursorType === null ? null : { type: cursorType, value: watermark },
      position,
      positionTag: tagOf(row, place),
      leaseSeconds,
      startedAtUtc: textOf(row, "started_at_utc", place),
      supersededRunId: null,
    };
  }

  async heartbeat(run: RunRef): Promise<boolean> {
    return (await one(this.#ledger.database, this.#steps.heartbeat, named(run))) !== null;
  }

  async checkpoint(runner: Runner, run: RunRef, made: Checkpoint): Promise<boolean> {
    // How far a correction may go back is for the rule to say.
    if (made.correction !== undefined) return false;
    const { position, recordsProcessed, sequence } = made;
    const to = await this.#destination(runner, run, position.watermark);
    if (to === null) return false;
    const row = await one(runner, this.#steps.checkpoint, {
      ...moved(run, to, position, recordsProcessed),
      ...boundaryValues(position),
      ...coverageValues(position),
      sequence,
    });
    return row !== null;
  }

  async completeAtCursor(
    runner: Runner,
    run: RunRef,
    newCursor: string,
    end: End,
  ): Promise<StreamState | null> {
    const type = await this.#typeOf(runner, run);
    if (type === undefined || type === null) return null;
    const value = canonicalValue(type, newCursor);
    if (value === null) return null;
    const position = { ...emptyPosition, watermark: value };
    const row = await one(runner, this.#steps.completeAtCursor, {
      ...moved(run, { type, value, sortKey: sortKey(type, value) }, position, end.records),
      metadata: json(end.metadata),
    });
    if (row === null) return null;
    const { place } = runner;
    // The row has a position where the cursor is the old one: then nothing of it was dropped.
    const kept =
      row.position === null ? { ...position, coverage: coverageOf(row, place) } : positionOf(row, place);
    return completedState(run, row, place, { cursorType: type, position: kept, metadata: end.metadata });
  }

  async completeAtPosition(
    runner: Runner,
    run: RunRef,
    position: Position,
    end: End,
  ): Promise<StreamState | null> {
    const to = await this.#destination(runner, run, position.watermark);
    if (to === null) return null;
    const row = await one(runner, this.#steps.completeAtPosition, {
      ...moved(run, to, position, end.records),
      ...boundaryValues(position),
      ...coverageValues(position),
      metadata: json(end.metadata),
      end_position: encodePosition({ ...position, boundary: [], window: null }),
    });
    if (row === null) return null;
    return completedState(run, row, runner.place, { cursorType: to.type, position, metadata: end.metadata });
  }

  /** Ends the run where it stands: failed with the error, completed without one. */
  async end(runner: Runner, run: RunRef, end: End & { error: string | null }): Promise<StreamState | null> {
    const outcome = end.error === null ? "completed" : "failed";
    const row = await one(runner, this.#steps.endWhereItStands, {
      ...named(run),
      outcome,
      error: end.error,
      records: end.records,
      metadata: json(end.metadata),
    });
    if (row === null) return null;
    const { place } = runner;
    const known = {
      cursorType: cursorTypeOf(row, place),
      position: positionOf(row, place),
      metadata: end.metadata,
    };
    return {
      ...completedState(run, row, place, known),
      positionTag: tagOf(row, place),
      status: outcome,
      lastError: end.error,
    };
  }

  remember(run: RunRef, cursorType: CursorType | null): void {
    this.#types.set(run, cursorType);
  }

  forget(run: RunRef): void {
    this.#types.delete(run);
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
    this.remember(run, row.cursorType);
    return row.cursorType;
  }
}

interface Destination {
  readonly type: CursorType | null;
  readonly value: string | null;
  readonly sortKey: string | null;
}

/** What the rules have better words for: a run id that the history has, a position that is no JSON. */
const forTheRules: readonly unknown[] = ["23505", "22P02"];

/** The statement's row; null where it changed nothing. */
async function one<P extends string>(
  runner: Runner,
  statement: Statement<P>,
  values: Readonly<Record<P, Value>>,
): Promise<Row | null> {
  try {
    const [row = null] = await runner.run(statement, values);
    return row;
  } catch (error) {
    if (isTidemarkError(error) && forTheRules.includes(error.details?.sqlState)) return null;
    throw error;
  }
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

function tagOf(row: Row, place: string) {
  return {
    epoch: numberOf(row, "position_epoch", place),
    sequence: numberOf(row, "position_sequence", place),
  };
}

/** The state of a stream whose run has just completed with its own cursor or position. */
function completedState(
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
