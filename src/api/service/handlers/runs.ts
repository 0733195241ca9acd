import { isTidemarkError, messageOf, TidemarkError } from "../../../errors.ts";
import type { CursorType } from "../../../model/cursor.ts";
import { parseCursor } from "../../../model/cursor.ts";
import { emptyPosition, type Position } from "../../../model/position.ts";
import { formatStreamKey, type StreamKey } from "../../../model/stream-key.ts";
import { keptText, withText } from "../../../state/committed-text.ts";
import type { Checkpoint, Completion, StateStore } from "../../../state/contract.ts";
import { movesFromWire } from "../../contracts/partition.ts";
import {
  type BeginRequest,
  beginFromWire,
  type CheckpointRequest,
  type CompleteRequest,
  referenceFromWire,
  runToWire,
} from "../../contracts/run.ts";
import { streamToWire } from "../../contracts/stream.ts";
import { positionFromWire } from "../../contracts/values.ts";
import { RequestRefusal } from "../problems.ts";
import { actorOf, type Handlers } from "./handler.ts";

/** A run's life: begin, checkpoint, heartbeat, complete, fail. */
export const runHandlers: Handlers<"begin" | "checkpoint" | "heartbeat" | "complete" | "fail"> = {
  async begin({ state, principal, params, query, body }) {
    const by = actorOf(principal, body.actor);
    const cursorType = await typeToBegin(state, params, body);
    const options = beginFromWire(body, { cursorType, ...(by === undefined ? {} : { actor: by }) });
    return runToWire(await state.begin(params, options), query.include === "position");
  },

  async checkpoint({ state, params, body }) {
    const run = referenceFromWire(params, body);
    const { stop } = await state.checkpoint(run, await checkpointOf(state, params, body));
    return { run_id: body.run_id, epoch: body.epoch, sequence: body.sequence, stop };
  },

  async heartbeat({ state, params, body }) {
    const { stop } = await state.heartbeat(referenceFromWire(params, body));
    return { run_id: body.run_id, epoch: body.epoch, stop };
  },

  async complete({ state, params, query, body }) {
    const ended = await state.complete(referenceFromWire(params, body), completionOf(params, body));
    return streamToWire(ended, query.include === "position");
  },

  async fail({ state, params, query, body }) {
    const { error_summary: error, records_processed, metadata } = body;
    const ended = await state.fail(referenceFromWire(params, body), {
      error,
      ...(records_processed == null ? {} : { recordsProcessed: records_processed }),
      ...(metadata == null ? {} : { metadata }),
    });
    return streamToWire(ended, query.include === "position");
  },
};

/** Without a type, the stream's own is used. */
async function typeToBegin(
  state: StateStore,
  key: StreamKey,
  body: BeginRequest,
): Promise<CursorType | null> {
  if (body.cursor_type !== undefined) return body.cursor_type;
  return (await state.get(key))?.cursorType ?? "timestamp_utc";
}

async function checkpointOf(state: StateStore, key: StreamKey, body: CheckpointRequest): Promise<Checkpoint> {
  const { sequence, records_processed, correction, kept_by_output, partitions } = body;
  return {
    sequence,
    position: await checkpointPosition(state, key, body),
    recordsProcessed: records_processed ?? 0,
    ...(partitions == null ? {} : { partitions: sent(() => movesFromWire(key, partitions)) }),
    ...(correction == null ? {} : { correction }),
    ...(kept_by_output == null ? {} : { keptByOutput: kept_by_output }),
  };
}

async function checkpointPosition(
  state: StateStore,
  key: StreamKey,
  body: CheckpointRequest,
): Promise<Position> {
  const { position, new_cursor_value: value } = body;
  assertOneOfCursorAndPosition(key, body);
  if (position != null) return sent(() => positionFromWire(position, "the position that was sent"));
  if (value == null) throw cursorNotSet(key, "a checkpoint");
  if (body.kind === "backfill") {
    throw new TidemarkError(
      "INVALID_REQUEST",
      "a backfill keeps a position, and no cursor is taken for one",
      {
        stream: formatStreamKey(key),
        hint: "Send `position`, or a heartbeat to renew the lease alone.",
      },
    );
  }
  const stored = await state.get(key);
  // The store throws its own error for a stream that does not exist.
  if (stored === null) return emptyPosition;
  const watermark = watermarkOf(key, stored.cursorType, value);
  if (watermark === stored.position.watermark) return withText(stored.position, value);
  return { ...emptyPosition, watermark, ...keptText(watermark, value), coverage: stored.position.coverage };
}

function watermarkOf(key: StreamKey, type: CursorType | null, value: string): string {
  if (type === null) return value;
  try {
    return parseCursor(type, value).value;
  } catch (cause) {
    const stream = formatStreamKey(key);
    throw new TidemarkError("CURSOR_TYPE_MISMATCH", `${stream} keeps ${type} cursors: ${messageOf(cause)}`, {
      stream,
      cause,
    });
  }
}

function completionOf(key: StreamKey, body: CompleteRequest): Completion {
  const { new_cursor_value: value, position, records_processed, metadata, partitions } = body;
  assertOneOfCursorAndPosition(key, body);
  if (value === undefined && position == null) throw cursorNotSet(key, "complete");
  return {
    ...(value === undefined || value === null ? {} : { newCursor: value }),
    ...(position == null
      ? {}
      : { position: sent(() => positionFromWire(position, "the position that was sent")) }),
    ...(partitions == null ? {} : { partitions: sent(() => movesFromWire(key, partitions)) }),
    ...(records_processed == null ? {} : { recordsProcessed: records_processed }),
    ...(metadata == null ? {} : { metadata }),
  };
}

function assertOneOfCursorAndPosition(
  key: StreamKey,
  body: { position?: unknown; new_cursor_value?: unknown },
): void {
  if (body.position == null || body.new_cursor_value === undefined) return;
  throw new TidemarkError("INVALID_REQUEST", "both `new_cursor_value` and `position` are given", {
    stream: formatStreamKey(key),
    hint: "Give one of them.",
  });
}

function cursorNotSet(key: StreamKey, what: string): TidemarkError {
  return new TidemarkError("CURSOR_NOT_SET", `${what} needs \`new_cursor_value\``, {
    stream: formatStreamKey(key),
    hint: "Send the new watermark; `null` leaves it where it is, on purpose.",
  });
}

/** Converts errors about stored state to `INVALID_REQUEST`, for values that came with the request. */
export function sent<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!isTidemarkError(error)) throw error;
    throw new RequestRefusal(422, error);
  }
}
