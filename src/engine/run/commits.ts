import type { OpenTransaction } from "../../databases/port.ts";
import { emptyPosition, type Position } from "../../model/position.ts";
import { redact } from "../../secrets.ts";
import type { Completion, Run } from "../../state/contract.ts";
import type { LeaseKeeper } from "../../state/lease-keeper.ts";
import { filteredMetadata } from "../filter-account.ts";
import type { Commit, CommitPosition, InputSession, OutputSession, PartitionMove } from "../ports.ts";
import { keptDeliveries, withDedupedFrom } from "../tracking/dedupe-window.ts";
import type { Part } from "../tracking/part.ts";
import { haveNewFacts, withFacts } from "./facts.ts";
import { startsOver, toldOutputAhead, toldStartingOver } from "./output-ahead.ts";
import type { Progress, ReadLoop } from "./read-loop.ts";
import type { RunParts } from "./run-parts.ts";
import { startingPosition } from "./starting-position.ts";

interface Step {
  readonly position: Position;
  readonly partitions: readonly PartitionMove[];
  readonly windowFinished: boolean;
}

/**
 * Makes what was written durable, rows and position together: first the output, with the state's own
 * change inside its transaction where the two share a database, and otherwise the state after it
 * (promise P5).
 */
export class Commits {
  readonly #parts: RunParts;
  readonly #lease: LeaseKeeper;
  readonly #together: boolean;
  #part: Part | null = null;
  #input: Pick<InputSession, "facts"> | null = null;
  #start: Position = emptyPosition;
  #sequence = 0;
  #checkpoints = 0;
  #watermark: string | null = null;
  /** Whether a commit was refused or broke off; nothing may be committed after it. */
  failed = false;

  constructor(parts: RunParts, lease: LeaseKeeper) {
    this.#parts = parts;
    this.#lease = lease;
    const { databaseIdentity } = parts.session;
    this.#together = databaseIdentity !== null && databaseIdentity === parts.state.databaseIdentity;
  }

  /**
   * Called once the run is planned: with what moves the stream on (null where its partitions move
   * instead), and with the input, whose facts are kept.
   */
  follow(part: Part | null, input: Pick<InputSession, "facts">): void {
    this.#part = part;
    this.#input = input;
  }

  progress(loop: ReadLoop): Progress {
    const { recordsRead, recordsWritten, recordsCommitted, recordsRefused, recordsDeadLettered, pages } =
      loop;
    return {
      recordsRead,
      recordsWritten,
      recordsCommitted,
      recordsRefused,
      recordsDeadLettered,
      filters: loop.filterCounts,
      pages,
      checkpoints: this.#checkpoints,
      watermark: this.#watermark,
    };
  }

  /** Shuts older runs out of the output and finds where this one starts. */
  async fence(): Promise<Position> {
    const { run, session, pipeline, fullRefresh, faults, warn } = this.#parts;
    if (run.edited !== undefined) warn("STATE_EDITED", takenEdit(run.edited));
    const commitPosition = await session.fence(run.epoch, run.runId, run.position.place ?? null);
    await faults("afterFence");
    const known = { position: run.position, tag: run.positionTag };
    const moved = hasMoved(known.position, session);
    const output = { ...pipeline.output, session, moved };
    const start = await startingPosition(run.key, known, commitPosition, output);
    if (moved) {
      this.#parts.warn(
        "OUTPUT_MOVED",
        `the stream goes on in ${session.place}; what was delivered before is in ${run.position.place}`,
      );
    }
    if (start.adopted && commitPosition !== null)
      await this.#tellAhead(commitPosition, known.position.watermark);
    else if (startsOver(run, commitPosition) && !fullRefresh && !moved)
      warn("OUTPUT_AHEAD", toldStartingOver(run, commitPosition));
    this.#start = start.position;
    this.#watermark = start.position.watermark;
    this.#parts.onStart(start.position);
    // What was delivered in an unfinished window counts no longer when everything is read anew.
    if (start.adopted || moved || fullRefresh) await this.keep(start.position, fullRefresh);
    return start.position;
  }

  /** Where one partition starts, by what the state and the output each know of it. */
  async partitionStart(partition: string): Promise<{ position: Position; adopted: boolean }> {
    const { run, session, state, pipeline, fullRefresh, warn } = this.#parts;
    const where = run.kind === "live" ? { compare: true } : { backfill: run.backfill ?? run.runId };
    const stored = await state.partition(run.key, partition, where);
    const edited = stored?.edited;
    if (edited !== undefined) warn("STATE_EDITED", takenEdit(edited, partition));
    const commitPosition = fullRefresh ? null : ((await session.partition?.(partition)) ?? null);
    const known = { position: stored?.position ?? emptyPosition, tag: stored?.positionTag ?? noTag };
    const moved = hasMoved(known.position, session);
    const output = { ...pipeline.output, session, moved };
    const start = await startingPosition(run.key, known, commitPosition, output, partition);
    if (start.adopted && commitPosition !== null)
      await this.#tellAhead(commitPosition, known.position.watermark, partition);
    else if (startsOver(run, commitPosition) && !moved)
      warn("OUTPUT_AHEAD", toldStartingOver(run, commitPosition, partition));
    // The log has the edit with the partition's next move, so that it is to be moved even where nothing is new.
    return { ...start, adopted: start.adopted || edited !== undefined };
  }

  async #tellAhead(commitPosition: CommitPosition, known: string | null, partition?: string): Promise<void> {
    const { run, state, warn } = this.#parts;
    if (run.kind !== "live") return;
    const told = await toldOutputAhead(state, run.key, commitPosition, known, partition);
    if (told !== null) warn("OUTPUT_AHEAD", told);
  }

  /** Commits where the stream stands before anything is read. */
  async keep(position: Position, windowFinished = false): Promise<void> {
    this.#start = position;
    await this.#checkpoint({ position: this.#placed(position), partitions: [], windowFinished }, null, {});
  }

  async checkpoint(loop: ReadLoop, disorder: string | null): Promise<void> {
    if (disorder !== null) this.#parts.warn("ORDER_BROKEN", brokenOrder(disorder));
    const step = this.#step(loop, false);
    await this.#checkpoint(step, loop, this.#correctionOf(step, disorder));
    this.#checkpoints += 1;
    loop.committed();
  }

  /**
   * For an output that gives receipts: makes durable how far its records were taken, in the middle of a page or
   * behind the last whole one. The output has nothing to add to that, and is not asked.
   */
  async checkpointInside(loop: ReadLoop, disorder: string | null): Promise<void> {
    const { state, run, faults, refusals } = this.#parts;
    const step = this.#step(loop, false);
    // Before anything is waited for: what is refused meanwhile is not part of the step.
    refusals.settle();
    await this.#lease.confirm();
    await faults("beforeCommit");
    this.failed = true;
    this.#sequence += 1;
    await state.checkpoint(run, {
      sequence: this.#sequence,
      position: step.position,
      ...partitionsOf(step),
      recordsProcessed: loop.recordsWritten,
      ...this.#correctionOf(step, disorder),
    });
    this.failed = false;
    this.#watermark = step.position.watermark;
    this.#lease.renewed();
    loop.committed();
    await faults("afterCheckpoint");
  }

  /** Why the watermark goes back, where it does (promise P9). */
  #correctionOf(step: Step, disorder: string | null): { correction?: string } {
    if (disorder === null) return {};
    const goesBack = step.partitions.length > 0 || step.position.watermark !== this.#watermark;
    return goesBack ? { correction: redact(brokenOrder(disorder)) } : {};
  }

  async complete(loop: ReadLoop): Promise<void> {
    const { state, run, faults, warnings, refusals } = this.#parts;
    // What the output keeps of an unfinished window is let go of by the commit that ends it.
    const finished = this.#step(loop, true);
    const changed =
      loop.dirty ||
      loop.handedDeliveries ||
      this.#part?.changed === true ||
      this.#part?.recordsRuns === true ||
      (run.kind === "live" && finished.position.dedupedFrom !== this.#start.dedupedFrom) ||
      haveNewFacts(this.#start, this.#facts());
    const step = changed ? finished : null;
    // Made when the output has said what it holds, which may be in the middle of its commit.
    const completion = (): Completion => ({
      recordsProcessed: loop.recordsWritten,
      metadata: {
        records_read: loop.recordsRead,
        records_written: loop.recordsWritten,
        records_refused: loop.recordsRefused,
        records_dead_lettered: loop.recordsDeadLettered,
        ...filteredMetadata(loop.filterCounts),
        pages: loop.pages,
        warnings: warnings.list(),
      },
      ...(step === null ? {} : { position: step.position, ...partitionsOf(step) }),
    });
    await faults("beforeComplete");
    refusals.end();
    if (step === null) refusals.settle();
    else {
      await this.#write(step, loop, async (transaction) => {
        await state.complete(run, completion(), { transaction });
      });
      this.#watermark = step.position.watermark;
      this.#checkpoints += 1;
      loop.committed();
      if (this.#together) return;
    }
    await state.complete(run, completion());
    await faults("afterComplete");
  }

  #step(loop: ReadLoop, windowFinished: boolean): Step {
    const reached = this.#part?.position() ?? this.#start;
    const position = withFacts(
      this.#deduped(reached, windowFinished),
      this.#facts() ?? new Set(this.#start.facts),
    );
    const partitions = loop.partitionMoves();
    const placed = partitions.map((move) => ({ ...move, position: this.#placed(move.position) }));
    return { position: this.#placed(position), partitions: placed, windowFinished };
  }

  /** The position with the place that it is committed in. */
  #placed(position: Position): Position {
    const { place } = this.#parts.session;
    return place === undefined || place === position.place ? position : { ...position, place };
  }

  /** What the input knows of its source; undefined where it keeps nothing, or the run may not change it. */
  #facts(): ReadonlySet<string> | undefined {
    return this.#parts.run.kind === "live" ? this.#input?.facts?.() : undefined;
  }

  #deduped(position: Position, windowFinished: boolean): Position {
    const { pipeline, run } = this.#parts;
    if (run.kind !== "live") return position;
    return withDedupedFrom(pipeline.input.incremental, this.#start, position, windowFinished);
  }

  async #checkpoint(step: Step, loop: ReadLoop | null, correction: { correction?: string }): Promise<void> {
    const { state, run, faults, pipeline } = this.#parts;
    const { position } = step;
    const sequence = this.#sequence + 1;
    const checkpoint = () => ({
      sequence,
      position,
      ...partitionsOf(step),
      recordsProcessed: loop?.recordsWritten ?? 0,
      ...correction,
      keptByOutput: pipeline.output.guarantee === "exactly-once",
    });
    await this.#write(step, loop, (transaction) => state.checkpoint(run, checkpoint(), { transaction }));
    if (!this.#together) await state.checkpoint(run, checkpoint());
    this.#watermark = position.watermark;
    this.#lease.renewed();
    await faults("afterCheckpoint");
  }

  async #write(
    step: Step,
    loop: ReadLoop | null,
    within: (transaction: OpenTransaction) => Promise<void>,
  ): Promise<void> {
    const { session, run, faults, pipeline, refusals } = this.#parts;
    const keepDelivered = step.windowFinished
      ? keptDeliveries(pipeline.input.incremental, step.position)
      : undefined;
    await this.#lease.confirm();
    await faults("beforeCommit");
    this.#sequence += 1;
    const { epoch, cursorType } = run;
    const tellingLoop: Commit["within"] = (transaction, committed) => {
      loop?.holds(committed);
      return within(transaction);
    };
    this.failed = true;
    if (session.settlesRefusals !== true) refusals.settle();
    const committed = await session.commit({
      epoch,
      sequence: this.#sequence,
      position: step.position,
      ...partitionsOf(step),
      cursorType,
      windowFinished: step.windowFinished,
      ...(keepDelivered === undefined ? {} : { keepDelivered }),
      ...(this.#together ? { within: tellingLoop } : {}),
    });
    loop?.holds(committed ?? undefined);
    this.failed = false;
    await faults("afterCommit");
  }
}

/** Whether the stream has written to another place before. */
function hasMoved({ place }: Position, session: Pick<OutputSession, "place">): boolean {
  return place !== undefined && session.place !== undefined && place !== session.place;
}

function takenEdit({ oldCursor, newCursor }: NonNullable<Run["edited"]>, partition?: string): string {
  const whose = partition === undefined ? "" : ` of partition "${partition}"`;
  return `the state was changed by hand: the watermark${whose} is ${newCursor ?? "none"}, and was ${oldCursor ?? "none"}; the run goes on from there, and the audit log has the change`;
}

const noTag = { epoch: 0, sequence: 0 };

function partitionsOf({ partitions }: Step): { partitions?: readonly PartitionMove[] } {
  return partitions.length === 0 ? {} : { partitions };
}

function brokenOrder(disorder: string): string {
  return `the source is declared ascending and is not: ${disorder}; the watermark waits for the end of the window`;
}
