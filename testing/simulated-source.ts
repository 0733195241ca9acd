import type { CursorField, Incremental, Input, Page, ReadRequest } from "../src/engine/ports.ts";
import { TidemarkError } from "../src/errors.ts";
import { compareCursorValues, readCursorValue, stepCursor } from "../src/model/cursor.ts";
import type { ResumePoint } from "../src/model/position.ts";
import { type Precision, parsePrecision } from "../src/model/precision.ts";
import { type SourceRecord, valueAt } from "../src/model/record.ts";
import { isoFormat } from "../src/model/timestamp.ts";

/** How a simulated source pages, and with which clock and order it answers. */
export interface SimulatedReading {
  readonly pageSize: number;
  /**
   * `keyset` goes on behind the last cursor and id given; `snapshot` pages through the records as they
   * were at the first page, as many page tokens do; `offset` shifts while records change.
   */
  readonly paging: "keyset" | "snapshot" | "offset";
  /** `stored` is the order of `records`; `shuffled` has nothing to do with anything and stays the same. */
  readonly order: "ascending" | "descending" | "stored" | "shuffled";
  /** How it compares the lower bound that it is sent. */
  readonly bound: "inclusive" | "exclusive";
  /** Whether it is sent the upper bound as well, which it compares inclusively. Default: no. */
  readonly bounded?: boolean;
  /** How far past that bound it answers, as an API does that takes whole seconds. Default: not at all. */
  readonly overshoot?: Precision;
}

/** What a request asks for. */
export interface Asked {
  readonly since: string | null;
  readonly until: string | null;
  readonly partition: string | null;
}

/**
 * A source in memory whose records can be added, changed and removed between and during reads. It
 * answers like an API: it is sent a lower bound and pages through what lies beyond, as it is at the
 * moment of each page.
 */
export class SimulatedSource {
  records: SourceRecord[] = [];
  /** The lower bound of every request, in order: what a server's own log would show. */
  readonly requests: {
    readonly since: string | null;
    readonly until: string | null;
    readonly partition: string | null;
    readonly page: number;
  }[] = [];
  /** What page tokens stand for; `forgetTokens` makes the source refuse those it has given out. */
  readonly tokens = new Map<string, PageState>();
  /** Called before each page is answered; what it throws is the source failing. */
  beforePage: (page: number, asked: Asked) => void | Promise<void> = () => {};

  forgetTokens(): void {
    this.tokens.clear();
  }

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
  precision: parsePrecision("1us"),
};

/** The incremental settings of a source whose records are `{ id, updated_at, … }`. */
export function simulatedIncremental(overrides: Partial<Incremental> = {}): Incremental {
  return {
    cursors: [timestampField],
    order: "unordered",
    pagesPerCheckpoint: 1,
    resume: "token",
    key: [["id"]],
    onNullCursor: "fail",
    lookback: null,
    safetyLag: null,
    maxTieSetSize: 10_000,
    ...overrides,
  };
}

/**
 * The source as an `Input` of the engine. Where `incremental` declares partitions, they are what
 * records hold as `partition`.
 */
export function simulatedInput(
  source: SimulatedSource,
  reading: SimulatedReading,
  incremental: Incremental = simulatedIncremental(),
): Input {
  const read = (request: ReadRequest): AsyncIterable<Page> => pages(source, reading, incremental, request);
  async function* partitions(): AsyncGenerator<readonly string[]> {
    yield [...new Set(source.records.map((record) => String(record.partition)))];
  }
  return {
    kind: "simulated",
    incremental,
    open: async () => ({ read, partitions, close: async () => {} }),
  };
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
  const until = reading.bounded ? (request.window.upper?.value ?? null) : null;
  const { overshoot } = reading;
  const end =
    until === null || field === null || overshoot === undefined
      ? until
      : stepCursor(field.type, until, overshoot, 1);
  const partition = request.partition ?? null;
  let at = stateAt(source, request.resume);
  for (let page = 1; ; page++) {
    await source.beforePage(page, { since, until, partition });
    request.signal.throwIfAborted();
    source.requests.push({ since, until, partition, page });
    const found = sorted(source.records, field, reading).filter(
      (record) =>
        (partition === null || record.partition === partition) &&
        matches(record, field, since, reading) &&
        !isPast(record, field, end),
    );
    const { last, offset, snapshot = found } = at;
    const rest =
      reading.paging === "keyset"
        ? found.filter((record) => last === undefined || isBehind(record, last, field, reading))
        : (reading.paging === "snapshot" ? snapshot : found).slice(offset);
    const records = rest.slice(0, reading.pageSize);
    at = { last: records.at(-1) ?? last, offset: offset + records.length, snapshot };
    const more = records.length === reading.pageSize;
    if (records.length > 0) yield { records, next: more ? placeOf(source, reading, at) : null };
    if (!more) return;
  }
}

/** How far a read has come, as its page token stands for it. */
interface PageState {
  readonly last?: SourceRecord | undefined;
  readonly offset: number;
  readonly snapshot?: readonly SourceRecord[];
}

function placeOf(source: SimulatedSource, reading: SimulatedReading, at: PageState): ResumePoint {
  if (reading.paging === "offset") return { kind: "offset", token: String(at.offset) };
  const token = `token-${source.requests.length}`;
  source.tokens.set(token, at);
  return { kind: "token", token };
}

function stateAt(source: SimulatedSource, resume: ResumePoint | null): PageState {
  if (resume === null) return { offset: 0 };
  if (resume.kind === "offset") return { offset: Number(resume.token) };
  const at = source.tokens.get(resume.token);
  if (at === undefined) throw new TidemarkError("RESUME_REFUSED", `${resume.token} is not known`);
  return at;
}

function isBehind(
  record: SourceRecord,
  last: SourceRecord,
  field: CursorField | null,
  reading: SimulatedReading,
): boolean {
  return compareRecords(record, last, field, reading) > 0;
}

function below(field: CursorField, value: string): string {
  return stepCursor(field.type, value, field.precision, -1);
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

function isPast(record: SourceRecord, field: CursorField | null, until: string | null): boolean {
  const cursor = field === null || until === null ? null : cursorOf(record, field);
  return (
    cursor !== null && until !== null && field !== null && compareCursorValues(field.type, cursor, until) > 0
  );
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
  if (reading.order === "stored") return [...records];
  if (reading.order === "shuffled") return [...records].sort((a, b) => shuffleKey(a) - shuffleKey(b));
  return [...records].sort((a, b) => compareRecords(a, b, field, reading));
}

/** An order that has nothing to do with the cursor, and is the same each time. */
function shuffleKey(record: SourceRecord): number {
  return (Number(record.id) * 7919) % 104_729;
}

/** By cursor in the reading's direction, records without one first, and by id among equals. */
function compareRecords(
  a: SourceRecord,
  b: SourceRecord,
  field: CursorField | null,
  reading: SimulatedReading,
): number {
  const [first, second] = field === null ? [null, null] : [cursorOf(a, field), cursorOf(b, field)];
  const byId = Number(a.id) - Number(b.id);
  if (field === null || first === null || second === null) {
    return Number(first !== null) - Number(second !== null) || byId;
  }
  const sign = reading.order === "descending" ? -1 : 1;
  return sign * compareCursorValues(field.type, first, second) || byId;
}
