import { type Clock, systemClock } from "../../clock.ts";
import { emptyPosition } from "../../model/position.ts";
import type { SourceRecord } from "../../model/record.ts";
import type { StateStore } from "../../state/contract.ts";
import { closeInput } from "../closing.ts";
import { FilterChain } from "../filtering/filter-chain.ts";
import { needsTracing } from "../filtering/in-order.ts";
import type { PartContext, Pipeline } from "../ports.ts";
import { RunRefusals } from "../refusals/refusals.ts";
import { workFor } from "../user-code/user-code.ts";
import type { Committer } from "./committer.ts";
import { planRun } from "./plan-run.ts";
import { ReadLoop } from "./read-loop.ts";
import { cursorAskedFor } from "./requested-start.ts";
import { type RunResult, Warnings } from "./result.ts";
import { Uncommitted } from "./uncommitted.ts";

export interface PreviewOptions {
  readonly state: StateStore;
  readonly signal?: AbortSignal;
  /** Reads as a first run would, ignoring the state. */
  readonly fromStart?: boolean;
  /** As in `SyncOptions`. */
  readonly since?: string;
  readonly lookbackDays?: number;
  /** Called with the records of each page as they would be written. */
  readonly onRecords?: (records: readonly SourceRecord[]) => void;
  readonly clock?: Clock;
}

/**
 * Reads and filters as the next run would, and writes nothing: no output is opened, no run is begun,
 * and the watermark stays (promise P11). Throws what reading or filtering throws.
 */
export function preview(pipeline: Pipeline, options: PreviewOptions): Promise<RunResult> {
  return workFor(pipeline, (codeFailed) => look(pipeline, options, codeFailed));
}

async function look(
  pipeline: Pipeline,
  options: PreviewOptions,
  codeFailed: AbortSignal,
): Promise<RunResult> {
  const clock = options.clock ?? systemClock;
  const startedAt = clock.elapsed();
  const warnings = new Warnings();
  const reading = new AbortController();
  const given = options.signal === undefined ? [] : [options.signal];
  const signal = AbortSignal.any([codeFailed, reading.signal, ...given]);
  const context: PartContext = { key: pipeline.key, clock, signal, warn: warnings.add };
  const refusals = new RunRefusals({ pipeline, clock, warn: warnings.add, dryRun: true });
  const { state, fromStart = false, since, lookbackDays } = options;
  const { incremental } = pipeline.input;
  const asked = {
    ...(since === undefined ? {} : { since: cursorAskedFor(incremental, since, "since") }),
    ...(lookbackDays === undefined ? {} : { lookbackDays }),
  };
  const stored = fromStart ? null : await state.get(pipeline.key);
  const start = stored?.position ?? emptyPosition;
  const input = await pipeline.input.open({ ...context, facts: new Set(start.facts) });
  try {
    const session = {
      write: async ({ records }: { records: readonly SourceRecord[] }) => {
        options.onRecords?.(records);
        return records.length;
      },
    };
    const plan = await planRun({
      pipeline,
      session,
      start,
      partitionStart: async (name) => {
        const known = fromStart ? null : await state.partition(pipeline.key, name);
        return { position: known?.position ?? emptyPosition, adopted: false };
      },
      startedAt: new Date(clock.now()).toISOString(),
      input,
      clock,
      signal,
      warn: warnings.add,
      asked,
      refusals,
      backfill: null,
    });
    const uncommitted = new Uncommitted(refusals);
    const filters = new FilterChain(
      pipeline.filters,
      { ...context, runId: "preview" },
      refusals,
      needsTracing(pipeline),
    );
    const committer: Committer = {
      confirm: async () => codeFailed.throwIfAborted(),
      checkpoint: async (disorder) => {
        refusals.settle();
        uncommitted.clear();
        if (disorder !== null)
          warnings.add("ORDER_BROKEN", `the source is declared ascending and is not: ${disorder}`);
      },
    };
    const loop = new ReadLoop({
      plan,
      read: (request) => input.read(request),
      filters,
      session,
      refusals,
      uncommitted,
      committer,
      pagesPerCheckpoint: 1,
      signal,
      warn: warnings.add,
    });
    await loop.run(options.signal);
    refusals.settle();
    return {
      pipeline: pipeline.name,
      connector: pipeline.key.connector,
      stream: pipeline.key.stream,
      status: "completed",
      runId: null,
      recordsRead: uncommitted.recordsRead,
      recordsWritten: uncommitted.recordsWritten,
      recordsRefused: refusals.count,
      recordsDeadLettered: refusals.letterCount,
      filters: filters.counts(),
      pages: uncommitted.pages,
      checkpoints: 0,
      lowerBound: start.watermark,
      newCursor: plan.stored?.position().watermark ?? null,
      durationMs: Math.round(clock.elapsed() - startedAt),
      warnings: warnings.list(),
      error: null,
    };
  } finally {
    reading.abort();
    await closeInput(input, warnings.add);
  }
}
