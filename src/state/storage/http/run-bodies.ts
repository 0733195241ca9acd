import { movesToWire } from "../../../api/contracts/partition.ts";
import {
  type CheckpointRequest,
  type CompleteRequest,
  type FailRequest,
  referenceToWire,
} from "../../../api/contracts/run.ts";
import { positionToWire } from "../../../api/contracts/values.ts";
import { storableError } from "../../arguments.ts";
import type { Checkpoint, Completion, Failure, RunRef } from "../../contract.ts";

/** What a run's calls send. */

export function checkpointToWire(run: RunRef, made: Checkpoint): CheckpointRequest {
  const { sequence, position, partitions, recordsProcessed, correction, keptByOutput } = made;
  return {
    ...referenceToWire(run),
    sequence,
    position: positionToWire(position),
    records_processed: recordsProcessed,
    ...(partitions === undefined ? {} : { partitions: movesToWire(partitions) }),
    ...(correction === undefined ? {} : { correction }),
    ...(keptByOutput === undefined ? {} : { kept_by_output: keptByOutput }),
  };
}

export function completionToWire(run: RunRef, done: Completion): CompleteRequest {
  const { newCursor, position, partitions, recordsProcessed, metadata } = done;
  return {
    ...referenceToWire(run),
    ...(position === undefined
      ? { new_cursor_value: newCursor ?? null }
      : { position: positionToWire(position) }),
    ...(partitions === undefined ? {} : { partitions: movesToWire(partitions) }),
    ...(recordsProcessed === undefined ? {} : { records_processed: recordsProcessed }),
    ...(metadata === undefined ? {} : { metadata: { ...metadata } }),
  };
}

export function failureToWire(run: RunRef, { error, recordsProcessed, metadata }: Failure): FailRequest {
  return {
    ...referenceToWire(run),
    error_summary: storableError(error),
    ...(recordsProcessed === undefined ? {} : { records_processed: recordsProcessed }),
    ...(metadata === undefined ? {} : { metadata: { ...metadata } }),
  };
}
