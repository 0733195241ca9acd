import { messageOf, TidemarkError, withMessage } from "../../errors.ts";
import type { Position } from "../../model/position.ts";
import { LeaseKeeper } from "../../state/lease-keeper.ts";
import type { InputSession, PartContext } from "../ports.ts";
import { boundWatchOf } from "../tracking/bound-watch.ts";
import { KeyDoubts } from "../tracking/key-warnings.ts";
import { Commits } from "./commits.ts";
import { identityPlan, planRun } from "./plan-run.ts";
import { cancellation, ReadLoop } from "./read-loop.ts";
import { readUnits } from "./read-units.ts";
import type { RunParts } from "./run-parts.ts";

/** Takes a granted run from the fence on the output to its completion. Throws whatever ends it early. */
export async function runToEnd(parts: RunParts): Promise<void> {
  using lease = new LeaseKeeper(parts.state, parts.run, parts.clock);
  const reading = new AbortController();
  const signal = AbortSignal.any([lease.signal, parts.stray, reading.signal, parts.cancelled]);
  let input: InputSession | undefined;
  try {
    const commits = new Commits(parts, lease);
    const start = await startOf(parts, commits);
    const context = parts.context(signal);
    input = await parts.pipeline.input.open({ ...context, facts: await factsOf(parts, start) });
    await readAndCommit(parts, { lease, commits, start, input, context });
  } catch (error) {
    // A run that has lost its stream says so, whatever the interruption looked like from inside.
    if (lease.signal.aborted) throw lease.signal.reason;
    throw parts.stray.aborted ? parts.stray.reason : error;
  } finally {
    reading.abort();
    await input?.close();
  }
}

/** A backfill has a position of its own; what the live stream's runs learned of the source holds for it too. */
async function factsOf({ run, state }: RunParts, start: Position): Promise<ReadonlySet<string>> {
  if (run.kind === "live") return new Set(start.facts);
  return new Set((await state.get(run.key))?.position.facts);
}

/** A backfill keeps its range before it reads any of it, so that another run can go on with it. */
async function startOf(parts: RunParts, commits: Commits): Promise<Position> {
  const start = await commits.fence();
  if (parts.backfill === null || start.window !== null) return start;
  const { lower, upper } = parts.backfill.range;
  const window = { lower, upper, order: "unordered", highest: null, resume: null } as const;
  const kept = { ...start, window };
  await commits.keep(kept);
  return kept;
}

interface Reading {
  readonly lease: LeaseKeeper;
  readonly commits: Commits;
  readonly start: Position;
  readonly input: InputSession;
  readonly context: PartContext;
}

async function readAndCommit(parts: RunParts, reading: Reading): Promise<void> {
  const { pipeline, session, run, clock, warn, asked, backfill, refusals, stray } = parts;
  const { start, input, commits, context } = reading;
  const { signal } = context;
  const [field] = pipeline.input.incremental.cursors;
  const looks = input.watchesBound?.() ?? false;
  const isWatched = run.kind === "live" && input.sawBound !== undefined;
  const watch = isWatched ? boundWatchOf(field, { identity: identityPlan(pipeline), looks }) : null;
  const plan = await planRun({
    pipeline,
    session,
    start,
    partitionStart: (partition) => commits.partitionStart(partition),
    startedAt: run.startedAtUtc,
    input,
    clock,
    signal,
    warn,
    asked,
    refusals,
    watch,
    backfill,
  });
  commits.follow(plan.part, input);
  const keys = new KeyDoubts(pipeline, warn);
  const loop = new ReadLoop({
    look: (look) => keys.look(look),
    filters: pipeline.filters,
    filterContext: { ...context, runId: run.runId },
    session,
    refusals,
    pagesPerCheckpoint: pipeline.input.incremental.pagesPerCheckpoint,
    goesOn: plan.goesOn,
    signal,
    confirm: async () => {
      stray.throwIfAborted();
      parts.cut.throwIfAborted();
      await reading.lease.confirm();
    },
    commit: async (disorder) => {
      stray.throwIfAborted();
      parts.cut.throwIfAborted();
      await commits.checkpoint(loop, disorder);
    },
    ...(pipeline.output.receipts === true
      ? {
          inside: {
            clock,
            commit: async (disorder) => {
              stray.throwIfAborted();
              parts.cut.throwIfAborted();
              if (!refusals.holdsBack) await commits.checkpointInside(loop, disorder);
            },
          },
        }
      : {}),
    onPage: () => parts.onProgress(commits.progress(loop)),
    faults: parts.faults,
  });
  const events = readUnits(plan.units, {
    concurrency: plan.concurrency,
    read: (unit, own) => input.read({ ...unit.request, signal: AbortSignal.any([signal, own]) }),
    onRefused: (error) => warn("RESUME_REFUSED", `${error.message}; the window is read from its start`),
  });
  try {
    await loop.run(events, parts.cancelled);
  } catch (error) {
    parts.onProgress(commits.progress(loop));
    const isLost = reading.lease.signal.aborted || stray.aborted;
    const isCancelled = parts.cancelled.aborted && !isLost;
    const keeps = isCancelled || (pipeline.output.receipts === true && !isLost);
    const isKept = keeps && (await keepProgress(parts, reading, loop));
    throw isCancelled ? cancellation() : isKept ? behindTaken(error, loop.brokeOff) : error;
  }
  stray.throwIfAborted();
  const isQuiet = run.kind === "live" && loop.recordsRead === 0 && start.watermark !== null;
  if (isQuiet && start.window === null) await input.readNothing?.(start.watermark);
  const outcome = watch?.outcome() ?? null;
  if (outcome !== null) input.sawBound?.(outcome);
  try {
    await commits.complete(loop);
  } finally {
    parts.onProgress(commits.progress(loop));
  }
}

/** Commits what an ended run has delivered since its last checkpoint; false where there is nothing, or it fails. */
async function keepProgress(
  { pipeline, warn, onProgress }: RunParts,
  { commits }: Reading,
  loop: ReadLoop,
): Promise<boolean> {
  if (!loop.committable || commits.failed) return false;
  if (pipeline.output.receipts === true && !loop.moved) return false;
  if (pipeline.output.receipts !== true) {
    await commits.checkpoint(loop, null);
    onProgress(commits.progress(loop));
    return true;
  }
  try {
    await commits.checkpointInside(loop, loop.disorderAtHand);
    onProgress(commits.progress(loop));
    return true;
  } catch (error) {
    warn(
      "PROGRESS_NOT_KEPT",
      `what was delivered since the last checkpoint could not be committed, so the next run delivers it again: ${messageOf(error)}`,
    );
    return false;
  }
}

/** The failure that broke a page off, with how far the page got. */
function behindTaken(error: unknown, brokeOff: ReadLoop["brokeOff"]): unknown {
  if (!(error instanceof TidemarkError) || brokeOff === null || brokeOff.taken === 0) return error;
  const { taken, given, takenInPart } = brokeOff;
  const told = `${taken} of the ${given} records of the page were taken; the next run goes on behind them`;
  const again =
    takenInPart === 0
      ? ""
      : `, and sends ${takenInPart} of them again: a filter made several records of one, and not all of those were taken`;
  return withMessage(error, `${error.message}; ${told}${again}`);
}
