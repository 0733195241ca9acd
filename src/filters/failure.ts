import { placeInFile } from "../engine/stack-frames.ts";
import { messageOf, type SourceLocation, TidemarkError } from "../errors.ts";
import { formatPath, type Path, type SourceRecord, valueAt } from "../model/record.ts";

/** What every filter is told when it is made. */
export interface FilterParts {
  /** What makes a record itself, as the input declares it; messages name a failing record by it. */
  readonly key: readonly Path[] | null;
}

/**
 * The error of a filter at one record: which filter, which record of the batch (counted from 1),
 * its key where it still has one, and why.
 */
export function filterFailed(
  filter: string,
  record: SourceRecord,
  ordinal: number,
  parts: FilterParts & { readonly file?: string },
  cause: unknown,
): TidemarkError {
  const named = keyOf(record, parts.key);
  const which = `record ${ordinal} of the batch${named === "" ? "" : ` (${named})`}`;
  const where: SourceLocation | null = parts.file === undefined ? null : placeInFile(cause, parts.file);
  return new TidemarkError("FILTER_FAILED", `${filter}: ${which}: ${reasonOf(cause)}`, {
    cause,
    ...(where === null ? {} : { where }),
  });
}

function keyOf(record: SourceRecord, key: readonly Path[] | null): string {
  const parts = (key ?? []).map((path) => {
    const value = valueAt(record, path);
    return value === undefined || value === null ? null : `${formatPath(path)} ${shorten(String(value))}`;
  });
  return parts.filter((part) => part !== null).join(", ");
}

function shorten(text: string): string {
  return text.length > 80 ? `${text.slice(0, 79)}…` : text;
}

/** JSONata throws plain objects with a message; a script may throw anything. */
function reasonOf(cause: unknown): string {
  if (typeof cause === "object" && cause !== null && !(cause instanceof Error) && "message" in cause) {
    return messageOf(cause.message);
  }
  return messageOf(cause);
}

/** Runs `change` on every record; what it throws is told with the record's place. */
export function changeEach(
  filter: string,
  records: readonly SourceRecord[],
  parts: FilterParts,
  change: (record: SourceRecord) => SourceRecord,
): SourceRecord[] {
  const changed: SourceRecord[] = [];
  for (const record of records) {
    try {
      changed.push(change(record));
    } catch (error) {
      throw filterFailed(filter, record, changed.length + 1, parts, error);
    }
  }
  return changed;
}
