import type { ErrorCode } from "../../src/errors.ts";

/** Which whole numbers are covered: `(lower, upper]` is `lower + 1` to `upper`. */
export type Numbers = ReadonlySet<number>;

/** What a write says of one partition. */
export interface ModelMove {
  readonly partition: string;
  readonly watermark: number;
  readonly covered: Numbers;
}

export interface ModelWrite {
  /** How much further than the last checkpoint; 0 repeats it, 2 leaves one out. */
  readonly step: number;
  readonly covered: Numbers;
  readonly moves: readonly ModelMove[];
  readonly isCorrection: boolean;
}

interface ModelPartition {
  watermark: number | null;
  covered: Numbers;
  tag: { epoch: number; sequence: number };
  /** Where it stood when the run of that epoch began. */
  began: { epoch: number; watermark: number | null };
}

/** A stream's row, live or of a backfill, with the partitions that belong to it. */
class ModelLane {
  epoch = 0;
  sequence = 0;
  status: "idle" | "running" | "completed" | "failed" = "idle";
  runId: string | null = null;
  covered: Numbers = new Set();
  partitions = new Map<string, ModelPartition>();
}

export interface ModelRun {
  /** The backfill's id; null for a live run. */
  readonly backfill: string | null;
  readonly runId: string;
  readonly epoch: number;
}

/**
 * Partitions, backfills and coverage of one stream as the contract describes them: each step answers
 * with the code that a store has to refuse it with, or with null.
 */
export class PartitionModel {
  readonly runs: ModelRun[] = [];
  readonly #live = new ModelLane();
  readonly #backfills = new Map<string, ModelLane>();
  /** By finished backfills: of the stream under null, of partitions under their names. */
  readonly #backfilled = new Map<string | null, Numbers>();
  #audited = 0;
  /** The tag of every partition that nothing is known of since. */
  #startedOver: number | null = null;

  get audited(): number {
    return this.#audited;
  }

  get isBegun(): boolean {
    return this.#live.epoch > 0;
  }

  begin(backfill: string | null): ErrorCode | null {
    const lane = this.#lane(backfill);
    if (backfill !== null && lane.status === "completed") return "RUN_FINISHED";
    lane.epoch += 1;
    lane.sequence = 0;
    lane.status = "running";
    return null;
  }

  granted(backfill: string | null, runId: string): void {
    const lane = this.#lane(backfill);
    lane.runId = runId;
    this.runs.push({ backfill, runId, epoch: lane.epoch });
  }

  checkpoint(run: ModelRun, write: ModelWrite): ErrorCode | null {
    const lane = this.#lane(run.backfill);
    const refusal = this.#refuse(lane, run) ?? (lane.status === "running" ? null : "RUN_FINISHED");
    if (refusal !== null) return refusal;
    const sequence = this.sequenceOf(run, write);
    if (sequence === lane.sequence) return null;
    if (sequence !== lane.sequence + 1) return "CHECKPOINT_OUT_OF_ORDER";
    return this.#write(lane, run, sequence, write);
  }

  complete(run: ModelRun, write: ModelWrite): ErrorCode | null {
    const lane = this.#lane(run.backfill);
    const refusal = this.#refuse(lane, run);
    if (refusal !== null) return refusal;
    if (lane.status === "completed") return null;
    if (lane.status !== "running") return "RUN_FINISHED";
    const goesBack = this.#write(lane, run, lane.sequence + 1, { ...write, isCorrection: false });
    if (goesBack !== null) return goesBack;
    lane.status = "completed";
    if (run.backfill !== null) this.#cover(null, lane.covered);
    return null;
  }

  fail(run: ModelRun): ErrorCode | null {
    const lane = this.#lane(run.backfill);
    const refusal = this.#refuse(lane, run);
    if (refusal !== null || lane.status === "failed") return refusal;
    if (lane.status !== "running") return "RUN_FINISHED";
    lane.status = "failed";
    return null;
  }

  startOver(): null {
    this.#shutOut();
    this.#live.covered = new Set();
    this.#live.partitions.clear();
    this.#backfilled.clear();
    this.#startedOver = this.#live.epoch;
    this.#audited += 1;
    return null;
  }

  reset(partition: string, watermark: number | null): null {
    this.#shutOut();
    const old = this.#live.partitions.get(partition);
    // To where it stands, what is known there stays.
    const stays = old !== undefined && watermark !== null && old.watermark === watermark;
    this.#live.partitions.set(partition, {
      watermark,
      covered: stays ? old.covered : new Set(),
      tag: { epoch: this.#live.epoch, sequence: 0 },
      began: { epoch: 0, watermark: null },
    });
    if (watermark === null) this.#backfilled.delete(partition);
    this.#audited += 1;
    return null;
  }

  /** The sequence that a write of that run is to be sent with. */
  sequenceOf(run: ModelRun, { step }: ModelWrite): number {
    return Math.max(1, this.#lane(run.backfill).sequence + step);
  }

  partition(name: string, backfill: string | null): Omit<ModelPartition, "began"> | null {
    const known = this.#lane(backfill).partitions.get(name);
    if (known !== undefined) {
      const { began: _, ...rest } = known;
      return rest;
    }
    if (backfill !== null || this.#startedOver === null) return null;
    return { watermark: null, covered: new Set(), tag: { epoch: this.#startedOver, sequence: 0 } };
  }

  /** What is covered by live runs and by backfills. */
  coverage(partition: string | null): Numbers {
    const live = partition === null ? this.#live.covered : this.#live.partitions.get(partition)?.covered;
    return new Set([...(live ?? []), ...(this.#backfilled.get(partition) ?? [])]);
  }

  #lane(backfill: string | null): ModelLane {
    if (backfill === null) return this.#live;
    const lane = this.#backfills.get(backfill) ?? new ModelLane();
    this.#backfills.set(backfill, lane);
    return lane;
  }

  #refuse(lane: ModelLane, run: ModelRun): ErrorCode | null {
    return lane.epoch === run.epoch && lane.runId === run.runId ? null : "RUN_SUPERSEDED";
  }

  #write(lane: ModelLane, run: ModelRun, sequence: number, write: ModelWrite): ErrorCode | null {
    const moved = write.moves.map((move) => {
      const old = lane.partitions.get(move.partition);
      const began = old?.began.epoch === run.epoch ? old.began.watermark : (old?.watermark ?? null);
      const correctedTo = run.backfill === null ? began : null;
      const floor = write.isCorrection ? correctedTo : (old?.watermark ?? null);
      return { move, old: old?.watermark ?? null, began, goesBack: floor !== null && move.watermark < floor };
    });
    if (moved.some(({ goesBack }) => goesBack)) return "CURSOR_REGRESSION";
    for (const { move, old, began } of moved) {
      lane.partitions.set(move.partition, {
        watermark: move.watermark,
        covered: move.covered,
        tag: { epoch: run.epoch, sequence },
        began: { epoch: run.epoch, watermark: began },
      });
      if (run.backfill !== null) this.#cover(move.partition, move.covered);
      else if (old !== move.watermark) this.#audited += 1;
    }
    lane.covered = write.covered;
    lane.sequence = sequence;
    return null;
  }

  #cover(partition: string | null, covered: Numbers): void {
    this.#backfilled.set(partition, new Set([...(this.#backfilled.get(partition) ?? []), ...covered]));
  }

  #shutOut(): void {
    this.#live.epoch += 1;
    this.#live.sequence = 0;
    this.#live.status = "idle";
    this.#live.runId = null;
  }
}
