import type { CursorField, Incremental, Input, Page, ReadRequest } from "../engine/ports.ts";
import { compareCursorValues, readCursorValue, stepCursor } from "../model/cursor.ts";
import { parseGranule } from "../model/granule.ts";
import { type SourceRecord, valueAt } from "../model/record.ts";
import { isoFormat } from "../model/timestamp.ts";

/** How a simulated source pages, and with which clock and order it answers. */
export interface SimulatedReading {
  readonly pageSize: number;
  /** `offset` shifts while records change, as real offsets do; `after` goes on behind the last record given. */
  readonly paging: "offset" | "after";
  readonly order: "ascending" | "descending" | "shuffled";
  /** How it compares the lower bound that it is sent. */
  readonly bound: "inclusive" | "exclusive";
}

/**
 * A source in memory whose records can be added, changed and removed between and during reads. It
 * answers like an API: it is sent a lower bound and pages through what lies beyond, as it is at the
 * moment of each page.
 */
export class SimulatedSource {
  records: SourceRecord[] = [];
  /** The lower bound of every request, in order: what a server's own log would show. */
  readonly requests: { readonly since: string | null; readonly page: number }[] = [];
  /** Called before each page is answered; what it throws is the source failing. */
  beforePage: (page: number) => void | Promise<void> = () => {};

  /** Adds a record, or replaces the one with the same `id`. */
  put(record: SourceRecord): void {
    this.records = [...this.records.filter((known) => known.id !== record.id), record];
  }

  remove(id: unknown): void {
    this.records = this.records.filter((known) => known.id !== id);
  }
}

const timestampField: CursorField = {
  role: "timestamp",
  type: "timestamp_utc",
  path: ["updated_at"],
  format: isoFormat,
  bound: "inclusive",
  granule: parseGranule("1us"),
};

/** The incremental settings of a source whose records are `{ id, updated_at, … }`. */
export function simulatedIncremental(overrides: Partial<Incremental> = {}): Incremental {
  return {
    cursors: [timestampField],
    order: "unordered",
    pagesPerCheckpoint: 1,
    key: [["id"]],
    onNullCursor: "fail",
    lookback: null,
    settle: null,
    maxBoundaryKeys: 10_000,
    ...overrides,
  };
}

/** The source as an `Input` of the engine. */
export function simulatedInput(
  source: SimulatedSource,
  reading: SimulatedReading,
  incremental: Incremental = simulatedIncremental(),
): Input {
  const read = (request: ReadRequest): AsyncIterable<Page> => pages(source, reading, incremental, request);
  return { kind: "simulated", incremental, open: async () => ({ read, close: async () => {} }) };
}

async function* pages(
  source: SimulatedSource,
  reading: SimulatedReading,
  incremental: Incremental,
  request: ReadRequest,
): AsyncGenerator<Page> {
  const field = incremental.cursors[0] ?? null;
  const lower = request.window.lower?.value ?? null;
  const since =
    lower !== null && field !== null && reading.bound === "exclusive" ? below(field, lower) : lower;
  const given = new Set<unknown>();
  let offset = 0;
  for (let page = 1; ; page++) {
    await source.beforePage(page);
    request.signal.throwIfAborted();
    source.requests.push({ since, page });
    const matching = sorted(source.records, field, reading).filter((record) =>
      matches(record, field, since, reading),
    );
    const rest =
      reading.paging === "offset" ? matching.slice(offset) : matching.filter(({ id }) => !given.has(id));
    const records = rest.slice(0, reading.pageSize);
    for (const { id } of records) given.add(id);
    offset += records.length;
    if (records.length > 0) yield { records, next: null };
    if (records.length < reading.pageSize) return;
  }
}

function below(field: CursorField, value: string): string {
  return stepCursor(field.type, value, field.granule, -1);
}

function matches(
  record: SourceRecord,
  field: CursorField | null,
  since: string | null,
  reading: SimulatedReading,
): boolean {
  const cursor = field === null ? null : cursorOf(record, field);
  if (since === null || cursor === null || field === null) return true;
  const order = compareCursorValues(field.type, cursor, since);
  return reading.bound === "inclusive" ? order >= 0 : order > 0;
}

function cursorOf(record: SourceRecord, field: CursorField): string | null {
  const raw = valueAt(record, field.path ?? []);
  return raw === null || raw === undefined ? null : readCursorValue(field.type, raw, field.format);
}

function sorted(
  records: readonly SourceRecord[],
  field: CursorField | null,
  reading: SimulatedReading,
): SourceRecord[] {
  if (field === null || reading.order === "shuffled") return [...records];
  const sign = reading.order === "ascending" ? 1 : -1;
  return records
    .map((record) => ({ record, cursor: cursorOf(record, field) }))
    .sort((a, b) => {
      if (a.cursor === null || b.cursor === null)
        return Number(a.cursor !== null) - Number(b.cursor !== null);
      return sign * compareCursorValues(field.type, a.cursor, b.cursor);
    })
    .map(({ record }) => record);
}
