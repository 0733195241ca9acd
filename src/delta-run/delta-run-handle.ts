import { isTidemarkError, messageOf, TidemarkError } from "../errors.ts";
import { type CursorType, parseCursor } from "../model/cursor.ts";
import { emptyPosition, type Position } from "../model/position.ts";
import { formatStreamKey, type StreamKey } from "../model/stream-key.ts";
import { checkCount, keptMetadata } from "../state/arguments.ts";
import { keptText, withText } from "../state/committed-text.ts";
import type { Completion, Metadata, Run, StateStore, StreamState, WriteContext } from "../state/contract.ts";
import type { LeaseKeeper } from "../state/lease-keeper.ts";

/** A cursor in user code. Pass numbers past 2^53 as bigint or text. */
export type CursorInput = string | number | bigint;

/** What the callback of `deltaRun` works with. */
export interface DeltaRun {
  readonly key: StreamKey;
  readonly runId: string;
  readonly epoch: number;
  /** The watermark that the last run committed, to be read from inclusively; null on the first run. */
  readonly lowerBoundCursor: string | null;
  /**
   * Aborts with a `TidemarkError` as its reason: with `RUN_SUPERSEDED` when another run has taken the stream over, after
   * which nothing of this run is accepted; with `RUN_STOPPED` when somebody asked the run to stop (`tidemark stop`).
   * Then throw the reason, at best after a checkpoint, and the run ends as failed. Pass it to every call that takes a
   * signal.
   *
   * @example
   * await fetch(url, { signal: run.signal });
   * run.signal.throwIfAborted();
   */
  readonly signal: AbortSignal;
  /**
   * Says how far the run has come; completing commits it. The last call counts, and a checkpoint
   * stands for one. `null` is `keepCursor()`. Throws
   * `CURSOR_TYPE_MISMATCH` for a value that is none of the stream's cursor type. A backfill takes it
   * and commits nothing.
   */
  setNewCursor(cursor: CursorInput | null): void;
  /**
   * Says that the cursor stays where it is, on purpose: the source had nothing new. On a stream's first
   * run there is no cursor then, and the next run begins at nothing again. After a checkpoint the cursor
   * stays where that put it.
   *
   * ```ts
   * if (records.length === 0) run.keepCursor();
   * else run.setNewCursor(watermark);
   * ```
   */
  keepCursor(): void;
  /** Says how many records the run has processed so far. Throws `ARGUMENT_INVALID`. */
  setRecordsProcessed(count: number): void;
  /** A JSON object to keep with the run; replaces the one before. Throws `ARGUMENT_INVALID`. */
  setMetadata(metadata: Metadata): void;
  /**
   * Moves the watermark now, midway: what fails afterwards leaves it there. Durable when it resolves,
   * or with the caller's commit where a transaction is given. Renews the lease. Throws
   * `RUN_SUPERSEDED`, `CURSOR_REGRESSION`, `CURSOR_TYPE_MISMATCH`.
   */
  checkpoint(cursor: CursorInput, context?: WriteContext): Promise<void>;
  /**
   * Completes the run inside the caller's own open transaction on the state's database, so that rows
   * and cursor are committed together or not at all; nothing is completed at the end again. It takes a `pg` client,
   * a `DatabaseSync`, a transaction of Kysely, Drizzle or postgres.js, and any `StatementRunner`. May be
   * called once more, in another transaction, where the first was rolled back. Throws as
   * `StateStore.complete` does, and `CURSOR_NOT_SET`.
   *
   * ```ts
   * const own = new DatabaseSync("./.tidemark/state.db");
   * own.exec("BEGIN IMMEDIATE");
   * insertAll(own, records);
   * run.setNewCursor(watermark);
   * await run.complete({ transaction: own });
   * own.exec("COMMIT");
   * ```
   */
  complete(context?: WriteContext): Promise<StreamState>;
}

/** The longest error message that is stored, since the state is read at every begin. */
const longestError = 2000;

/** The run behind `DeltaRun`, with what `deltaRun` does at its end. */
export class DeltaRunHandle implements DeltaRun {
  readonly key: StreamKey;
  readonly runId: string;
  readonly epoch: number;
  readonly lowerBoundCursor: string | null;
  readonly signal: AbortSignal;
  readonly #state: StateStore;
  readonly #lease: LeaseKeeper;
  readonly #run: Run;
  readonly #cursorType: CursorType;
  #position: Position;
  #sequence = 0;
  /** Whether the store may have fewer checkpoints than were sent, because one was rolled back. */
  #uncertain = false;
  #lastCheckpoint: Promise<void> = Promise.resolve();
  /** The cursor to commit: null keeps the watermark, and undefined means not set yet. */
  #newCursor: string | null | undefined;
  #recordsProcessed: number | undefined;
  #metadata: Metadata | undefined;
  #completed: { readonly state: StreamState; readonly durable: boolean } | null = null;

  constructor(state: StateStore, run: Run, cursorType: CursorType, lease: LeaseKeeper, stopped: AbortSignal) {
    this.key = run.key;
    this.runId = run.runId;
    this.epoch = run.epoch;
    this.lowerBoundCursor = run.lowerBoundText;
    this.signal = AbortSignal.any([lease.signal, stopped]);
    this.#lease = lease;
    this.#state = state;
    this.#run = run;
    this.#cursorType = cursorType;
    this.#position = run.position;
  }

  setNewCursor(cursor: CursorInput | null): void {
    const watermark = cursor === null ? null : this.#read(cursor);
    this.#newCursor = typeof cursor === "string" ? cursor : watermark;
  }

  keepCursor(): void {
    this.#newCursor = null;
  }

  setRecordsProcessed(count: number): void {
    checkCount(this.key, count);
    this.#recordsProcessed = count;
  }

  setMetadata(metadata: Metadata): void {
    this.#metadata = keptMetadata(this.key, metadata);
  }

  async checkpoint(cursor: CursorInput, context: WriteContext = {}): Promise<void> {
    const watermark = this.#read(cursor);
    const text = typeof cursor === "string" ? cursor : watermark;
    const made = this.#lastCheckpoint.then(() => this.#makeCheckpoint({ watermark, text }, context));
    this.#lastCheckpoint = made.catch(() => {});
    await made;
  }

  async #makeCheckpoint(
    { watermark, text }: { readonly watermark: string; readonly text: string },
    context: WriteContext,
  ): Promise<void> {
    if (this.#run.kind === "backfill") {
      await this.#lease.renewing(() => this.#state.heartbeat(this.#run));
      return;
    }
    const { coverage } = this.#position;
    const position =
      watermark === this.#position.watermark
        ? withText(this.#position, text)
        : { ...emptyPosition, watermark, ...keptText(watermark, text), coverage };
    await this.#sendCheckpoint(position, context);
    this.#position = position;
    // Completing leaves the watermark where the store has it: a caller may roll this checkpoint back.
    this.#newCursor = null;
  }

  /**
   * Sends it under the next sequence. Where an earlier one was rolled back, or its answer was lost,
   * the store says which it knows; sending too high a number is refused and never taken for a
   * repetition, as one too low would be.
   */
  async #sendCheckpoint(position: Position, context: WriteContext): Promise<void> {
    const send = async (sequence: number): Promise<void> => {
      const made = { sequence, position, recordsProcessed: this.#recordsProcessed ?? 0 };
      await this.#lease.renewing(() => this.#state.checkpoint(this.#run, made, context));
    };
    let sequence = this.#sequence + 1;
    try {
      try {
        await send(sequence);
      } catch (error) {
        const known = this.#uncertain ? lastSequenceOf(error) : null;
        if (known === null) throw error;
        sequence = known + 1;
        await send(sequence);
      }
    } catch (error) {
      if (isTidemarkError(error) && !error.recoverable) throw error;
      this.#sequence = sequence;
      this.#uncertain = true;
      throw error;
    }
    this.#sequence = sequence;
    if (context.transaction !== undefined) this.#uncertain = true;
  }

  async complete(context: WriteContext = {}): Promise<StreamState> {
    await this.#lastCheckpoint;
    const completion = this.#completion();
    const state = await this.#state.complete(this.#run, completion, context);
    this.#completed = { state, durable: context.transaction === undefined };
    return state;
  }

  #completion(): Completion {
    const isBackfill = this.#run.kind === "backfill";
    const newCursor = this.#newCursor;
    if (!isBackfill && newCursor === undefined) {
      const stream = formatStreamKey(this.key);
      throw new TidemarkError("CURSOR_NOT_SET", `run ${this.runId} of ${stream} ended without a new cursor`, {
        stream,
      });
    }
    return {
      ...(isBackfill || newCursor == null ? {} : { newCursor }),
      ...this.#reported(),
    };
  }

  /** Completes what the callback has not completed itself, and makes sure of what it has. */
  async end(): Promise<StreamState> {
    if (this.#completed === null) return this.complete();
    if (!this.#completed.durable && !(await this.#isCommitted())) {
      const stream = formatStreamKey(this.key);
      throw new TidemarkError(
        "CURSOR_NOT_SET",
        `the transaction in which run ${this.runId} of ${stream} was completed is not committed`,
        { stream, hint: "Commit it before the callback returns, or throw where it was rolled back." },
      );
    }
    return this.#completed.state;
  }

  async #isCommitted(): Promise<boolean> {
    let after: string | null = null;
    do {
      const page: Awaited<ReturnType<StateStore["runs"]>> = await this.#state.runs(
        this.key,
        after === null ? {} : { after },
      );
      const found = page.items.find(({ runId }) => runId === this.runId);
      if (found !== undefined) return found.outcome === "completed";
      after = page.next;
    } while (after !== null);
    return false;
  }

  /** Records the failure; never throws, so that what failed the run is what its caller sees. */
  async fail(thrown: unknown): Promise<void> {
    await this.#lastCheckpoint;
    try {
      const error = failureOf(thrown).slice(0, longestError);
      await this.#state.fail(this.#run, { error, ...this.#reported() });
    } catch {
      // A newer run has the stream, or the store is out of reach; then the lease runs out by itself.
    }
  }

  #reported(): Pick<Completion, "recordsProcessed" | "metadata"> {
    return {
      ...(this.#recordsProcessed === undefined ? {} : { recordsProcessed: this.#recordsProcessed }),
      ...(this.#metadata === undefined ? {} : { metadata: this.#metadata }),
    };
  }

  #read(cursor: CursorInput): string {
    try {
      return parseCursor(this.#cursorType, cursor).value;
    } catch (cause) {
      const stream = formatStreamKey(this.key);
      throw new TidemarkError(
        "CURSOR_TYPE_MISMATCH",
        `${stream} keeps ${this.#cursorType} cursors: ${messageOf(cause)}`,
        { stream, cause },
      );
    }
  }
}

/** The history shows by its code that a run was stopped on purpose, as it does for pipelines. */
function failureOf(thrown: unknown): string {
  const message = messageOf(thrown);
  return isTidemarkError(thrown, "RUN_STOPPED") ? `${thrown.code}: ${message}` : message;
}

function lastSequenceOf(error: unknown): number | null {
  if (!isTidemarkError(error, "CHECKPOINT_OUT_OF_ORDER")) return null;
  const last = error.details?.last_sequence;
  return typeof last === "number" ? last : null;
}
