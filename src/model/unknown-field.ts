import { TidemarkError } from "../errors.ts";
import { nearest } from "./nearest.ts";
import { formatPath, isRecord, type Path, type SourceRecord, valueAt } from "./record.ts";

const mostNames = 30;
/** Records of one page may have different fields; this many are read for a message. */
const mostRecords = 100;

/** A field that was not found, and the existing ones. */
export interface UnknownField {
  /** The field's role in the pipeline: `cursor` or `key`. */
  readonly role: string;
  readonly field: string;
  /** Where it was looked for: `the columns of the table events`. */
  readonly where: string;
  readonly names: readonly string[];
}

/** The error for a field that a source does not have: it names those that it has, and the nearest. */
export function unknownField({ role, field, where, names }: UnknownField, more = ""): TidemarkError {
  const shown = names.slice(0, mostNames).join(", ");
  const list = names.length > mostNames ? `${shown} and ${names.length - mostNames} more` : shown;
  const meant = nearest(field, names);
  const hint =
    meant === undefined
      ? `Name one of them in the pipeline; names are compared letter by letter, with their case.${more}`
      : `Write \`${meant}\` in the pipeline: names are compared letter by letter, with their case.`;
  return new TidemarkError(
    "FIELD_UNKNOWN",
    `the ${role} field \`${field}\` is not among ${where}: ${list === "" ? "there are none" : list}`,
    { hint, details: { field, ...(meant === undefined ? {} : { nearest: meant }) } },
  );
}

/** Whether a record has a field, with or without a value. */
export function hasField(record: SourceRecord, path: Path): boolean {
  return valueAt(record, path) !== undefined;
}

/** The names of the fields that records have, down to where the path goes and they do not. */
export function fieldNamesAlong(records: readonly SourceRecord[], path: Path): string[] {
  const names = new Set<string>();
  for (const record of records.slice(0, mostRecords)) {
    let place: SourceRecord = record;
    let depth = 0;
    for (; depth < path.length - 1; depth++) {
      const next = place[path[depth] ?? ""];
      if (!isRecord(next)) break;
      place = next;
    }
    for (const name of Object.keys(place)) names.add(formatPath([...path.slice(0, depth), name]));
  }
  return [...names];
}
