import { messageOf, TidemarkError, withMessage } from "../../errors.ts";
import type { Commits } from "./commits.ts";
import { cancellation, type ReadLoop } from "./read-loop.ts";
import type { RunParts } from "./run-parts.ts";
import type { Uncommitted } from "./uncommitted.ts";

export interface EndedEarly {
  readonly parts: RunParts;
  readonly commits: Commits;
  readonly uncommitted: Uncommitted;
  readonly loop: ReadLoop;
  /** Whether the run has lost its stream, so that it may commit nothing. */
  readonly isLost: boolean;
}

/**
 * Commits what a run that ends early has delivered since its last checkpoint, where that is allowed. Returns the run's
 * error: `RUN_CANCELLED` for a run that was asked to stop, and the cause for any other.
 */
export async function endEarly(error: unknown, ended: EndedEarly): Promise<unknown> {
  const { parts, commits, loop, isLost } = ended;
  parts.onProgress(commits.progress);
  const isCancelled = parts.cancelled.aborted && !isLost;
  const keeps = isCancelled || (parts.pipeline.output.receipts === true && !isLost);
  const isKept = keeps && (await keepProgress(ended));
  if (isCancelled) return cancellation();
  return isKept ? behindTaken(error, loop.brokeOff) : error;
}

/** False where there is nothing to commit, or committing fails. */
async function keepProgress({ parts, commits, uncommitted, loop }: EndedEarly): Promise<boolean> {
  const { pipeline, warn, onProgress } = parts;
  if (!uncommitted.isCommittable || commits.failed) return false;
  if (pipeline.output.receipts !== true) {
    if (loop.isInsidePage) return false;
    await commits.checkpoint(null);
    onProgress(commits.progress);
    return true;
  }
  if (!uncommitted.hasMoved) return false;
  try {
    await commits.checkpointInside(loop.disorderAtHand);
    onProgress(commits.progress);
    return true;
  } catch (error) {
    warn(
      "PROGRESS_NOT_KEPT",
      `what was delivered since the last checkpoint could not be committed, so the next run delivers it again: ${messageOf(error)}`,
    );
    return false;
  }
}

/** The failure that ended a page early, with how far the page got. */
function behindTaken(error: unknown, brokeOff: ReadLoop["brokeOff"]): unknown {
  if (!(error instanceof TidemarkError) || brokeOff === null || brokeOff.taken === 0) return error;
  const { taken, given, takenInPart } = brokeOff;
  const how = `${taken} of the ${given} records of the page were taken; the next run goes on behind them`;
  const again =
    takenInPart === 0
      ? ""
      : `, and sends ${takenInPart} of them again: a filter made several records of one, and not all of those were taken`;
  return withMessage(error, `${error.message}; ${how}${again}`);
}
