import { TidemarkError } from "../../errors.ts";
import { isOrdered, readCursorValue } from "../../model/cursor.ts";
import { comparableNumber, ExactNumber } from "../../model/exact-number.ts";
import { contentHash } from "../../model/identity.ts";
import { stringifyJson } from "../../model/json.ts";
import { formatPath, type Path, type SourceRecord, valueAt } from "../../model/record.ts";
import { isoFormat } from "../../model/timestamp.ts";
import type { CursorField, OutputReader, Pipeline } from "../ports.ts";
import type { Entry } from "./verify-sums.ts";

/** A record of the source, and what the filters made of it. */
export interface Sample {
  readonly record: SourceRecord;
  readonly filtered: readonly SourceRecord[];
}

/** The fields that are compared, of the written records and of the output's rows. */
export class Comparison {
  /** Null where records have no key: their whole contents then stand for them. */
  readonly key: readonly Path[] | null;
  /** Null where the output does not hold the leading cursor. */
  readonly cursor: Path | null;
  readonly #field: CursorField | null;

  private constructor(key: readonly Path[] | null, cursor: Path | null, field: CursorField | null) {
    this.key = key;
    this.cursor = cursor;
    this.#field = field;
  }

  /**
   * Decides which fields are compared. If filters have renamed the cursor's field, it is the field with the same value
   * in every record of the sample. Throws `ARGUMENT_INVALID` where the output's rows cannot be identified.
   */
  static of(pipeline: Pipeline, reader: OutputReader, sample: readonly Sample[]): Comparison {
    const { incremental } = pipeline.input;
    const [leading] = incremental.cursors;
    const field = leading !== undefined && leading.path !== null && isOrdered(leading.type) ? leading : null;
    const key = reader.key ?? keyIn(incremental.key, reader, sample);
    if (key === null && !reader.wholeRecords) {
      throw new TidemarkError("ARGUMENT_INVALID", "the output's rows cannot be identified", {
        hint: "Declare the output's `key`; with `mode: append` it only says what makes a row itself.",
      });
    }
    return new Comparison(key, field === null ? null : cursorIn(field, reader, sample), field);
  }

  get paths(): readonly Path[] {
    return [...(this.key ?? []), ...(this.cursor === null ? [] : [this.cursor])];
  }

  /** Null for a record without a cursor, where cursors are compared. */
  entryOf(record: SourceRecord): Entry | null {
    const key = this.key === null ? contentHash(record) : keyText(record, this.key);
    if (this.cursor === null || this.#field === null) return { key, cursor: null };
    const cursor = cursorValue(valueAt(record, this.cursor), this.#field);
    return cursor === null ? null : { key, cursor };
  }
}

function keyIn(
  declared: readonly Path[] | null,
  reader: OutputReader,
  sample: readonly Sample[],
): readonly Path[] | null {
  if (declared === null) return null;
  const kept = sample.every(({ filtered }) =>
    filtered.every((record) => declared.every((path) => valueAt(record, path) !== undefined)),
  );
  return kept && declared.every((path) => reader.has(path)) ? declared : null;
}

function cursorIn(field: CursorField, reader: OutputReader, sample: readonly Sample[]): Path | null {
  const { path } = field;
  if (path === null) return null;
  const cursors = sample.map(({ record }) => cursorValue(valueAt(record, path), field));
  const holds = (candidate: Path): boolean =>
    reader.has(candidate) &&
    sample.every(({ filtered }, at) =>
      filtered.every((record) => cursorValue(valueAt(record, candidate), field) === cursors[at]),
    );
  if (holds(path)) return path;
  const [first] = sample.flatMap(({ filtered }) => filtered);
  return (
    Object.keys(first ?? {})
      .map((name) => [name])
      .find(holds) ?? null
  );
}

/** The cursor in a record or row; null where it has none. */
function cursorValue(raw: unknown, { type, format }: CursorField): string | null {
  if (raw === null || raw === undefined) return null;
  const text = raw instanceof Date ? raw.toISOString() : raw;
  for (const tried of [format, isoFormat]) {
    try {
      return readCursorValue(type, text, tried);
    } catch {
      // A filter or a column's type may have changed its form.
    }
  }
  return null;
}

/** Numbers and their texts are equal: a text column stores a number as text. */
function keyText(record: SourceRecord, key: readonly Path[]): string {
  const [only] = key;
  if (key.length === 1 && only !== undefined) return partText(valueAt(record, only));
  return JSON.stringify(key.map((path) => partText(valueAt(record, path))));
}

function partText(value: unknown): string {
  if (typeof value === "string") return value;
  if (typeof value === "number" || typeof value === "bigint" || value instanceof ExactNumber)
    return comparableNumber(value);
  return value === undefined ? "null" : stringifyJson(value);
}

/** The name of what is compared, for messages. */
export function describeComparison({ key, cursor }: Comparison): string {
  const of = key === null ? "whole records" : key.map(formatPath).join(", ");
  return cursor === null ? of : `${of} and ${formatPath(cursor)}`;
}
