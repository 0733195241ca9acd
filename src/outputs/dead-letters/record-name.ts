import { stringifyJson } from "../../model/json.ts";
import { formatPath, type Path, type SourceRecord, valueAt } from "../../model/record.ts";

/** A short name of a record: the values of its key, or of its first fields where it has none. */
export function recordName(record: SourceRecord, key: readonly Path[]): string {
  const paths =
    key.length > 0
      ? key
      : Object.keys(record)
          .slice(0, 3)
          .map((field) => [field]);
  const shown = paths.map((path) => `${formatPath(path)} ${shownValue(valueAt(record, path))}`).join(", ");
  return `the record with ${shown.length > 200 ? `${shown.slice(0, 200)}…` : shown}`;
}

function shownValue(value: unknown): string {
  try {
    return stringifyJson(value ?? null);
  } catch {
    return "a value that JSON cannot hold";
  }
}
