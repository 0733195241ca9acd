import { randomUUID } from "node:crypto";
import { type Clock, systemClock } from "../../clock.ts";
import { TidemarkError } from "../../errors.ts";
import { emptyPosition, encodePosition } from "../../model/position.ts";
import { formatStreamKey, type StreamKey } from "../../model/stream-key.ts";
import type { StateStore, StreamState } from "../../state/contract.ts";
import type { ExportedPartition } from "../../state/exported.ts";
import { processOwner } from "../../state/owner.ts";
import { closeOutput } from "../closing.ts";
import type { OutputSession, Pipeline } from "../ports.ts";
import { afterLostCommitPosition } from "./starting-position.ts";

export interface RewindToOutputOptions {
  readonly state: StateStore;
  readonly reason: string;
  readonly actor: string;
  readonly clock?: Clock;
  readonly signal?: AbortSignal;
}

/**
 * Sets a stream back to the commit position of its output, with the tie set, the coverage and the partitions of that
 * position. Use it after an output was restored from an older backup: the next run delivers what the output lacks, and
 * nothing that it holds. An output without a commit position and without records is filled from the beginning. The
 * coverage of backfills is removed, since the output may have lost it.
 *
 * Throws `STREAM_NOT_FOUND`, `RUN_ACTIVE` while a run holds the stream, `OUTPUT_LOST` where the output itself is
 * damaged, and `ARGUMENT_INVALID` for an output that keeps no commit position, or has lost it and holds records.
 */
export async function rewindToOutput(
  pipeline: Pipeline,
  options: RewindToOutputOptions,
): Promise<StreamState> {
  const { key, output, input, leaseSeconds } = pipeline;
  const { state, reason, actor, clock = systemClock } = options;
  const signal = options.signal ?? new AbortController().signal;
  if (output.guarantee !== "exactly-once") throw keepsNoCommitPosition(pipeline);
  // Checked before the lease is taken: a mistyped name must not create a stream.
  await state.export(key);
  const cursor = input.incremental.cursors[0];
  const warn = (): void => {};
  const session = await output.open({
    key,
    clock,
    signal,
    warn,
    scope: "",
    leaseSeconds,
    cursorPath: cursor?.path ?? null,
    cursorType: cursor?.type ?? null,
  });
  try {
    const run = await state.begin(key, {
      cursorType: cursor?.type ?? null,
      ifRunning: "refuse",
      leaseSeconds,
      runId: randomUUID(),
      owner: processOwner(),
      epochFloor: await session.fencedEpoch(),
      actor,
    });
    try {
      const place = run.position.place ?? null;
      if (place !== null && session.place !== undefined && session.place !== place)
        throw elsewhere(key, place);
      const commitPosition = await session.fence(run.epoch, run.runId, place);
      if (commitPosition === null && (await session.holdsRecords?.()) === true)
        throw lostCommitPosition(pipeline);
      const { cursorType, metadata } = await state.export(key);
      const { connector, stream } = key;
      const partitions = await partitionsOf(state, pipeline, session);
      const position = encodePosition(commitPosition?.position ?? emptyPosition);
      const to = { connector, stream, cursorType, position, metadata, partitions };
      return await state.import(to, { reason, actor });
    } catch (error) {
      await state.fail(run, { error: "the rewind to the output was not made" }).catch(() => {});
      throw error;
    }
  } finally {
    await closeOutput(session, warn);
  }
}

/**
 * The output's commit position of each of the state's partitions; a partition that the output does not know starts
 * over.
 */
async function partitionsOf(
  state: StateStore,
  { key }: Pipeline,
  session: OutputSession,
): Promise<ExportedPartition[]> {
  const found: ExportedPartition[] = [];
  let after: string | null = null;
  do {
    const page: Awaited<ReturnType<StateStore["partitions"]>> = await state.partitions(
      key,
      after === null ? {} : { after },
    );
    for (const { partition } of page.items) {
      const commitPosition = await session.partition?.(partition);
      if (commitPosition != null)
        found.push({ partition, position: encodePosition(commitPosition.position) });
    }
    after = page.next;
  } while (after !== null);
  return found;
}

function elsewhere(key: StreamKey, place: string): TidemarkError {
  return new TidemarkError(
    "ARGUMENT_INVALID",
    `the stream has written to ${place}, and the pipeline names another`,
    {
      stream: formatStreamKey(key),
      hint: "Put the output's former place back into the pipeline for this command.",
    },
  );
}

function lostCommitPosition({ key, output }: Pipeline): TidemarkError {
  const { connector, stream } = key;
  return new TidemarkError(
    "ARGUMENT_INVALID",
    `the output (${output.kind}) holds records, and no commit position of the stream that it could be put back to`,
    {
      stream: formatStreamKey(key),
      hint:
        `${afterLostCommitPosition(key)} To go on without any of these, set the stream's position: ` +
        `tidemark state set ${connector} ${stream} VALUE --reason "…" (of a stream with partitions, each with --partition NAME)`,
    },
  );
}

function keepsNoCommitPosition({ key, output }: Pipeline): TidemarkError {
  return new TidemarkError(
    "ARGUMENT_INVALID",
    `the output (${output.kind}) keeps no position that the stream could be put back to`,
    {
      stream: formatStreamKey(key),
      hint: "Name the run to go back to (`--to-run`), or set the watermark (`tidemark state set`).",
    },
  );
}
