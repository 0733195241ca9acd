import type { ErrorCode } from "../../src/errors.ts";
import type { AuditAction, RunOutcome, StreamStatus } from "../../src/state/contract.ts";

/** A run as the model knows it; cursors are whole numbers. */
export interface ModelRun {
  readonly runId: string;
  readonly epoch: number;
  readonly lower: number | null;
  outcome: RunOutcome;
  checkpoints: number;
  records: number;
  /** The watermark when it ended. */
  end: number | null;
}

export interface ModelAudit {
  readonly action: AuditAction;
  readonly old: number | null;
  readonly new: number | null;
}

/**
 * One stream as the contract describes it, and no more: what a `StateStore` is held against. Each
 * step answers with the code that a store has to refuse it with, or with null.
 */
export class StreamModel {
  readonly runs: ModelRun[] = [];
  readonly audit: ModelAudit[] = [];
  epoch = 0;
  status: StreamStatus = "idle";
  watermark: number | null = null;
  sequence = 0;
  records = 0;
  current: ModelRun | null = null;
  #leaseHeld = false;

  /** Whether a begin is granted; the store's answer then becomes a run by `granted`. */
  begin(ifRunning: "override" | "refuse", epochFloor: number): ErrorCode | null {
    if (this.status === "running" && ifRunning === "refuse" && this.#leaseHeld) return "RUN_ACTIVE";
    this.#supersede();
    this.epoch = Math.max(this.epoch, epochFloor) + 1;
    this.status = "running";
    this.sequence = 0;
    this.records = 0;
    this.#leaseHeld = true;
    return null;
  }

  granted(runId: string): void {
    this.current = {
      runId,
      epoch: this.epoch,
      lower: this.watermark,
      outcome: "running",
      checkpoints: 0,
      records: 0,
      end: null,
    };
    this.runs.push(this.current);
  }

  /** A begin with the id of a run that there was. */
  beginAgain(run: ModelRun): ErrorCode | null {
    if (run.outcome === "running") return null;
    return run.outcome === "superseded" ? "RUN_SUPERSEDED" : "RUN_FINISHED";
  }

  checkpoint(run: ModelRun, sequence: number, cursor: number, isCorrection: boolean): ErrorCode | null {
    const refusal = this.#refuse(run);
    if (refusal !== null) return refusal;
    if (sequence === this.sequence) return null;
    if (sequence !== this.sequence + 1) return "CHECKPOINT_OUT_OF_ORDER";
    const floor = isCorrection ? run.lower : this.watermark;
    if (floor !== null && cursor < floor) return "CURSOR_REGRESSION";
    this.#move(isCorrection ? "correction" : "advance", cursor);
    this.sequence = sequence;
    this.records = sequence * 10;
    this.#leaseHeld = true;
    run.checkpoints += 1;
    return null;
  }

  heartbeat(run: ModelRun): ErrorCode | null {
    const refusal = this.#refuse(run);
    if (refusal === null) this.#leaseHeld = true;
    return refusal;
  }

  complete(run: ModelRun, cursor: number | null): ErrorCode | null {
    if (run === this.current && run.outcome === "completed") {
      return cursor === null || cursor === this.watermark ? null : "RUN_FINISHED";
    }
    const refusal = this.#refuse(run);
    if (refusal !== null) return refusal;
    if (cursor !== null && this.watermark !== null && cursor < this.watermark) return "CURSOR_REGRESSION";
    if (cursor !== null) {
      this.#move("advance", cursor);
      this.sequence += 1;
    }
    this.#end(run, "completed");
    return null;
  }

  fail(run: ModelRun): ErrorCode | null {
    if (run === this.current && run.outcome === "failed") return null;
    const refusal = this.#refuse(run);
    if (refusal !== null) return refusal;
    this.#end(run, "failed");
    return null;
  }

  reset(to: number | null): null {
    this.#act("reset", to);
    return null;
  }

  rewind(run: ModelRun): ErrorCode | null {
    if (run.outcome === "running") return "RUN_NOT_FOUND";
    this.#act("rewind", run.end);
    return null;
  }

  expireLease(): void {
    this.#leaseHeld = false;
  }

  #refuse(run: ModelRun): ErrorCode | null {
    if (run !== this.current) return "RUN_SUPERSEDED";
    return run.outcome === "running" ? null : "RUN_FINISHED";
  }

  #move(action: "advance" | "correction", to: number): void {
    if (to !== this.watermark) this.audit.push({ action, old: this.watermark, new: to });
    this.watermark = to;
  }

  #act(action: "reset" | "rewind", to: number | null): void {
    this.#supersede();
    this.audit.push({ action, old: this.watermark, new: to });
    this.watermark = to;
    this.epoch += 1;
    this.status = "idle";
    this.sequence = 0;
    this.current = null;
  }

  #supersede(): void {
    if (this.status === "running" && this.current !== null) this.#close(this.current, "superseded");
  }

  #end(run: ModelRun, outcome: "completed" | "failed"): void {
    this.#close(run, outcome);
    this.status = outcome;
  }

  #close(run: ModelRun, outcome: RunOutcome): void {
    run.outcome = outcome;
    run.records = this.records;
    run.end = this.watermark;
  }
}
