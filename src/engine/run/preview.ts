import { type Clock, systemClock } from "../../clock.ts";
import { emptyPosition } from "../../model/position.ts";
import type { SourceRecord } from "../../model/record.ts";
import type { StateStore } from "../../state/contract.ts";
import type { Pipeline } from "../ports.ts";
import { workFor } from "../user-code/user-code.ts";
import { dryRead } from "./dry-read.ts";
import { cursorAskedFor, type RequestedStart } from "./requested-start.ts";
import { type RunResult, Warnings } from "./result.ts";

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
 *
 * ```ts
 * await preview(pipeline, { state, onRecords: (records) => console.log(records) });
 * ```
 */
export function preview(pipeline: Pipeline, options: PreviewOptions): Promise<RunResult> {
  return workFor(pipeline, (codeFailed) => previewed(pipeline, options, codeFailed));
}

async function previewed(
  pipeline: Pipeline,
  options: PreviewOptions,
  codeFailed: AbortSignal,
): Promise<RunResult> {
  const { state, fromStart = false, clock = systemClock, signal, onRecords } = options;
  const { key, filters } = pipeline;
  const startedAt = clock.elapsed();
  const warnings = new Warnings();
  const asked = requestedStart(pipeline, options);
  const start = (fromStart ? null : await state.get(key))?.position ?? emptyPosition;
  const read = await dryRead({
    pipeline,
    filters,
    runId: "preview",
    start,
    partitionStart: async (name) => {
      const known = fromStart ? null : await state.partition(key, name);
      return { position: known?.position ?? emptyPosition, adopted: false };
    },
    facts: new Set(start.facts),
    asked,
    backfill: null,
    clock,
    warn: warnings.add,
    signal: signal === undefined ? codeFailed : AbortSignal.any([codeFailed, signal]),
    cancelled: signal,
    onRecords: (records) => onRecords?.(records),
    confirm: () => codeFailed.throwIfAborted(),
    onDisorder: (disorder) =>
      warnings.add("ORDER_BROKEN", `the source is declared ascending and is not: ${disorder}`),
  });
  return {
    pipeline: pipeline.name,
    connector: key.connector,
    stream: key.stream,
    status: "completed",
    runId: null,
    recordsRead: read.uncommitted.recordsRead,
    recordsWritten: read.uncommitted.recordsWritten,
    recordsRefused: read.refusals.count,
    recordsDeadLettered: read.refusals.letterCount,
    filters: read.filters.counts(),
    pages: read.uncommitted.pages,
    checkpoints: 0,
    lowerBound: start.watermark,
    newCursor: read.plan.stored?.position().watermark ?? null,
    durationMs: Math.round(clock.elapsed() - startedAt),
    warnings: warnings.list(),
    error: null,
  };
}

function requestedStart({ input }: Pipeline, { since, lookbackDays }: PreviewOptions): RequestedStart {
  return {
    ...(since === undefined ? {} : { since: cursorAskedFor(input.incremental, since, "since") }),
    ...(lookbackDays === undefined ? {} : { lookbackDays }),
  };
}
