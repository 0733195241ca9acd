import type { Clock } from "../../clock.ts";
import { compareCursorValues } from "../../model/cursor.ts";
import { type CursorRange, emptyPosition } from "../../model/position.ts";
import type { SourceRecord } from "../../model/record.ts";
import type { SliceStep } from "../../model/slices.ts";
import type { FilterAccount } from "../filter-account.ts";
import type { Filter, Page, Pipeline, ReadRequest, Warn } from "../ports.ts";
import { dryRead } from "../run/dry-read.ts";
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
  let newest: readonly SourceRecord[] = [];
  const before: Filter = {
    kind: "verify",
    apply: (records) => {
      newest = records;
      return records;
    },
  };
  const context = { key: pipeline.key, clock, signal, warn, runId: "verify" };
  const sample = () => sampleOf(newest.slice(0, sampleSize), pipeline.filters, context);
  const start = { ...emptyPosition, watermark: after };
  await dryRead({
    pipeline,
    filters: [before, ...pipeline.filters],
    runId: "verify",
    start,
    partitionStart: async () => ({ position: start, adopted: false }),
    facts,
    asked: {},
    backfill: range === null ? null : { range, step, concurrency, known: [] },
    clock,
    warn,
    signal,
    cancelled: signal,
    onRecords: (records) => onRecords(records, sample),
    read: (input, request) => untilPast(input.read(request), pipeline, request),
  });
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
