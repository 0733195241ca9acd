/** One record as a source gives it: a JSON object. It is never changed in place. */
export type SourceRecord = Readonly<Record<string, unknown>>;

/** A dotted path into a record (`event.id`), split once when the pipeline is read. */
export type Path = readonly string[];

/** `"event.id"` as `["event", "id"]`. */
export function parsePath(dotted: string): Path {
  return dotted.split(".");
}

export function formatPath(path: Path): string {
  return path.join(".");
}

/**
 * The value at a path, or undefined where a step is missing. A record that has the dotted name as
 * one literal field (`{"event.id": 1}`) answers with that field.
 */
export function valueAt(record: unknown, path: Path): unknown {
  let value: unknown = record;
  for (const step of path) {
    if (typeof value !== "object" || value === null) return literalField(record, path);
    value = (value as Record<string, unknown>)[step];
  }
  return value === undefined && path.length > 1 ? literalField(record, path) : value;
}

function literalField(record: unknown, path: Path): unknown {
  if (path.length < 2 || typeof record !== "object" || record === null) return undefined;
  return (record as Record<string, unknown>)[path.join(".")];
}

/** Whether a value is a plain JSON object, and so can be a record. */
export function isRecord(value: unknown): value is SourceRecord {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
