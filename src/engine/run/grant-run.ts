import { randomUUID } from "node:crypto";
import type { Clock } from "../../clock.ts";
import { isTidemarkError } from "../../errors.ts";
import type { BeginOptions, Run } from "../../state/contract.ts";
import { processOwner } from "../../state/owner.ts";
import type { OutputSession, Pipeline, Warn } from "../ports.ts";
import type { FaultInjector } from "./fault-points.ts";
import { assertNotAppendingAgain } from "./full-refresh.ts";
import type { SyncOptions } from "./sync-options.ts";

export interface GrantParts {
  readonly pipeline: Pipeline;
  readonly options: Pick<SyncOptions, "state" | "fullRefresh" | "appendAgain" | "actor">;
  readonly begin: Pick<BeginOptions, "kind" | "backfill">;
  readonly session: OutputSession;
  readonly clock: Clock;
  readonly faults: FaultInjector;
  readonly cancelled: AbortSignal;
  readonly warn: Warn;
}

const waitBetweenTriesMs = 1000;

/**
 * Begins a run once the stream's lease is free: null where another run holds it and the pipeline has `onConcurrentRun:
 * skip`.
 */
export async function grantRun(parts: GrantParts): Promise<Run | null> {
  const { pipeline, options, session, clock, faults, cancelled, warn } = parts;
  const { onConcurrentRun } = pipeline;
  await faults("beforeBegin");
  if (options.fullRefresh === true && options.appendAgain !== true) {
    await assertNotAppendingAgain(pipeline, session, options.state);
  }
  for (;;) {
    try {
      const run = await granted(parts);
      await faults("afterBegin");
      return run;
    } catch (error) {
      if (!isTidemarkError(error, "RUN_ACTIVE") || onConcurrentRun === "takeover") throw error;
      if (onConcurrentRun === "skip") {
        warn("RUN_ACTIVE", error.message);
        return null;
      }
      await clock.sleep(waitBetweenTriesMs, cancelled);
    }
  }
}

/**
 * A full refresh takes the lease before it resets the stream, so that it does not supersede a run that it should wait
 * for.
 */
async function granted(parts: GrantParts): Promise<Run> {
  const { pipeline, options } = parts;
  const run = await tryBegin(parts);
  if (options.fullRefresh !== true) return run;
  const reset = { to: null, reason: "full refresh", actor: options.actor ?? "local" };
  await options.state.reset(pipeline.key, reset);
  return tryBegin(parts);
}

async function tryBegin({ pipeline, options, session, begin }: GrantParts): Promise<Run> {
  const { key, input, leaseSeconds, onConcurrentRun } = pipeline;
  const { state, actor } = options;
  return state.begin(key, {
    cursorType: input.incremental.cursors[0]?.type ?? null,
    ifRunning: onConcurrentRun === "takeover" ? "override" : "refuse",
    leaseSeconds,
    runId: randomUUID(),
    owner: processOwner(),
    epochFloor: await session.fencedEpoch(),
    ...begin,
    ...(actor === undefined ? {} : { actor }),
  });
}
