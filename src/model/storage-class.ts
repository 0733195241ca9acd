import type { SourceRecord } from "./record.ts";

/** How a source stores a value, where the value's form in a record is ambiguous. */
export type StorageClass = (typeof storageClassNames)[number];

/** `raw` is a text in a JSON column that is not JSON. */
export const storageClassNames = ["text", "bytes", "number", "raw"] as const;

const storageClasses = Symbol("storage classes");

interface Classed {
  readonly [storageClasses]?: ReadonlyMap<string, Note>;
}

interface Note {
  readonly stored: StorageClass;
  /** What the note was made of. Another value that the field has got since has no note. */
  readonly value: unknown;
}

/**
 * Notes of a record how its source stores some fields. Records are JSON, in which the bytes `ff` and the text `\xff`
 * look the same; an output that can keep them apart asks by `storageClassesOf`. The notes are not a field of the
 * record: they are attached to it and its copies, and invisible otherwise.
 */
export function noteStorageClasses(record: SourceRecord, classes: ReadonlyMap<string, StorageClass>): void {
  const notes = new Map<string, Note>();
  for (const [field, stored] of classes) notes.set(field, { stored, value: record[field] });
  Object.assign(record, { [storageClasses]: notes });
}

/** The fields of a record that are stored in another way than they look, if there are any. */
export function storageClassesOf(record: SourceRecord): ReadonlyMap<string, StorageClass> | undefined {
  const notes = (record as Classed)[storageClasses];
  if (notes === undefined) return undefined;
  const classes = new Map<string, StorageClass>();
  for (const [field, { stored, value }] of notes) if (record[field] === value) classes.set(field, stored);
  return classes.size === 0 ? undefined : classes;
}
