import { TidemarkError } from "../../errors.ts";
import { readCursorValue } from "../../model/cursor.ts";
import { requireKey } from "../../model/identity.ts";
import { formatPath, isRecord, type SourceRecord, valueAt } from "../../model/record.ts";
import type { CursorField, Incremental, Page, Refusal, Refusals, Warn } from "../ports.ts";
import { nameOfContent } from "../refusals/dead-letters.ts";
import { epochUnitWarning } from "./epoch-unit.ts";
import {
  type CursorsOfPage,
  cursorUnknown,
  describeRecord,
  lacksField,
  readCursors,
} from "./record-cursors.ts";
import type { TieSet } from "./tie-set.ts";
import type { TrackerOptions } from "./tracker-options.ts";
import { type Unreadable, unreadableOf } from "./unreadable-record.ts";

export interface ReadableRecordsOptions {
  readonly incremental: Incremental;
  readonly refusals: Refusals;
  /** Whether a record of the stream was ever read, by an earlier run. */
  readonly hasRead: boolean;
  /** Whether an unreadable record is refused for the first time; it is remembered from then on. */
  readonly isNew: (value: unknown) => boolean;
  readonly warn: Warn;
}

/** The records of a page that can be read. */
export interface Readable {
  readonly records: readonly SourceRecord[];
  /** Their leading cursors; null for a stream whose records have none. */
  readonly read: CursorsOfPage | null;
}

/**
 * Separates the readable records of a page from the others: those whose cursor is missing or does not parse, that lack
 * their key, or that are not records. The others are refused by the output's `onError`, each once until it changes.
 * Their place in the order is unknown, so the read goes on without them.
 *
 * As long as no record of the stream could be read, an unreadable one fails the run whatever `onError` says: otherwise
 * a mistyped field would refuse every record.
 */
export class ReadableRecords {
  readonly #options: ReadableRecordsOptions;
  readonly #field: CursorField | null;
  #hasRead: boolean;
  /** Whether the cursor's field was checked where nulls are accepted: a mistyped field is null everywhere. */
  #lookedForField = false;
  #lookedAtUnit = false;

  constructor(options: ReadableRecordsOptions) {
    const [leading] = options.incremental.cursors;
    this.#options = options;
    this.#field = leading === undefined || leading.path === null ? null : leading;
    this.#hasRead = options.hasRead;
  }

  of(page: Page): Readable {
    const readable = this.#read(page);
    this.#warnOfSkipped(readable);
    return readable;
  }

  #read({ records, holdsUnreadable = false }: Page): Readable {
    const read = holdsUnreadable ? null : this.#readAll(records);
    this.#lookForField(records);
    if (read?.cursors != null) this.#lookAtUnit(records, read.cursors);
    if (read !== null) {
      if (records.length > 0) this.#hasRead = true;
      return { records, read: read.cursors };
    }
    const refused: Unreadable[] = [];
    const left: SourceRecord[] = [];
    for (const record of records) {
      const unreadable = unreadableOf(record) ?? this.#problemOf(record, records);
      if (unreadable === null) left.push(record);
      else refused.push(unreadable);
    }
    if (left.length > 0) this.#hasRead = true;
    for (const one of refused) this.#refuse(one);
    return { records: left, read: this.#cursorsOf(left) };
  }

  /** Null where one of them cannot be read, and the run goes on without it. */
  #readAll(records: readonly SourceRecord[]): { readonly cursors: CursorsOfPage | null } | null {
    const { goesOn } = this.#options.refusals;
    try {
      // Under `fail`, an invalid key or secondary cursor is reported by the code that uses it.
      if (goesOn) for (const record of records) this.#requireRest(record);
      return { cursors: this.#cursorsOf(records) };
    } catch (error) {
      if (!goesOn || !isOfRecord(error)) throw error;
      return null;
    }
  }

  /** Warns once in a run if no record of its first page has the cursor's field and nulls are accepted. */
  #lookForField(records: readonly SourceRecord[]): void {
    const { incremental, warn } = this.#options;
    const path = this.#field?.path ?? null;
    if (this.#lookedForField || path === null || records.length === 0) return;
    this.#lookedForField = true;
    if (incremental.onNullCursor === "fail" || !lacksField(records, path)) return;
    const { message, hint } = cursorUnknown(records, path);
    const done = incremental.onNullCursor === "skip" ? "left out" : "delivered without a cursor";
    warn("FIELD_UNKNOWN", `${message}. The records are ${done}, as \`onNullCursor\` says. ${hint}`);
  }

  /** Warns once in a run if its first record has a time that is plausible only in another unit of `format`. */
  #lookAtUnit([first]: readonly SourceRecord[], { cursors: [cursor = null] }: CursorsOfPage): void {
    const field = this.#field;
    if (this.#lookedAtUnit || first === undefined || cursor === null || field === null) return;
    this.#lookedAtUnit = true;
    const warning = epochUnitWarning(valueAt(first, field.path ?? []), cursor, field);
    if (warning !== null) this.#options.warn("EPOCH_UNIT", warning);
  }

  #cursorsOf(
    records: readonly SourceRecord[],
    page: readonly SourceRecord[] = records,
  ): CursorsOfPage | null {
    const { onNullCursor } = this.#options.incremental;
    return this.#field === null ? null : readCursors(records, this.#field, onNullCursor, page);
  }

  /** Warns of each record that is left out because it has no cursor: the run's summary counts them. */
  #warnOfSkipped({ read }: Readable): void {
    const { incremental, warn } = this.#options;
    const path = this.#field?.path ?? null;
    if (read === null || read.ascending || incremental.onNullCursor !== "skip" || path === null) return;
    for (const cursor of read.cursors) {
      if (cursor !== null) continue;
      warn(
        "NULL_CURSORS_SKIPPED",
        `records have no value in their cursor field ${formatPath(path)} and were left out, as \`onNullCursor: skip\` says`,
      );
    }
  }

  #requireRest(record: SourceRecord): void {
    const { key, cursors } = this.#options.incremental;
    if (key !== null) requireKey(record, key);
    for (let at = 1; at < cursors.length; at++) {
      const further = cursors[at];
      if (further === undefined || further.path === null) continue;
      const raw = valueAt(record, further.path);
      if (raw !== null && raw !== undefined) readCursorValue(further.type, raw, further.format);
    }
  }

  #problemOf(record: SourceRecord, page: readonly SourceRecord[]): Unreadable | null {
    try {
      if (this.#options.refusals.goesOn) this.#requireRest(record);
      this.#cursorsOf([record], page);
      return null;
    } catch (error) {
      if (isOfRecord(error)) return { value: record, error };
      throw error;
    }
  }

  #refuse({ value, error }: Unreadable): void {
    const { refusals, isNew } = this.#options;
    if (!refusals.goesOn) throw error;
    if (!this.#hasRead) throw neverRead(error);
    if (isNew(value)) refusals.refuse(refusalOf({ value, error }));
  }
}

/**
 * The readable records of one tracker. An unreadable record is remembered by its content, like one without a cursor.
 */
export function readableRecords(options: TrackerOptions, ties: TieSet): ReadableRecords {
  const { incremental, refusals, start, warn } = options;
  return new ReadableRecords({
    incremental,
    refusals,
    hasRead: start.watermark !== null,
    isNew: (value) => ties.takesIdentity(refusedIdentity(nameOfContent(value))),
    warn,
  });
}

/** Why a single record cannot be read with these settings; null where it can. */
export function unreadableBy(record: SourceRecord, incremental: Incremental): TidemarkError | null {
  let refused: TidemarkError | null = null;
  const refusals: Refusals = {
    goesOn: true,
    refuse: ({ reason }) => {
      refused = reason;
    },
    settle() {},
  };
  const options = { incremental, refusals, hasRead: true, isNew: () => true, warn: () => {} };
  new ReadableRecords(options).of({ records: [record], next: null });
  return refused;
}

const ofRecord: ReadonlySet<string> = new Set([
  "RECORD_INVALID",
  "CURSOR_INVALID",
  "CURSOR_NULL",
  "FIELD_UNKNOWN",
]);

/** Whether an error says that one record cannot be read. */
function isOfRecord(error: unknown): error is TidemarkError {
  if (!(error instanceof TidemarkError)) return false;
  return ofRecord.has(error.code);
}

function neverRead(error: TidemarkError): TidemarkError {
  return new TidemarkError(error.code, error.message, {
    cause: error,
    hint: `${error.hint} No record of this stream could be read so far, so \`onError\` is not asked.`,
    ...(error.details === undefined ? {} : { details: error.details }),
  });
}

/** The name of a refused record in the tie set. */
function refusedIdentity(nameOfContent: string): string {
  return `refused ${nameOfContent}`;
}

/** For a tracker that remembers no records: the page without its unreadable records, which are refused each time. */
export function withoutUnreadable(page: Page, refusals: Refusals): Page {
  if (page.holdsUnreadable !== true) return page;
  const records = page.records.filter((record) => {
    const unreadable = unreadableOf(record);
    if (unreadable === null) return true;
    refusals.refuse(refusalOf(unreadable));
    return false;
  });
  return { ...page, records };
}

function refusalOf({ value, error }: Unreadable): Refusal {
  const name = isRecord(value) ? describeRecord(value) : "an element that is no record";
  return { record: value, name, reason: error, stage: "input" };
}
