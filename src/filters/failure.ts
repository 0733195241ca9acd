import type { FilterContext } from "../engine/ports.ts";
import { placeInFile } from "../engine/user-code/stack-frames.ts";
import { messageOf, type SourceLocation, TidemarkError } from "../errors.ts";
import { formatPath, type Path, type SourceRecord, valueAt } from "../model/record.ts";
import { showValue } from "../model/unreadable-value.ts";

/** The settings that every filter gets. */
export interface FilterParts {
  /** What makes a record itself, as the input declares it; messages name a failing record by it. */
  readonly key: readonly Path[] | null;
}

type FailureParts = FilterParts & { readonly file?: string };

/**
 * The error of a filter at one record: which filter, which record of the batch (counted from 1),
 * its key where it still has one, and why.
 */
export function filterFailed(
  filter: string,
  record: SourceRecord,
  ordinal: number,
  parts: FailureParts,
  cause: unknown,
): TidemarkError {
  const named = keyOf(record, parts.key);
  const which = `record ${ordinal} of the batch${named === "" ? "" : ` (${named})`}`;
  const where: SourceLocation | null = parts.file === undefined ? null : placeInFile(cause, parts.file);
  return new TidemarkError("FILTER_FAILED", `${filter}: ${which}: ${reasonOf(cause)}`, {
    cause,
    ...(where === null ? {} : { where }),
    ...(cause instanceof TidemarkError && cause.details !== undefined ? { details: cause.details } : {}),
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

/** Refuses a record that a filter cannot process. Throws where `onError` is `fail`, and where the run must stop. */
export function onFailedRecord(
  filter: string,
  record: SourceRecord,
  ordinal: number,
  { parts, context, cause }: { parts: FailureParts; context: FilterContext; cause: unknown },
): void {
  const error = filterFailed(filter, record, ordinal, parts, cause);
  if (context.signal.aborted || context.account === undefined) throw error;
  context.account.refuse(record, error);
}

/** JSONata throws plain objects with a message; a script may throw anything. */
function reasonOf(cause: unknown): string {
  if (typeof cause === "object" && cause !== null && !(cause instanceof Error) && "message" in cause) {
    const message = messageOf(cause.message);
    // JSONata names the value in most of its messages, and not where an order cannot compare it.
    return "code" in cause && cause.code === "T2010" && "value" in cause
      ? `${message}, and one is ${showValue(cause.value)}`
      : message;
  }
  const isText = typeof cause === "string" || cause instanceof Error;
  return isText ? messageOf(cause) : `it threw ${showValue(cause)}`;
}

/** Runs `change` on every record; one for which it throws is refused. */
export function changeEach(
  filter: string,
  records: readonly SourceRecord[],
  { parts, context }: { parts: FilterParts; context: FilterContext },
  change: (record: SourceRecord) => SourceRecord,
): SourceRecord[] {
  const { account } = context;
  const changed: SourceRecord[] = [];
  for (let index = 0; index < records.length; index++) {
    const record = records[index];
    if (record === undefined) continue;
    try {
      const made = change(record);
      changed.push(made);
      if (account?.follows === true) account.made(record, [made]);
    } catch (cause) {
      onFailedRecord(filter, record, index + 1, { parts, context, cause });
    }
  }
  return changed;
}
