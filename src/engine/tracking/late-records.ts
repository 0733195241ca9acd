import { type CursorType, compareCursorValues, isOrdered, stepCursor } from "../../model/cursor.ts";
import { identityOf } from "../../model/identity.ts";
import type { Position } from "../../model/position.ts";
import type { Path, SourceRecord } from "../../model/record.ts";
import type { CursorField, Warn } from "../ports.ts";
import { DeliveredRecords } from "./delivered-records.ts";
import { describeRecord } from "./record-cursors.ts";
import type { TrackerOptions } from "./tracker-options.ts";

/** Distinguishes late records from repeated ones; null where the tracker has no data for it. */
export function followsLate(options: TrackerOptions, field: CursorField | null): DeliveredRecords | null {
  const { reach, identity, start, incremental, window } = options;
  if (reach === undefined || field === null || field.path === null || !isOrdered(field.type)) return null;
  return new DeliveredRecords({
    type: field.type,
    precision: field.precision,
    identity,
    start,
    beginning: beginningOf(start, window.lower?.value ?? null, field),
    most: incremental.maxTieSetSize,
    // Records within the lookback are delivered again, whether they are late or not.
    reach: incremental.lookback === null ? reach : null,
  });
}

/**
 * The last cursor before the stream's beginning, by what it has covered; null where it began at the source's own.
 * Records before it do not belong to the stream: they were left out on purpose, or a backfill delivers them.
 */
function beginningOf(start: Position, lower: string | null, { type, precision }: CursorField): string | null {
  const { watermark, coverage } = start;
  if (watermark === null) return lower === null ? null : stepCursor(type, lower, precision, -1);
  const last = coverage.find(({ upper }) => compareCursorValues(type, upper, watermark) >= 0);
  return last?.lower ?? null;
}

export interface LateRecord {
  readonly record: SourceRecord;
  readonly cursor: string;
  /** The window's lower bound. */
  readonly lower: string;
  readonly key: readonly Path[] | null;
  readonly reach: (lower: string) => string;
  readonly warn: Warn;
}

/** Whether a record lies below the lowest value that a source may answer with when it is asked from `lower` on. */
export function isBelowReach(
  { cursor, lower, reach }: Pick<LateRecord, "cursor" | "lower" | "reach">,
  type: CursorType,
): boolean {
  return compareCursorValues(type, cursor, reach(lower)) < 0;
}

/**
 * Warns of a record below the window that may not have been delivered. For a record that the request may return, it
 * warns only if more names were needed than can be kept. A lower record shows that the source sorts in another order.
 */
export function warnOfLate(late: LateRecord, delivered: DeliveredRecords, type: CursorType): void {
  const { record, cursor, lower, key, reach, warn } = late;
  if (!delivered.isKnown) return;
  const reached = reach(lower);
  if (compareCursorValues(type, cursor, reached) < 0) {
    const name =
      key === null ? describeRecord(record) : `the record ${identityOf(record, { key, content: false })}`;
    warn(
      "RECORD_LATE",
      `${name} has the cursor ${cursor}, and the source was asked from ${reached} on: it ignores the bound, or compares in another order (a collation, numbers as text, local times). The record was left out, and nobody knows whether it was delivered before. Let the source compare as the cursor's type does, or read the range again with \`tidemark backfill\``,
    );
    return;
  }
  if (!delivered.isFull) return;
  warn(
    "REREAD_UNKNOWN",
    `records from ${reached} to ${lower} are read again by every run, and there are more than \`maxTieSetSize\` of them: a late one among them cannot be recognised and is left out. Declare \`lookback\`, a finer \`queryFormat\`, or a higher \`maxTieSetSize\``,
  );
}
