import { TidemarkError } from "../errors.ts";
import { formatStreamKey, type StreamKey } from "../model/stream-key.ts";
import type { RunRef } from "./contract.ts";
import type { StopRequest } from "./stop-requests.ts";

/** The errors that stores throw, with the same messages in every store. */

export function streamNotFound(key: StreamKey, hint?: string): TidemarkError {
  const stream = formatStreamKey(key);
  return new TidemarkError("STREAM_NOT_FOUND", `no state is stored for ${stream}`, {
    stream,
    ...(hint === undefined ? {} : { hint }),
  });
}

export function runNotFound(key: StreamKey, runId: string): TidemarkError {
  const stream = formatStreamKey(key);
  return new TidemarkError("RUN_NOT_FOUND", `${stream} has no run ${runId} that has ended`, { stream });
}

export function checkpointOutOfOrder(run: RunRef, sequence: number, last: number): TidemarkError {
  const stream = formatStreamKey(run.key);
  return new TidemarkError(
    "CHECKPOINT_OUT_OF_ORDER",
    `run ${run.runId} of ${stream} sent checkpoint ${sequence} after ${last}`,
    { stream, details: { sequence, last_sequence: last } },
  );
}

/**
 * A begin that refuses to take over, while another run holds its lease. `at`, like the other times, is by
 * the store's clock, so that a caller can tell how old the run is whatever its own clock says.
 */
export function runActive(
  key: StreamKey,
  runId: string,
  { at, startedAt, expiresAt }: { at: string; startedAt: string; expiresAt: string },
): TidemarkError {
  const stream = formatStreamKey(key);
  return new TidemarkError(
    "RUN_ACTIVE",
    `run ${runId} of ${stream}, begun ${startedAt}, holds the lease until ${expiresAt}`,
    {
      stream,
      details: { run_id: runId, started_at_utc: startedAt, lease_expires_at_utc: expiresAt, at_utc: at },
    },
  );
}

/** The refusal of an older epoch. */
export function superseded(run: RunRef, epoch: number): TidemarkError {
  const stream = formatStreamKey(run.key);
  return new TidemarkError(
    "RUN_SUPERSEDED",
    `run ${run.runId} of ${stream} has epoch ${run.epoch}, and the stream is at epoch ${epoch}`,
    { stream, details: { run_id: run.runId, epoch: run.epoch, current_epoch: epoch } },
  );
}

export function finished(run: RunRef, row: { status: string }): TidemarkError {
  const stream = formatStreamKey(run.key);
  return new TidemarkError("RUN_FINISHED", `run ${run.runId} of ${stream} has already ${row.status}`, {
    stream,
  });
}

/** Nothing is there to be stopped. `backfills`: those that are at work, where the live run was meant. */
export function nothingToStop(
  key: StreamKey,
  backfill: string | null,
  backfills: readonly string[],
): TidemarkError {
  const stream = formatStreamKey(key);
  const what = backfill === null ? `run of ${stream}` : `run of backfill ${backfill} of ${stream}`;
  const [other] = backfills;
  return new TidemarkError("RUN_FINISHED", `no ${what} is at work`, {
    stream,
    hint:
      other === undefined
        ? "There is nothing to stop."
        : `There is nothing to stop. To stop the backfill that is at work, add \`--backfill ${other}\`.`,
  });
}

export function backfillNotFound(key: StreamKey, backfill: string): TidemarkError {
  const stream = formatStreamKey(key);
  return new TidemarkError("RUN_NOT_FOUND", `${stream} has no backfill ${backfill}`, {
    stream,
    hint: `List the stream's backfills with \`tidemark state show ${key.connector} ${key.stream}\`.`,
  });
}

/** The error that ends a run after somebody asked it to stop. */
export function runStopped(run: RunRef, { actor, reason }: StopRequest): TidemarkError {
  const stream = formatStreamKey(run.key);
  const why = reason === null ? "" : `: ${reason}`;
  return new TidemarkError("RUN_STOPPED", `${actor} asked the run of ${stream} to stop${why}`, {
    stream,
    details: { run_id: run.runId, actor, reason },
  });
}

/** A run that has completed is completed once more, with another cursor. */
export function completedOtherwise(run: RunRef, committed: string | null, given: string): TidemarkError {
  const stream = formatStreamKey(run.key);
  return new TidemarkError(
    "RUN_FINISHED",
    `run ${run.runId} of ${stream} has already completed with the cursor ${committed ?? "(none)"}, not ${given}`,
    {
      stream,
      details: { committed_cursor: committed, new_cursor: given },
      hint: "The committed cursor is kept. Begin a new run to move it on.",
    },
  );
}

export function backfillCompleted(key: StreamKey, backfill: string): TidemarkError {
  const stream = formatStreamKey(key);
  return new TidemarkError("RUN_FINISHED", `backfill ${backfill} of ${stream} is completed`, {
    stream,
    details: { backfill },
    hint: "Nothing of it is left to do. To read the same range again, begin a new backfill.",
  });
}

export function resetsPartitioned(key: StreamKey): TidemarkError {
  return partitioned(
    key,
    "cannot be set to one value as a whole",
    "Name the partition with `--partition NAME` (in code: `partition`); or start the whole stream over with `state reset`, which empties each of them.",
  );
}

export function rewindsPartitioned(key: StreamKey): TidemarkError {
  return partitioned(
    key,
    "cannot be rewound: the history does not keep the positions of partitions",
    "Reset single partitions to the values that you want, or start the whole stream over.",
  );
}

function partitioned(key: StreamKey, what: string, hint: string): TidemarkError {
  const stream = formatStreamKey(key);
  return new TidemarkError(
    "ARGUMENT_INVALID",
    `${stream} has partitions, each with a position of its own, and ${what}`,
    { stream, hint },
  );
}

export function regression(
  key: StreamKey,
  old: string,
  watermark: string | null,
  partition: string | null,
): TidemarkError {
  const stream = formatStreamKey(key);
  const of = partition === null ? stream : `partition "${partition}" of ${stream}`;
  const details = { watermark: old, new_cursor: watermark };
  return new TidemarkError(
    "CURSOR_REGRESSION",
    `the new cursor ${watermark ?? "(none)"} of ${of} lies before the watermark ${old}`,
    { stream, details: partition === null ? details : { ...details, partition } },
  );
}

/** `kept` is what the stream keeps and `given` what was offered instead. */
export function typeMismatch(key: StreamKey, kept: string, given: string, cause?: unknown): TidemarkError {
  const stream = formatStreamKey(key);
  return new TidemarkError("CURSOR_TYPE_MISMATCH", `${stream} keeps ${kept}, not ${given}`, {
    stream,
    cause,
  });
}

export function storeClosed(name: string): TidemarkError {
  return new TidemarkError("STATE_UNAVAILABLE", `${name}: the state store was closed`, {
    hint: "Keep the store open for as long as anything uses it.",
    recoverable: false,
  });
}
