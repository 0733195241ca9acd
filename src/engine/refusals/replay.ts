import { randomUUID } from "node:crypto";
import { type Clock, systemClock } from "../../clock.ts";
import { inStream, isTidemarkError, messageOf, TidemarkError } from "../../errors.ts";
import { formatStreamKey } from "../../model/stream-key.ts";
import type { Run, StateStore, StreamState } from "../../state/contract.ts";
import { LeaseKeeper } from "../../state/lease-keeper.ts";
import { processOwner } from "../../state/owner.ts";
import { closeOutput } from "../closing.ts";
import type { DeadLetterStore, LetterEntry, OutputSession, PartContext, Pipeline } from "../ports.ts";
import { type RunWarning, Warnings } from "../run/result.ts";
import { type ReplayedLetter, ReplaySession } from "./replay-session.ts";

export interface ReplayOptions {
  readonly state: StateStore;
  /** Where the letters are. Default: the pipeline's own `deadLetter`. */
  readonly letters?: DeadLetterStore;
  /** The ids of the open letters to replay. Default: all that are open. */
  readonly ids?: readonly string[];
  /** Also replaces rows that may be newer than the letter's record. */
  readonly overwrite?: boolean;
  /** Waits for a run of the stream to end, instead of throwing `RUN_ACTIVE`. */
  readonly wait?: boolean;
  /** Stops the replay between two letters. */
  readonly signal?: AbortSignal;
  readonly onLetter?: (letter: ReplayedLetter) => void;
  readonly actor?: string;
  readonly clock?: Clock;
}

/** The result of a replay. */
export interface ReplayResult {
  /** Null where there was nothing to replay and no run began. */
  readonly runId: string | null;
  readonly letters: readonly ReplayedLetter[];
  readonly warnings: readonly RunWarning[];
  /** What ended it before all letters were tried; they stay open. */
  readonly error: TidemarkError | null;
}

/** The scope under which an output keeps what replays have delivered. */
const replayScope = "deadletters";
const waitBetweenTriesMs = 1_000;

/**
 * Sends dead letters again through the stages that they had not passed: letters of the output to the output; those of a
 * filter or of reading through all filters first. Each is delivered on its own, and marked when it is durable. A crash
 * between the two repeats the delivery where the output is at-least-once, with the same `Idempotency-Key`; an
 * exactly-once output recognises it. A letter that is refused again stays open, and counts one attempt more.
 *
 * It holds the stream's lease, so that no run is active meanwhile, and moves no watermark. A row that is newer than the
 * letter's record is not replaced.
 *
 * Throws `ARGUMENT_INVALID` for ids that are not open and for pipelines that keep no letters, `RUN_ACTIVE`, and what
 * opening the output or the state throws. A failure during the replay is the result's `error`.
 *
 * ```ts
 * const { letters } = await replayDeadLetters(pipeline, { state });
 * console.log(letters.filter(({ outcome }) => outcome === "refused").length);
 * ```
 */
export async function replayDeadLetters(pipeline: Pipeline, options: ReplayOptions): Promise<ReplayResult> {
  const letters = options.letters ?? lettersOf(pipeline);
  const warnings = new Warnings();
  try {
    const asked = chosen(pipeline, letters, options.ids);
    if (asked.length === 0) return { runId: null, letters: [], warnings: [], error: null };
    return await new Replay(pipeline, options, letters, warnings).make();
  } finally {
    letters.close();
  }
}

/** Opens where the pipeline keeps its letters. Throws `ARGUMENT_INVALID` where it keeps none. */
export function lettersOf({ output, key }: Pipeline): DeadLetterStore {
  const kept = output.onError?.keptLetters?.();
  if (kept !== undefined) return kept;
  const stream = formatStreamKey(key);
  throw new TidemarkError("ARGUMENT_INVALID", `the pipeline of ${stream} keeps no dead letters`, {
    stream,
    hint: "Declare `onError: deadLetter` and `deadLetter: { path }` under `output`.",
  });
}

/** The selected open letters. Throws `ARGUMENT_INVALID` for an id that is not among them. */
export function chosen(
  { key }: Pick<Pipeline, "key">,
  letters: DeadLetterStore,
  ids: readonly string[] | undefined,
): readonly LetterEntry[] {
  const { entries } = letters.entries(key);
  const open = entries.filter(({ status }) => status === "open");
  if (ids === undefined) return open;
  for (const id of ids) {
    if (open.some((entry) => entry.id === id)) continue;
    const found = entries.find((entry) => entry.id === id);
    const what =
      found === undefined
        ? `holds no letter ${id} of ${formatStreamKey(key)}`
        : `has ${id} as ${found.status}`;
    throw new TidemarkError("ARGUMENT_INVALID", `${letters.place} ${what}`, {
      hint: "See `tidemark deadletters list FILE` for those that are open.",
    });
  }
  return open.filter(({ id }) => ids.includes(id));
}

class Replay {
  readonly #pipeline: Pipeline;
  readonly #options: ReplayOptions;
  readonly #letters: DeadLetterStore;
  readonly #warnings: Warnings;
  readonly #clock: Clock;

  constructor(pipeline: Pipeline, options: ReplayOptions, letters: DeadLetterStore, warnings: Warnings) {
    this.#pipeline = pipeline;
    this.#options = options;
    this.#letters = letters;
    this.#warnings = warnings;
    this.#clock = options.clock ?? systemClock;
  }

  async make(): Promise<ReplayResult> {
    const { state } = this.#options;
    const session = new ReplaySession({
      pipeline: this.#pipeline,
      letters: this.#letters,
      overwrite: this.#options.overwrite ?? false,
      actor: this.#options.actor ?? "local",
      context: this.#context(this.#options.signal ?? new AbortController().signal),
    });
    const output = await this.#open(session);
    try {
      const before = await state.get(this.#pipeline.key);
      const run = await this.#begin(output);
      const error = await this.#deliver(run, session, output);
      await this.#end(run, before, session, error);
      const letters = session.done;
      return { runId: run.runId, letters, warnings: this.#warnings.list(), error };
    } finally {
      await closeOutput(output, this.#warnings.add);
    }
  }

  #open(session: ReplaySession): Promise<OutputSession> {
    const { output, input, leaseSeconds } = this.#pipeline;
    const [cursor] = input.incremental.cursors;
    const guarded = this.#options.overwrite !== true && cursor !== undefined;
    return output.open({
      ...session.context,
      scope: replayScope,
      leaseSeconds,
      ...(guarded ? { cursorPath: cursor.path, cursorType: cursor.type } : {}),
      refusals: session.refusals,
    });
  }

  #context(signal: AbortSignal): PartContext {
    // Whether a row may be overwritten is asked before each letter.
    const warn = (code: string, message: string): void => {
      if (code !== "BACKFILL_MAY_OVERWRITE") this.#warnings.add(code, message);
    };
    return { key: this.#pipeline.key, clock: this.#clock, signal, warn };
  }

  async #begin(output: OutputSession): Promise<Run> {
    const { key, input, leaseSeconds } = this.#pipeline;
    const { state, actor, wait = false, signal } = this.#options;
    for (;;) {
      try {
        return await state.begin(key, {
          cursorType: input.incremental.cursors[0]?.type ?? null,
          ifRunning: "refuse",
          leaseSeconds,
          runId: randomUUID(),
          owner: processOwner(),
          epochFloor: await output.fencedEpoch(),
          ...(actor === undefined ? {} : { actor }),
        });
      } catch (error) {
        if (!wait || !isTidemarkError(error, "RUN_ACTIVE")) throw error;
        await this.#clock.sleep(waitBetweenTriesMs, signal);
      }
    }
  }

  /** Returns what ended it early. */
  async #deliver(run: Run, session: ReplaySession, output: OutputSession): Promise<TidemarkError | null> {
    const { state, signal, ids, onLetter } = this.#options;
    const stop = new AbortController();
    using lease = new LeaseKeeper(state, run, this.#clock, { onStop: (error) => stop.abort(error) });
    try {
      await session.begin(run, output);
      // Read again under the lease: another replay may have been first.
      const open = new Set(chosen(this.#pipeline, this.#letters, undefined).map(({ id }) => id));
      const asked = ids === undefined ? undefined : ids.filter((id) => open.has(id));
      for (const entry of chosen(this.#pipeline, this.#letters, asked)) {
        if (signal?.aborted) throw stopped();
        await lease.confirm();
        stop.signal.throwIfAborted();
        const replayed = await session.replay(entry);
        onLetter?.(replayed);
      }
      await session.finish();
      return null;
    } catch (thrown) {
      const error = lease.signal.aborted ? lease.signal.reason : thrown;
      if (error instanceof TidemarkError) return inStream(error, formatStreamKey(run.key));
      return new TidemarkError("INTERNAL", messageOf(error), { cause: error });
    }
  }

  /** A replay does not read the source, so a stream that failed before it keeps the status `failed`. */
  async #end(
    run: Run,
    before: StreamState | null,
    session: ReplaySession,
    error: TidemarkError | null,
  ): Promise<void> {
    const { state } = this.#options;
    const metadata = {
      replayed_dead_letters: session.counts(),
      ...(error === null ? {} : { error: `${error.code}: ${error.message}` }),
    };
    const recordsProcessed = session.recordsWritten;
    const failed = before !== null && (before.status === "failed" || before.status === "running");
    const cut = "the run before a replay of dead letters did not come to its end";
    try {
      if (failed) await state.fail(run, { error: before.lastError ?? cut, metadata, recordsProcessed });
      else await state.complete(run, { metadata, recordsProcessed });
    } catch (failure) {
      this.#warnings.add("REPLAY_NOT_RECORDED", messageOf(failure));
    }
  }
}

function stopped(): TidemarkError {
  return new TidemarkError("RUN_CANCELLED", "the replay was asked to stop, and did so after a letter");
}
