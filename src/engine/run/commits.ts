import type { OpenTransaction } from "../../databases/port.ts";
import type { Position } from "../../model/position.ts";
import { redact } from "../../secrets.ts";
import type { Checkpoint, Completion } from "../../state/contract.ts";
import type { LeaseKeeper } from "../../state/lease-keeper.ts";
import type { Heartbeat } from "../../state/stop-requests.ts";
import { filteredMetadata } from "../filter-account.ts";
import type { FilterChain } from "../filtering/filter-chain.ts";
import type { Commit, Committed } from "../ports.ts";
import { keptDeliveries } from "../tracking/dedupe-window.ts";
import { type CommitStep, CommitSteps, type MovedPositions, partitionsOf } from "./commit-step.ts";
import type { Committer } from "./committer.ts";
import { haveNewFacts } from "./facts.ts";
import type { Progress } from "./progress.ts";
import type { RunParts } from "./run-parts.ts";
import type { Uncommitted } from "./uncommitted.ts";

export interface CommitsOptions {
  readonly parts: RunParts;
  readonly lease: LeaseKeeper;
  /** The stream's position. */
  readonly start: Position;
  readonly uncommitted: Uncommitted;
  readonly filters: FilterChain;
}

/**
 * Makes what was written durable, rows and position together (promise P5):
 *
 * 1. The step is made: the position of the stream and of each partition that has moved.
 * 2. The lease is confirmed: a run that has lost its stream commits nothing.
 * 3. Refused records become durable, and the output commits. Where output and state share a database, the state's own
 *    change is part of that transaction.
 * 4. Otherwise the state is written after the output. A crash in between leaves the output ahead, and the next run
 *    continues from the output's position.
 */
export class Commits implements Committer {
  readonly #parts: RunParts;
  readonly #lease: LeaseKeeper;
  readonly #uncommitted: Uncommitted;
  readonly #filters: FilterChain;
  readonly #steps: CommitSteps;
  readonly #together: boolean;
  #sequence = 0;
  #checkpoints = 0;
  #watermark: string | null;
  /** Whether a commit was refused or failed midway; nothing may be committed after it. */
  failed = false;

  constructor({ parts, lease, start, uncommitted, filters }: CommitsOptions) {
    this.#parts = parts;
    this.#lease = lease;
    this.#uncommitted = uncommitted;
    this.#filters = filters;
    this.#steps = new CommitSteps(parts, start);
    this.#watermark = start.watermark;
    const { databaseIdentity } = parts.session;
    this.#together = databaseIdentity !== null && databaseIdentity === parts.state.databaseIdentity;
  }

  /** Call once the run is planned, with the positions that it moves. */
  follow(moving: MovedPositions): void {
    this.#steps.follow(moving);
  }

  get progress(): Progress {
    const { recordsRead, recordsWritten, recordsCommitted, pages } = this.#uncommitted;
    const { refusals } = this.#parts;
    return {
      recordsRead,
      recordsWritten,
      recordsCommitted,
      recordsRefused: refusals.count,
      recordsDeadLettered: refusals.letterCount,
      filters: this.#filters.counts(),
      pages,
      checkpoints: this.#checkpoints,
      watermark: this.#watermark,
    };
  }

  async confirm(): Promise<void> {
    this.#throwIfAbandoned();
    await this.#lease.confirm();
  }

  /** Commits the stream's position before anything is read. */
  async keep(position: Position, windowFinished = false): Promise<void> {
    await this.#checkpoint(this.#steps.beforeReading(position, windowFinished), {});
  }

  async checkpoint(disorder: string | null): Promise<void> {
    this.#throwIfAbandoned();
    if (disorder !== null) this.#parts.warn("ORDER_BROKEN", brokenOrder(disorder));
    const step = this.#step(false);
    await this.#checkpoint(step, this.#correctionOf(step, disorder));
    this.#checkpoints += 1;
    this.#uncommitted.clear();
  }

  /**
   * For an output that gives receipts: stores how far its records were taken, inside a page or after the last whole
   * one. The output's `commit` is not called, since everything it took is durable already.
   */
  async checkpointInside(disorder: string | null): Promise<void> {
    this.#throwIfAbandoned();
    const { state, run, faults, refusals } = this.#parts;
    if (refusals.holdsBack) return;
    const step = this.#step(false);
    // Computed before the first await: what is refused meanwhile is not part of the step.
    refusals.settle();
    await this.#lease.confirm();
    await faults("beforeCommit");
    this.failed = true;
    this.#sequence += 1;
    const correction = this.#correctionOf(step, disorder);
    await this.#lease.renewing(() => state.checkpoint(run, this.#stored(step, correction)));
    this.failed = false;
    this.#watermark = step.position.watermark;
    this.#uncommitted.clear();
    await faults("afterCheckpoint");
  }

  /** Ends the run: stores its last position, if anything has changed, and completes it. */
  async complete(): Promise<void> {
    this.#throwIfAbandoned();
    const { state, run, faults, refusals } = this.#parts;
    // The commit that ends the window makes the output drop what it keeps of an unfinished one.
    const finished = this.#step(true);
    const step = this.#hasChanged(finished) ? finished : null;
    await faults("beforeComplete");
    refusals.end();
    if (step === null) refusals.settle();
    else {
      await this.#write(step, async (transaction) => {
        await state.complete(run, this.#completion(step), { transaction });
      });
      this.#watermark = step.position.watermark;
      this.#checkpoints += 1;
      this.#uncommitted.clear();
    }
    // Where output and state share a database, the run was completed in the output's transaction.
    if (step === null || !this.#together) await state.complete(run, this.#completion(step));
    await faults("afterComplete");
  }

  #hasChanged({ position }: CommitStep): boolean {
    const { start, moving } = this.#steps;
    const uncommitted = this.#uncommitted;
    const isLive = this.#parts.run.kind === "live";
    return (
      uncommitted.any ||
      uncommitted.handedDeliveries ||
      moving?.range?.changed === true ||
      moving?.range?.recordsRuns === true ||
      (isLive && position.dedupedFrom !== start.dedupedFrom) ||
      haveNewFacts(start, this.#steps.facts())
    );
  }

  /** Made when the output has reported how many rows it holds, which may be in the middle of its commit. */
  #completion(step: CommitStep | null): Completion {
    const { warnings, refusals } = this.#parts;
    const { recordsRead, recordsWritten, pages } = this.#uncommitted;
    return {
      recordsProcessed: recordsWritten,
      metadata: {
        records_read: recordsRead,
        records_written: recordsWritten,
        records_refused: refusals.count,
        records_dead_lettered: refusals.letterCount,
        ...filteredMetadata(this.#filters.counts()),
        pages,
        warnings: warnings.list(),
      },
      ...(step === null ? {} : { position: step.position, ...partitionsOf(step) }),
    };
  }

  #step(windowFinished: boolean): CommitStep {
    return this.#steps.reached(this.#uncommitted.partitionMoves(), windowFinished);
  }

  /** Why the watermark goes back, where it does (promise P9). */
  #correctionOf(step: CommitStep, disorder: string | null): { correction?: string } {
    if (disorder === null) return {};
    const goesBack = step.partitions.length > 0 || step.position.watermark !== this.#watermark;
    return goesBack ? { correction: redact(brokenOrder(disorder)) } : {};
  }

  async #checkpoint(step: CommitStep, correction: { correction?: string }): Promise<void> {
    const { state, run, faults, pipeline } = this.#parts;
    const keptByOutput = pipeline.output.guarantee === "exactly-once";
    const stored = () => ({ ...this.#stored(step, correction), keptByOutput });
    await this.#lease.renewing(async () => {
      let heartbeat: Heartbeat = { stop: null };
      await this.#write(step, async (transaction) => {
        heartbeat = await state.checkpoint(run, stored(), { transaction });
      });
      return this.#together ? heartbeat : state.checkpoint(run, stored());
    });
    this.#watermark = step.position.watermark;
    await faults("afterCheckpoint");
  }

  /** The checkpoint for a step, with the next sequence number. */
  #stored(step: CommitStep, correction: { correction?: string }): Checkpoint {
    return {
      sequence: this.#sequence,
      position: step.position,
      ...partitionsOf(step),
      recordsProcessed: this.#uncommitted.recordsWritten,
      ...correction,
    };
  }

  async #write(step: CommitStep, within: (transaction: OpenTransaction) => Promise<void>): Promise<void> {
    const { session, run, faults, pipeline, refusals } = this.#parts;
    const { position, windowFinished } = step;
    await this.#lease.confirm();
    await faults("beforeCommit");
    this.#sequence += 1;
    const keepDelivered = windowFinished ? keptDeliveries(pipeline.input.incremental, position) : undefined;
    const withState = (transaction: OpenTransaction, committed?: Committed): Promise<void> => {
      this.#uncommitted.holds(committed);
      return within(transaction);
    };
    const commit: Commit = {
      epoch: run.epoch,
      sequence: this.#sequence,
      position,
      ...partitionsOf(step),
      cursorType: run.cursorType,
      windowFinished,
      ...(keepDelivered === undefined ? {} : { keepDelivered }),
      ...(this.#together ? { within: withState } : {}),
    };
    this.failed = true;
    if (session.settlesRefusals !== true) refusals.settle();
    const committed = await session.commit(commit);
    this.#uncommitted.holds(committed ?? undefined);
    this.failed = false;
    await faults("afterCommit");
  }

  /** A run past its deadline, or with an uncaught error in its own code, commits nothing more. */
  #throwIfAbandoned(): void {
    this.#parts.codeFailed.throwIfAborted();
    this.#parts.cut.throwIfAborted();
  }
}

function brokenOrder(disorder: string): string {
  return `the source is declared ascending and is not: ${disorder}; the watermark waits for the end of the window`;
}
