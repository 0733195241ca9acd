import type { SourceRecord } from "./record.ts";

/** How a source stores a value, where the form that a record has of it is that of another kind too. */
export type StorageClass = (typeof storageClassNames)[number];

/** `raw` is a text in a column of JSON that is none. */
export const storageClassNames = ["text", "bytes", "number", "raw"] as const;

const storageClasses = Symbol("storage classes");

interface Classed {
  readonly [storageClasses]?: ReadonlyMap<string, StorageClass>;
}

/**
 * Notes of a record how its source stores some fields. Records are JSON, in which the bytes `ff` and the text
 * `\xff` look the same; an output that can keep them apart asks by `storageClassesOf`. The notes are no field of
 * the record: they go along with it and with copies of it, and nothing else sees them.
 */
export function noteStorageClasses(record: SourceRecord, classes: ReadonlyMap<string, StorageClass>): void {
  Object.assign(record, { [storageClasses]: classes });
}

/** The fields of a record that are stored in another way than they look, if there are any. */
export function storageClassesOf(record: SourceRecord): ReadonlyMap<string, StorageClass> | undefined {
  return (record as Classed)[storageClasses];
}
