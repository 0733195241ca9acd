import type { Position } from "../../model/position.ts";
import { LeaseKeeper } from "../../state/lease-keeper.ts";
import { closeInput } from "../closing.ts";
import { FilterChain } from "../filtering/filter-chain.ts";
import { needsTracing } from "../filtering/in-order.ts";
import type { InputSession, PartContext } from "../ports.ts";
import { boundWatchOf } from "../tracking/bound-watch.ts";
import { KeyWarnings } from "../tracking/key-warnings.ts";
import { warnOfFutureWatermark } from "./clock-skew.ts";
import { Commits } from "./commits.ts";
import { endEarly } from "./ended-early.ts";
import { identityPlan } from "./plan-parts.ts";
import { planRun } from "./plan-run.ts";
import { ReadLoop } from "./read-loop.ts";
import type { RunParts } from "./run-parts.ts";
import { fenceOutput, startOfPartition } from "./start-of-run.ts";
import { Uncommitted } from "./uncommitted.ts";

/** The objects that are made at the start of a run and last to its end. */
interface Running {
  readonly lease: LeaseKeeper;
  readonly context: PartContext;
  readonly uncommitted: Uncommitted;
  readonly filters: FilterChain;
  readonly commits: Commits;
  readonly start: Position;
  readonly input: InputSession;
}

/** Takes a granted run from the fence on its output to its completion. Throws what ends it early. */
export async function runToEnd(parts: RunParts): Promise<void> {
  const { run, refusals } = parts;
  using lease = new LeaseKeeper(parts.state, run, parts.clock, { onStop: parts.onStop });
  const reading = new AbortController();
  const signal = AbortSignal.any([lease.signal, parts.codeFailed, reading.signal, parts.cancelled]);
  const context = parts.context(signal);
  const filters = new FilterChain(
    parts.pipeline.filters,
    { ...context, runId: run.runId },
    refusals,
    needsTracing(parts.pipeline),
  );
  const uncommitted = new Uncommitted(refusals);
  let input: InputSession | undefined;
  try {
    const found = await fenceOutput(parts);
    const commits = new Commits({ parts, lease, start: found.position, uncommitted, filters });
    parts.onStart(found.position);
    if (found.adopted) await commits.keep(found.position, found.forgetsDeliveries);
    const start = await withBackfillRange(parts, found.position, commits);
    input = await parts.pipeline.input.open({ ...context, facts: await factsOf(parts, start) });
    await readAndCommit(parts, { lease, context, uncommitted, filters, commits, start, input });
  } catch (error) {
    // For a run that has lost its stream, this error is thrown instead of the interruption that it caused.
    if (lease.signal.aborted) throw lease.signal.reason;
    throw parts.codeFailed.aborted ? parts.codeFailed.reason : error;
  } finally {
    reading.abort();
    if (input !== undefined) await closeInput(input, parts.warn);
  }
}

/** A backfill commits its range before it reads any of it, so that another run can go on with it. */
async function withBackfillRange(parts: RunParts, start: Position, commits: Commits): Promise<Position> {
  if (parts.backfill === null || start.window !== null) return start;
  const { lower, upper } = parts.backfill.range;
  const window = { lower, upper, order: "unordered", highest: null, resume: null } as const;
  const kept = { ...start, window };
  await commits.keep(kept);
  return kept;
}

/** A backfill has a position of its own; the facts that live runs have learned apply to it too. */
async function factsOf({ run, state }: RunParts, start: Position): Promise<ReadonlySet<string>> {
  if (run.kind === "live") return new Set(start.facts);
  return new Set((await state.get(run.key))?.position.facts);
}

async function readAndCommit(parts: RunParts, running: Running): Promise<void> {
  const { pipeline, session, run, clock, warn, asked, backfill, refusals, codeFailed } = parts;
  const { start, input, commits, uncommitted, filters, context } = running;
  const { signal } = context;
  const watch = watchOf(parts, input);
  const plan = await planRun({
    pipeline,
    session,
    start,
    partitionStart: (partition) => startOfPartition(parts, partition),
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
  commits.follow({ range: plan.stored, input });
  const keys = new KeyWarnings(pipeline, warn);
  const loop = new ReadLoop({
    plan,
    read: (request) => input.read(request),
    filters,
    session,
    refusals,
    uncommitted,
    committer: commits,
    pagesPerCheckpoint: pipeline.input.incremental.pagesPerCheckpoint,
    ...(pipeline.output.receipts === true ? { receipts: { clock, warn } } : {}),
    look: (look) => keys.look(look),
    onPage: () => parts.onProgress(commits.progress),
    signal,
    warn,
    faults: parts.faults,
  });
  try {
    await loop.run(parts.cancelled);
  } catch (error) {
    const isLost = running.lease.signal.aborted || codeFailed.aborted;
    throw await endEarly(error, { parts, commits, uncommitted, loop, isLost });
  }
  codeFailed.throwIfAborted();
  const isQuiet = run.kind === "live" && uncommitted.recordsRead === 0 && start.watermark !== null;
  if (isQuiet) warnIfInFuture(parts, start.watermark);
  if (isQuiet && start.window === null) await input.readNothing?.(start.watermark);
  const outcome = watch?.outcome() ?? null;
  if (outcome !== null) input.sawBound?.(outcome);
  try {
    await commits.complete();
  } finally {
    parts.onProgress(commits.progress);
  }
}

/** Where the clocks differ, `CLOCK_SKEW` says so, and the watermark may be right. */
function warnIfInFuture({ pipeline, clock, warn, warnings }: RunParts, watermark: string): void {
  const [leading] = pipeline.input.incremental.cursors;
  const isTime = leading?.type === "timestamp_utc" && leading.role !== "sourceManaged";
  if (!isTime || warnings.list().some(({ code }) => code === "CLOCK_SKEW")) return;
  warnOfFutureWatermark(warn, watermark, clock.now());
}

/** Watches the lower bound of a live run; null where the input does not need it. */
function watchOf({ run, pipeline }: RunParts, input: InputSession) {
  if (run.kind !== "live" || input.sawBound === undefined) return null;
  const [field] = pipeline.input.incremental.cursors;
  const looks = input.watchesBound?.() ?? false;
  return boundWatchOf(field, { identity: identityPlan(pipeline), looks });
}
