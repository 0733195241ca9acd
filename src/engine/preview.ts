import { type Clock, systemClock } from "../clock.ts";
import { emptyPosition } from "../model/position.ts";
import type { SourceRecord } from "../model/record.ts";
import type { StateStore } from "../state/contract.ts";
import { planRead } from "./plan-read.ts";
import type { PartContext, Pipeline } from "./ports.ts";
import { ReadLoop } from "./read-loop.ts";
import { type RunResult, Warnings } from "./result.ts";

export interface PreviewOptions {
  readonly state: StateStore;
  readonly signal?: AbortSignal;
  /** Reads as a first run would, whatever the state says. */
  readonly fromStart?: boolean;
  /** Given the records of each page as they would be written. */
  readonly onRecords?: (records: readonly SourceRecord[]) => void;
  readonly clock?: Clock;
}

/**
 * Reads and filters as the next run would, and writes nothing: no output is opened, no run is begun,
 * and the watermark stays (promise P11). Throws what reading or filtering throws.
 */
export async function preview(pipeline: Pipeline, options: PreviewOptions): Promise<RunResult> {
  const clock = options.clock ?? systemClock;
  const startedAt = clock.elapsed();
  const warnings = new Warnings();
  const reading = new AbortController();
  const signal =
    options.signal === undefined ? reading.signal : AbortSignal.any([options.signal, reading.signal]);
  const context: PartContext = { key: pipeline.key, clock, signal, warn: warnings.add };
  const stored = options.fromStart ? null : await options.state.get(pipeline.key);
  const start = stored?.position ?? emptyPosition;
  const input = await pipeline.input.open(context);
  try {
    const session = {
      write: async ({ records }: { records: readonly SourceRecord[] }) => {
        options.onRecords?.(records);
        return records.length;
      },
    };
    const { tracker, guard, request } = await planRead({
      pipeline,
      session,
      start,
      startedAt: new Date(clock.now()).toISOString(),
      input,
      clock,
      warn: warnings.add,
    });
    const loop = new ReadLoop({
      tracker,
      guard,
      filters: pipeline.filters,
      filterContext: { ...context, runId: "preview" },
      session,
      pagesPerCheckpoint: 1,
      confirm: async () => {},
      commit: async (disorder) => {
        if (disorder !== null)
          warnings.add("ORDER_BROKEN", `the source is declared ascending and is not: ${disorder}`);
      },
      onPage: () => {},
      stopReading: () => reading.abort(),
    });
    await loop.run(input.read({ ...request, signal }), options.signal);
    return {
      pipeline: pipeline.name,
      connector: pipeline.key.connector,
      stream: pipeline.key.stream,
      status: "completed",
      runId: null,
      recordsRead: loop.recordsRead,
      recordsWritten: loop.recordsWritten,
      pages: loop.pages,
      checkpoints: 0,
      lowerBound: start.watermark,
      newCursor: tracker.position({ windowFinished: true }).watermark,
      durationMs: Math.round(clock.elapsed() - startedAt),
      warnings: warnings.list(),
      error: null,
    };
  } finally {
    reading.abort();
    await input.close();
  }
}
