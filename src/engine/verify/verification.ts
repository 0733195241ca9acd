import type { Clock } from "../../clock.ts";
import { compareCursorValues, stepCursor } from "../../model/cursor.ts";
import type { CursorRange } from "../../model/position.ts";
import type { SourceRecord } from "../../model/record.ts";
import type { SliceStep } from "../../model/slices.ts";
import type { CursorField, OutputReader, Pipeline, Warn } from "../ports.ts";
import { Comparison, describeComparison } from "./verify-entries.ts";
import { type Difference, RecordComparison } from "./verify-records.ts";
import type { VerifiedInterval, VerifiedRange, VerifyResult } from "./verify-result.ts";
import { readSource, type SourceReading } from "./verify-source.ts";
import { axisOf, type Cell, differs, type Entry, IntervalSums, valueOfPosition } from "./verify-sums.ts";

export interface VerificationParts {
  readonly pipeline: Pipeline;
  readonly reader: OutputReader;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly warn: Warn;
  /** The cursor that ranges are cut by, and the range; null for streams that are read as a whole. */
  readonly field: CursorField | null;
  readonly range: CursorRange | null;
  readonly watermark: string | null;
  /** The facts that the stream's runs have learned about its source. */
  readonly facts: ReadonlySet<string>;
  readonly step: SliceStep | null;
  readonly concurrency: number;
  readonly limit: number;
}

export type Compared = Omit<
  VerifyResult,
  "pipeline" | "connector" | "stream" | "from" | "to" | "uncovered" | "durationMs" | "warnings"
>;

/** More ranges than this are read in one go, from the first to the last. */
const mostReads = 32;

/** One comparison of a source with its output. */
export class Verification {
  readonly #parts: VerificationParts;
  #comparison: Comparison | null = null;
  #sums = new IntervalSums(axisOf(null));
  #withoutCursor = 0;

  constructor(parts: VerificationParts) {
    this.#parts = parts;
  }

  async compare(): Promise<Compared> {
    const { range } = this.#parts;
    await this.#readSource(range, (entry) => this.#sums.add(entry, "source"));
    await this.#readOutput((entry) => this.#sums.add(entry, "output"));
    this.#warnWithoutCursor();
    const cells = this.#sums.cells();
    const differing = cells.filter(differs);
    const tally = new Differences(this.#parts.limit, this.#parts.field);
    const { pending, unlisted } =
      differing.length === 0 ? { pending: 0, unlisted: 0 } : await this.#lookClosely(differing, tally);
    const comparison = this.#compared();
    const { missing, extra, different, differences } = tally;
    const truly = new Set(differing.filter((cell) => tally.touched(cell)));
    return {
      equal: missing + extra + different + unlisted === 0,
      compared: comparison.cursor === null ? "key" : "key and cursor",
      fields: describeComparison(comparison),
      sourceRecords: cells.reduce((sum, { source }) => sum + source, 0),
      outputRecords: cells.reduce((sum, { output }) => sum + output, 0),
      intervals: { compared: cells.length, equal: cells.length - truly.size, differing: truly.size },
      differing: [...truly].slice(0, this.#parts.limit).flatMap((cell) => this.#interval(cell)),
      missing,
      extra,
      different,
      unlisted,
      pending,
      differences,
      gaps: this.#gaps(cells, tally),
    };
  }

  #compared(): Comparison {
    this.#comparison ??= this.#learn([]);
    return this.#comparison;
  }

  #learn(sample: Parameters<typeof Comparison.of>[2]): Comparison {
    const { pipeline, reader, field, warn } = this.#parts;
    const comparison = Comparison.of(pipeline, reader, sample);
    if (comparison.cursor === null && field !== null) {
      warn(
        "KEYS_ONLY",
        "the output does not hold the leading cursor, so only keys are compared: a row that is older than its record does not show",
      );
    }
    this.#sums = new IntervalSums(axisOf(comparison.cursor === null ? null : (field?.type ?? null)));
    return comparison;
  }

  async #readSource(
    range: CursorRange | null,
    each: (entry: Entry) => void,
    more: Partial<SourceReading> = {},
  ): Promise<void> {
    const { step, concurrency } = this.#parts;
    await readSource(this.#parts, { range, step, concurrency, ...more }, async (records, sample) => {
      this.#comparison ??= this.#learn(await sample());
      this.#each(records, each);
    });
  }

  /** Reads the output's rows within the range. */
  async #readOutput(each: (entry: Entry) => void): Promise<void> {
    const { reader, signal, field, range } = this.#parts;
    const comparison = this.#compared();
    const inside = ({ cursor }: Entry): boolean => {
      if (cursor === null || field === null || range === null) return true;
      if (compareCursorValues(field.type, cursor, range.upper) > 0) return false;
      return range.lower === null || compareCursorValues(field.type, cursor, range.lower) > 0;
    };
    for await (const rows of reader.rows(comparison.paths, signal)) {
      this.#each(rows, (entry) => {
        if (inside(entry)) each(entry);
      });
    }
  }

  #each(records: readonly SourceRecord[], each: (entry: Entry) => void): void {
    const comparison = this.#compared();
    for (const record of records) {
      const entry = comparison.entryOf(record);
      if (entry === null) this.#withoutCursor += 1;
      else each(entry);
    }
  }

  #warnWithoutCursor(): void {
    const message = "records and rows without a readable cursor are not compared";
    for (let count = 0; count < Math.min(this.#withoutCursor, 1000); count++)
      this.#parts.warn("CURSOR_NULL", message);
  }

  /** Compares the differing intervals record by record. */
  async #lookClosely(
    differing: readonly Cell[],
    tally: Differences,
  ): Promise<{ pending: number; unlisted: number }> {
    const { pipeline, field, watermark } = this.#parts;
    const { appends } = pipeline.output;
    const records = new RecordComparison({
      sums: this.#sums,
      type:
        this.#sums.axis.kind === "cursor" || this.#compared().cursor !== null ? (field?.type ?? null) : null,
      appends,
      found: (difference, cell) => tally.add(difference, cell),
    });
    const ranges = this.#ranges(differing);
    if (records.isLarge) {
      for (const range of ranges) await this.#readSource(range, (entry) => records.narrow(entry, "source"));
      await this.#readOutput((entry) => records.narrow(entry, "output"));
    }
    for (const range of ranges) await this.#readSource(range, (entry) => records.source(entry));
    await this.#readOutput((entry) => records.output(entry));
    let pending = 0;
    if (records.extras.size > 0 && field !== null && watermark !== null) {
      const renewed = (entry: Entry): void => {
        if (records.renewed(entry)) pending += 1;
      };
      await this.#readSource(null, renewed, { after: watermark });
    }
    records.finish();
    let unlisted = 0;
    for (const [cell, count] of records.unlisted) {
      unlisted += count;
      tally.wholly(cell);
    }
    return { pending, unlisted };
  }

  /** The range of the source that holds the intervals; the whole source where they are not intervals of the cursor. */
  #ranges(differing: readonly Cell[]): (CursorRange | null)[] {
    const { range, field, pipeline } = this.#parts;
    if (range === null || field === null || this.#sums.axis.kind === "key") return [range];
    const runs: { first: Cell; last: Cell }[] = [];
    for (const cell of differing) {
      const run = runs.at(-1);
      if (run !== undefined && cell.index <= run.last.index + 1) run.last = cell;
      else runs.push({ first: cell, last: cell });
    }
    const [first] = runs;
    const last = runs.at(-1);
    if (first === undefined || last === undefined) return [];
    const inOne = pipeline.input.incremental.bounded === false || runs.length > mostReads;
    const read = inOne ? [{ first: first.first, last: last.last }] : runs;
    return read.map((run) => this.#clipped(this.#start(run.first), this.#start(run.last, 1)));
  }

  /** The start of an interval, or of the one a number of steps further. */
  #start({ index }: Cell, further = 0): string {
    const { width } = this.#sums;
    const position = (index + further) * width;
    // A number past 2^53 is not exact as a position, so its interval is read wider.
    const slack = Math.abs(position) > Number.MAX_SAFE_INTEGER ? (further === 0 ? -width : width) : 0;
    return valueOfPosition(this.#parts.field?.type ?? "numeric_id", position + slack);
  }

  #clipped(from: string, before: string): CursorRange {
    const { range, field } = this.#parts;
    if (range === null || field === null) return { lower: null, upper: before };
    const { type, precision } = field;
    const lower = stepCursor(type, from, precision, -1);
    const isBelow = range.lower !== null && compareCursorValues(type, lower, range.lower) < 0;
    const isAbove = compareCursorValues(type, before, range.upper) > 0;
    return { lower: isBelow ? range.lower : lower, upper: isAbove ? range.upper : before };
  }

  #interval(cell: Cell): VerifiedInterval[] {
    if (this.#sums.axis.kind === "key") return [];
    const { source, output } = cell;
    return [{ from: this.#start(cell), before: this.#start(cell, 1), source, output }];
  }

  /** The ranges to read again; adjacent ones are merged. */
  #gaps(cells: readonly Cell[], tally: Differences): VerifiedRange[] {
    const { range, field } = this.#parts;
    if (range === null || field === null || !tally.hasGaps) return [];
    if (this.#sums.axis.kind === "key") {
      const { lower } = range;
      const from = lower === null ? null : stepCursor(field.type, lower, field.precision, 1);
      return [{ from, to: range.upper }];
    }
    const found: { from: string | null; to: string }[] = [];
    let open = false;
    for (const cell of cells) {
      const range = tally.rangeOf(cell) ?? (tally.isWhole(cell) ? this.#wholeOf(cell) : null);
      const last = found.at(-1);
      if (range === null) open = false;
      else if (open && last !== undefined) last.to = range.to;
      else found.push({ ...range });
      if (range !== null) open = true;
    }
    return found;
  }

  #wholeOf(cell: Cell): VerifiedRange {
    const { lower, upper } = this.#clipped(this.#start(cell), this.#start(cell, 1));
    const { field } = this.#parts;
    if (lower === null || field === null) return { from: lower, to: upper };
    return { from: stepCursor(field.type, lower, field.precision, 1), to: upper };
  }
}

/** Counts differences, keeps the first ones, and the range to read again in each interval. */
class Differences {
  missing = 0;
  extra = 0;
  different = 0;
  readonly differences: Difference[] = [];
  readonly #limit: number;
  readonly #field: CursorField | null;
  readonly #ranges = new Map<Cell, { from: string; to: string }>();
  readonly #whole = new Set<Cell>();
  readonly #touched = new Set<Cell>();

  constructor(limit: number, field: CursorField | null) {
    this.#limit = limit;
    this.#field = field;
  }

  get hasGaps(): boolean {
    return this.missing + this.different + this.#whole.size > 0;
  }

  add(difference: Difference, cell: Cell): void {
    this[difference.kind] += 1;
    this.#touched.add(cell);
    if (this.differences.length < this.#limit) this.differences.push(difference);
    if (difference.kind !== "extra" && difference.source !== null) this.#reach(cell, difference.source);
  }

  /** Marks a whole interval to be read again. */
  wholly(cell: Cell): void {
    this.#whole.add(cell);
    this.#touched.add(cell);
  }

  touched(cell: Cell): boolean {
    return this.#touched.has(cell);
  }

  isWhole(cell: Cell): boolean {
    return this.#whole.has(cell);
  }

  rangeOf(cell: Cell): VerifiedRange | null {
    return this.#whole.has(cell) ? null : (this.#ranges.get(cell) ?? null);
  }

  #reach(cell: Cell, cursor: string): void {
    const range = this.#ranges.get(cell);
    if (range === undefined) this.#ranges.set(cell, { from: cursor, to: cursor });
    else if (this.#field !== null) {
      if (compareCursorValues(this.#field.type, cursor, range.from) < 0) range.from = cursor;
      if (compareCursorValues(this.#field.type, cursor, range.to) > 0) range.to = cursor;
    }
  }
}
