import type { Clock } from "../clock.ts";
import { isTidemarkError } from "../errors.ts";
import { emptyPosition, type Position } from "../model/position.ts";
import type { Completion, Run, StateStore } from "../state/contract.ts";
import { LeaseKeeper } from "../state/lease-keeper.ts";
import type { FaultInjector } from "./fault-points.ts";
import { planRead } from "./plan-read.ts";
import type { Commit, InputSession, OutputSession, PartContext, Pipeline, Warn } from "./ports.ts";
import { cancellation, type Progress, ReadLoop } from "./read-loop.ts";
import type { Warnings } from "./result.ts";
import { startingPosition } from "./starting-position.ts";
import type { Tracker } from "./tracker.ts";

export interface RunParts {
  readonly pipeline: Pipeline;
  readonly run: Run;
  readonly session: OutputSession;
  readonly state: StateStore;
  readonly clock: Clock;
  readonly faults: FaultInjector;
  readonly fullRefresh: boolean;
  readonly cancelled: AbortSignal | undefined;
  readonly warn: Warn;
  readonly warnings: Warnings;
  readonly context: (signal: AbortSignal) => PartContext;
  /** Told where the run starts, once that is settled between state and output. */
  readonly onStart: (start: Position) => void;
  readonly onProgress: (progress: Progress) => void;
}

/** Takes a granted run from its claim on the output to its completion. Throws whatever ends it early. */
export async function runToEnd(parts: RunParts): Promise<void> {
  using lease = new LeaseKeeper(parts.state, parts.run, parts.clock);
  const reading = new AbortController();
  const signals = [lease.signal, reading.signal, ...(parts.cancelled === undefined ? [] : [parts.cancelled])];
  const signal = AbortSignal.any(signals);
  let input: InputSession | undefined;
  try {
    const commits = new Commits(parts, lease);
    const start = await commits.claim();
    const context = parts.context(signal);
    input = await parts.pipeline.input.open(context);
    const stopReading = () => reading.abort();
    await readAndCommit(parts, { lease, commits, start, input, context, stopReading });
  } catch (error) {
    // A run that has lost its stream says so, whatever the interruption looked like from inside.
    throw lease.signal.aborted ? lease.signal.reason : error;
  } finally {
    reading.abort();
    await input?.close();
  }
}

interface Reading {
  readonly lease: LeaseKeeper;
  readonly commits: Commits;
  readonly start: Position;
  readonly input: InputSession;
  readonly context: PartContext;
  readonly stopReading: () => void;
}

/** Goes on inside an unfinished window where it can, and else reads the window from its start. */
async function readAndCommit(parts: RunParts, reading: Reading): Promise<void> {
  try {
    await readWindow(parts, reading);
  } catch (error) {
    const { start } = reading;
    if (!isTidemarkError(error, "RESUME_REFUSED") || start.window === null) throw error;
    parts.warn("RESUME_REFUSED", `${error.message}; the window is read from its start`);
    await readWindow(parts, { ...reading, start: { ...start, window: { ...start.window, resume: null } } });
  }
}

async function readWindow(parts: RunParts, reading: Reading): Promise<void> {
  const { pipeline, session, run, warn } = parts;
  const { start, input, commits, context, stopReading } = reading;
  const { startedAtUtc: startedAt } = run;
  const { clock } = parts;
  const plan = await planRead({ pipeline, session, start, startedAt, input, clock, warn });
  const { tracker, guard, request } = plan;
  commits.follow(tracker);
  const loop = new ReadLoop({
    tracker,
    guard,
    filters: pipeline.filters,
    filterContext: { ...context, runId: run.runId },
    session,
    pagesPerCheckpoint: pipeline.input.incremental.pagesPerCheckpoint,
    confirm: () => reading.lease.confirm(),
    commit: (disorder) => commits.checkpoint(loop, disorder),
    onPage: () => parts.onProgress(commits.progress(loop)),
    stopReading,
    faults: parts.faults,
  });
  try {
    await loop.run(input.read({ ...request, signal: context.signal }), parts.cancelled);
  } catch (error) {
    parts.onProgress(commits.progress(loop));
    if (!parts.cancelled?.aborted || reading.lease.signal.aborted) throw error;
    if (loop.committable && !commits.failed) await commits.checkpoint(loop, null);
    throw cancellation();
  }
  await commits.complete(loop);
  parts.onProgress(commits.progress(loop));
}

/**
 * Makes what was written durable, rows and position together: first the output, with the state's own
 * change inside its transaction where the two share a database, and otherwise the state after it
 * (promise P5).
 */
class Commits {
  readonly #parts: RunParts;
  readonly #lease: LeaseKeeper;
  readonly #together: boolean;
  #tracker: Tracker | null = null;
  #start: Position = emptyPosition;
  #sequence = 0;
  #checkpoints = 0;
  #watermark: string | null = null;
  /** What the output is known to hold unfinished from before, so that a quiet run can still finish it. */
  #unfinished = false;
  /** Whether a commit was refused or broke off; nothing may be committed after it. */
  failed = false;

  constructor(parts: RunParts, lease: LeaseKeeper) {
    this.#parts = parts;
    this.#lease = lease;
    const { databaseIdentity } = parts.session;
    this.#together = databaseIdentity !== null && databaseIdentity === parts.state.databaseIdentity;
  }

  follow(tracker: Tracker): void {
    this.#tracker = tracker;
  }

  progress(loop: ReadLoop): Progress {
    const { recordsRead, recordsWritten, pages } = loop;
    return { recordsRead, recordsWritten, pages, checkpoints: this.#checkpoints, watermark: this.#watermark };
  }

  /** Shuts older runs out of the output and finds where this one starts. */
  async claim(): Promise<Position> {
    const { run, session, pipeline, fullRefresh, faults } = this.#parts;
    const mark = await session.claim(run.epoch, run.runId);
    await faults("afterClaim");
    const start = startingPosition(run, mark, pipeline.output);
    this.#start = start.position;
    this.#watermark = start.position.watermark;
    this.#unfinished = start.position.window !== null;
    this.#parts.onStart(start.position);
    // What was delivered in an unfinished window counts no longer when everything is read anew.
    if (start.adopted || fullRefresh) await this.#commit(start.position, 0, fullRefresh, null);
    return start.position;
  }

  async checkpoint(loop: ReadLoop, disorder: string | null): Promise<void> {
    if (disorder !== null) this.#parts.warn("ORDER_BROKEN", brokenOrder(disorder));
    const position = this.#position(false);
    const goesBack = disorder !== null && position.watermark !== this.#watermark;
    await this.#commit(position, loop.recordsWritten, false, goesBack ? brokenOrder(disorder) : null);
    this.#checkpoints += 1;
    loop.committed();
  }

  async complete(loop: ReadLoop): Promise<void> {
    const { state, run, faults, warnings } = this.#parts;
    const changed = loop.dirty || this.#unfinished || this.#tracker?.recordsRuns === true;
    const completion: Completion = {
      recordsProcessed: loop.recordsWritten,
      metadata: {
        records_read: loop.recordsRead,
        records_written: loop.recordsWritten,
        pages: loop.pages,
        warnings: warnings.list(),
      },
      ...(changed ? { position: this.#position(true) } : {}),
    };
    await faults("beforeComplete");
    if (completion.position !== undefined) {
      const { position } = completion;
      await this.#write(position, true, async (transaction) => {
        await state.complete(run, completion, { transaction });
      });
      this.#watermark = position.watermark;
      this.#checkpoints += 1;
      if (this.#together) return;
    }
    await state.complete(run, completion);
    await faults("afterComplete");
  }

  #position(windowFinished: boolean): Position {
    return this.#tracker?.position({ windowFinished }) ?? this.#start;
  }

  async #commit(
    position: Position,
    recordsProcessed: number,
    finished: boolean,
    correction: string | null,
  ): Promise<void> {
    const { state, run, faults, pipeline } = this.#parts;
    const checkpoint = {
      sequence: this.#sequence + 1,
      position,
      recordsProcessed,
      ...(correction === null ? {} : { correction }),
      keptByOutput: pipeline.output.guarantee === "exactly-once",
    };
    await this.#write(position, finished, (transaction) =>
      state.checkpoint(run, checkpoint, { transaction }),
    );
    if (!this.#together) await state.checkpoint(run, checkpoint);
    this.#watermark = position.watermark;
    this.#unfinished = position.window !== null;
    this.#lease.renewed();
    await faults("afterCheckpoint");
  }

  async #write(
    position: Position,
    windowFinished: boolean,
    within: NonNullable<Commit["within"]>,
  ): Promise<void> {
    const { session, run, faults } = this.#parts;
    await this.#lease.confirm();
    await faults("beforeCommit");
    this.#sequence += 1;
    const { epoch, cursorType } = run;
    this.failed = true;
    await session.commit({
      epoch,
      sequence: this.#sequence,
      position,
      cursorType,
      windowFinished,
      ...(this.#together ? { within } : {}),
    });
    this.failed = false;
    await faults("afterCommit");
  }
}

function brokenOrder(disorder: string): string {
  return `the source is declared ascending and is not: ${disorder}; the watermark waits for the end of the window`;
}
