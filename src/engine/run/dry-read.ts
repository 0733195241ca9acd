import type { Clock } from "../../clock.ts";
import type { Position } from "../../model/position.ts";
import type { SourceRecord } from "../../model/record.ts";
import { closeInput } from "../closing.ts";
import { FilterChain } from "../filtering/filter-chain.ts";
import { needsTracing } from "../filtering/in-order.ts";
import type { Filter, InputSession, Page, PartContext, Pipeline, ReadRequest, Warn } from "../ports.ts";
import { RunRefusals } from "../refusals/refusals.ts";
import type { PlanParts } from "./plan-parts.ts";
import { planRun, type RunPlan } from "./plan-run.ts";
import { ReadLoop } from "./read-loop.ts";
import { Uncommitted } from "./uncommitted.ts";

export interface DryReadParts extends Pick<PlanParts, "partitionStart" | "asked" | "backfill"> {
  readonly pipeline: Pipeline;
  /** The filters to apply, in order. */
  readonly filters: readonly Filter[];
  /** What filters get as the run's id. */
  readonly runId: string;
  readonly start: Position;
  /** What the stream's runs have learned about its source. */
  readonly facts: ReadonlySet<string>;
  readonly clock: Clock;
  readonly warn: Warn;
  /** Aborts the read. */
  readonly signal: AbortSignal;
  /** Stops the read after the current page. */
  readonly cancelled: AbortSignal | undefined;
  /** Receives the records of each page, in place of an output. */
  readonly onRecords: (records: readonly SourceRecord[]) => void | Promise<void>;
  /** Called before a page is passed on; throws where the read must end. */
  readonly confirm?: () => void;
  /** Called where a page breaks the declared order. */
  readonly onDisorder?: (disorder: string) => void;
  /** Reads a range from the input. Default: all of it. */
  readonly read?: (input: InputSession, request: ReadRequest) => AsyncIterable<Page>;
}

/** What was read. */
export interface DryRead {
  readonly plan: RunPlan;
  readonly uncommitted: Uncommitted;
  readonly filters: FilterChain;
  readonly refusals: RunRefusals;
}

/**
 * Reads and filters as a run would, without one: nothing is committed, refused records are only counted, and no
 * position moves (promise P11). Throws what reading or filtering throws.
 */
export async function dryRead(parts: DryReadParts): Promise<DryRead> {
  const { pipeline, clock, warn, start, facts, confirm, onDisorder } = parts;
  const reading = new AbortController();
  const signal = AbortSignal.any([parts.signal, reading.signal]);
  const context: PartContext = { key: pipeline.key, clock, signal, warn };
  const refusals = new RunRefusals({ pipeline, clock, warn, dryRun: true });
  const uncommitted = new Uncommitted(refusals);
  const filters = new FilterChain(
    parts.filters,
    { ...context, runId: parts.runId },
    refusals,
    needsTracing({ filters: parts.filters, output: pipeline.output }),
  );
  const session = {
    write: async ({ records }: { readonly records: readonly SourceRecord[] }) => {
      await parts.onRecords(records);
      return records.length;
    },
  };
  const input = await pipeline.input.open({ ...context, facts });
  try {
    const startedAt = new Date(clock.now()).toISOString();
    const { partitionStart, asked, backfill, read } = parts;
    const own = { pipeline, session, start, startedAt, input, clock, signal, warn, refusals };
    const plan = await planRun({ ...own, partitionStart, asked, backfill });
    const loop = new ReadLoop({
      plan,
      read: (request) => (read === undefined ? input.read(request) : read(input, request)),
      filters,
      session,
      refusals,
      uncommitted,
      committer: {
        confirm: async () => confirm?.(),
        checkpoint: async (disorder) => {
          refusals.settle();
          uncommitted.clear();
          if (disorder !== null) onDisorder?.(disorder);
        },
      },
      pagesPerCheckpoint: 1,
      signal,
      warn,
    });
    await loop.run(parts.cancelled);
    refusals.settle();
    return { plan, uncommitted, filters, refusals };
  } finally {
    reading.abort();
    await closeInput(input, warn);
  }
}
