import type { Clock } from "../../clock.ts";
import { compareCursorValues } from "../../model/cursor.ts";
import { type CursorRange, emptyPosition } from "../../model/position.ts";
import type { SourceRecord } from "../../model/record.ts";
import type { SliceStep } from "../../model/slices.ts";
import { closeInput } from "../closing.ts";
import type { FilterAccount } from "../filter-account.ts";
import { FilterChain } from "../filtering/filter-chain.ts";
import type { Filter, Page, PartContext, Pipeline, ReadRequest, Warn } from "../ports.ts";
import { RunRefusals } from "../refusals/refusals.ts";
import { planRun } from "../run/plan-run.ts";
import { ReadLoop } from "../run/read-loop.ts";
import { Uncommitted } from "../run/uncommitted.ts";
import { readCursors } from "../tracking/record-cursors.ts";
import type { Sample } from "./verify-entries.ts";

/** Which part of the source is read. */
export interface SourceReading {
  /** `(lower, upper]` of the leading cursor; null reads on from `after` to the source's end. */
  readonly range: CursorRange | null;
  readonly after?: string | null;
  readonly step: SliceStep | null;
  readonly concurrency: number;
}

export interface SourceParts {
  readonly pipeline: Pipeline;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly warn: Warn;
  /** The facts that the stream's runs have learned about its source. */
  readonly facts: ReadonlySet<string>;
}

/** How many records are sampled to see what the filters do. */
const sampleSize = 20;

/**
 * Reads from the source as a run would, through the pipeline's own filters, and hands the records on in place of
 * writing them. The first batch includes the filters' results for single records. Throws what reading or filtering
 * throws: a read that stopped early compares nothing (promise P15).
 */
export async function readSource(
  { pipeline, clock, signal, warn, facts }: SourceParts,
  { range, after = null, step, concurrency }: SourceReading,
  onRecords: (records: readonly SourceRecord[], sample: () => Promise<Sample[]>) => Promise<void>,
): Promise<void> {
  const reading = new AbortController();
  const both = AbortSignal.any([signal, reading.signal]);
  const context: PartContext = { key: pipeline.key, clock, signal: both, warn };
  const filterContext = { ...context, runId: "verify" };
  let newest: readonly SourceRecord[] = [];
  const before: Filter = {
    kind: "verify",
    apply: (records) => {
      newest = records;
      return records;
    },
  };
  const sample = () => sampleOf(newest.slice(0, sampleSize), pipeline.filters, filterContext);
  const session = {
    write: async ({ records }: { records: readonly SourceRecord[] }) => {
      await onRecords(records, sample);
      return records.length;
    },
  };
  // A record that a run would skip is left out here too.
  const refusals = new RunRefusals({ pipeline, clock, warn, dryRun: true });
  const input = await pipeline.input.open({ ...context, facts });
  try {
    const start = { ...emptyPosition, watermark: after };
    const plan = await planRun({
      pipeline,
      session,
      start,
      partitionStart: async () => ({ position: start, adopted: false }),
      startedAt: new Date(clock.now()).toISOString(),
      input,
      clock,
      signal: both,
      warn,
      asked: {},
      refusals,
      backfill: range === null ? null : { range, step, concurrency, known: [] },
    });
    const uncommitted = new Uncommitted(refusals);
    const loop = new ReadLoop({
      plan,
      read: (request) => untilPast(input.read(request), pipeline, request),
      filters: new FilterChain([before, ...pipeline.filters], filterContext, refusals, false),
      session,
      refusals,
      uncommitted,
      committer: {
        confirm: async () => {},
        checkpoint: async () => {
          refusals.settle();
          uncommitted.clear();
        },
      },
      pagesPerCheckpoint: 1,
      signal: both,
      warn,
    });
    await loop.run(signal);
  } finally {
    reading.abort();
    await closeInput(input, warn);
  }
}

/**
 * An ascending source that does not receive the upper end would return everything after it, so the read ends with the
 * first page past it.
 */
async function* untilPast(
  pages: AsyncIterable<Page>,
  { input: { incremental } }: Pipeline,
  { window: { upper } }: Pick<ReadRequest, "window">,
): AsyncGenerator<Page> {
  const [field] = incremental.cursors;
  const ends = incremental.order === "ascending" && incremental.bounded === false;
  for await (const page of pages) {
    yield page;
    if (!ends || field === undefined || upper === null || page.records.length === 0) continue;
    const { lowest } = readCursors(page.records, field, "deliver");
    if (lowest !== null && compareCursorValues(field.type, lowest, upper.value) > 0) return;
  }
}

/** Records that a run would refuse are left out. */
function asRun({ onError }: Filter): FilterAccount {
  return {
    seen: new Set(),
    follows: false,
    dropped() {},
    made() {},
    missedField() {},
    defaulted() {},
    refuse(_, error) {
      if ((onError?.policy ?? "fail") === "fail") throw error;
    },
  };
}

async function sampleOf(
  records: readonly SourceRecord[],
  filters: readonly Filter[],
  context: Parameters<Filter["apply"]>[1],
): Promise<Sample[]> {
  const sample: Sample[] = [];
  for (const record of records) {
    let filtered: readonly SourceRecord[] = [record];
    for (const filter of filters)
      filtered = await filter.apply(filtered, { ...context, account: asRun(filter) });
    sample.push({ record, filtered });
  }
  return sample;
}
