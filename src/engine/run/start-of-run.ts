import type { CursorType } from "../../model/cursor.ts";
import { emptyPosition, type Position } from "../../model/position.ts";
import { formatStreamKey } from "../../model/stream-key.ts";
import type { Run } from "../../state/contract.ts";
import type { CommitPosition, OutputSession } from "../ports.ts";
import { outputAheadWarning, startingOverWarning, startsOver } from "./output-ahead.ts";
import type { RunParts } from "./run-parts.ts";
import { type StartingPosition, startingPosition } from "./starting-position.ts";

type StartParts = Pick<
  RunParts,
  "run" | "session" | "state" | "pipeline" | "fullRefresh" | "warn" | "faults"
>;

/** A stream's starting position. It must still be committed where it was `adopted`. */
export interface StreamStart extends StartingPosition {
  /** Whether the output must drop the delivered identities of an unfinished window. */
  readonly forgetsDeliveries: boolean;
}

/** Fences older runs in the output and finds the starting position. */
export async function fenceOutput(parts: StartParts): Promise<StreamStart> {
  const { run, session, pipeline, fullRefresh, faults, warn } = parts;
  if (run.edited !== undefined) warn("STATE_EDITED", takenEdit(run.edited));
  const commitPosition = await session.fence(run.epoch, run.runId, run.position.place ?? null);
  await faults("afterFence");
  const known = { position: run.position, tag: run.positionTag };
  const moved = hasMoved(known.position, session);
  const output = { ...pipeline.output, session, moved };
  const start = await startingPosition(run.key, known, commitPosition, output);
  if (moved) {
    warn(
      "OUTPUT_MOVED",
      `the stream goes on in ${session.place}; what was delivered before is in ${run.position.place}`,
    );
  }
  if (start.adopted && commitPosition !== null)
    await warnOutputAhead(parts, commitPosition, known.position.watermark);
  else if (startsOver(run, commitPosition) && !fullRefresh && !moved)
    warn("OUTPUT_AHEAD", startingOverWarning(run, commitPosition, cursorTypeOf(parts)));
  await warnHoldsRecords(parts, commitPosition);
  // Deliveries of an unfinished window are dropped when everything is read again.
  return { ...start, adopted: start.adopted || moved || fullRefresh, forgetsDeliveries: fullRefresh };
}

/** A partition's starting position, from the state and the output. */
export async function startOfPartition(parts: StartParts, partition: string): Promise<StartingPosition> {
  const { run, session, state, pipeline, fullRefresh, warn } = parts;
  const where = run.kind === "live" ? { compare: true } : { backfill: run.backfill ?? run.runId };
  const stored = await state.partition(run.key, partition, where);
  const edited = stored?.edited;
  const commitPosition = fullRefresh ? null : ((await session.partition?.(partition)) ?? null);
  const known = { position: stored?.position ?? emptyPosition, tag: stored?.positionTag ?? noTag };
  const moved = hasMoved(known.position, session);
  const output = { ...pipeline.output, session, moved };
  const start = await startingPosition(run.key, known, commitPosition, output, partition);
  if (edited !== undefined) {
    const from = start.adopted ? (start.position.watermark ?? "its beginning") : null;
    const reset = `tidemark state reset ${run.key.connector} ${run.key.stream} --partition '${partition}' --reason "…"`;
    warn(
      "STATE_EDITED",
      from === null ? takenEdit(edited, partition) : takenOver(edited, partition, from, reset),
    );
  }
  if (start.adopted && commitPosition !== null)
    await warnOutputAhead(parts, commitPosition, known.position.watermark, partition);
  else if (startsOver(run, commitPosition) && !moved)
    warn("OUTPUT_AHEAD", startingOverWarning(run, commitPosition, cursorTypeOf(parts), partition));
  // The audit log gets the edit with the partition's next move, so it is committed even where nothing is new.
  return { ...start, adopted: start.adopted || edited !== undefined };
}

async function warnOutputAhead(
  { run, state, warn }: StartParts,
  commitPosition: CommitPosition,
  known: string | null,
  partition?: string,
): Promise<void> {
  if (run.kind !== "live") return;
  const message = await outputAheadWarning(state, run.key, commitPosition, known, partition);
  if (message !== null) warn("OUTPUT_AHEAD", message);
}

const noTag = { epoch: 0, sequence: 0 };

/** Whether an earlier run wrote to another place. */
function hasMoved({ place }: Position, session: Pick<OutputSession, "place">): boolean {
  return place !== undefined && session.place !== undefined && place !== session.place;
}

function cursorTypeOf({ pipeline }: StartParts): CursorType | null {
  return pipeline.input.incremental.cursors[0]?.type ?? null;
}

/**
 * The warning for a first run into an output that appends and already has records: either others wrote them, or the
 * state and the output's position were both lost, and each record is added once more.
 */
async function warnHoldsRecords(
  { run, session, pipeline, fullRefresh, warn }: StartParts,
  commitPosition: CommitPosition | null,
): Promise<void> {
  const isFirst = commitPosition === null && run.epoch === 1 && run.position.watermark === null;
  if (run.kind !== "live" || !isFirst || fullRefresh || !pipeline.output.appends) return;
  if ((await session.holdsRecords?.()) !== true) return;
  warn(
    "OUTPUT_NOT_EMPTY",
    `the output holds records already, and neither the state nor the output knows of a run of ${formatStreamKey(run.key)}: this run adds its records to them. ` +
      "If they are of this stream, its state and the output's own positions were lost, and the records are there twice now: restore these, or empty the output and run again",
  );
}

function takenEdit({ oldCursor, newCursor }: NonNullable<Run["edited"]>, partition?: string): string {
  const whose = partition === undefined ? "" : ` of partition "${partition}"`;
  return `the state was changed by hand: the watermark${whose} is ${newCursor ?? "none"}, and was ${oldCursor ?? "none"}; the run goes on from there, and the audit log has the change`;
}

/** The warning for an output with a newer position than a state file that was removed or restored. */
function takenOver(
  { oldCursor, newCursor }: NonNullable<Run["edited"]>,
  partition: string,
  from: string,
  reset: string,
): string {
  return (
    `the state was changed by hand: the watermark of partition "${partition}" is ${newCursor ?? "none"}, and was ${oldCursor ?? "none"}; ` +
    `the output has a newer position, and the run goes on from there, ${from}. The audit log has the change. To start the partition over: ${reset}`
  );
}
