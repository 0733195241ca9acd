/** One record as a source gives it: a JSON object. It is never changed in place. */
export type SourceRecord = Readonly<Record<string, unknown>>;

/** A dotted path into a record (`event.id`), split once when the pipeline is read. */
export type Path = readonly string[];

/**
 * `"event.id"` as `["event", "id"]`. A dot behind a backslash belongs to a name, `"service\\.name"` is
 * `["service.name"]`, and `\\\\` is a backslash; before anything else a backslash is itself.
 */
export function parsePath(dotted: string): Path {
  if (!dotted.includes("\\")) return dotted.split(".");
  const steps = [""];
  for (const part of dotted.match(/\\[.\\]|[^.\\]+|[.\\]/g) ?? []) {
    if (part === ".") steps.push("");
    else steps.push(`${steps.pop()}${part.length === 2 && part.startsWith("\\") ? part.slice(1) : part}`);
  }
  return steps;
}

export function formatPath(path: Path): string {
  return path.join(".");
}

/**
 * The value at a path, or undefined where a step is missing. Where the path leads nowhere, a record that
 * has the dotted name as one literal field (`{"event.id": 1}`) answers with that field.
 */
export function valueAt(record: unknown, path: Path): unknown {
  let value: unknown = record;
  for (const step of path) {
    value = fieldOf(value, step);
    if (value === undefined) return path.length > 1 ? fieldOf(record, path.join(".")) : undefined;
  }
  return value;
}

/** Only own fields: every object inherits `constructor` and `toString`. */
function fieldOf(holder: unknown, name: string): unknown {
  if (typeof holder !== "object" || holder === null || !Object.hasOwn(holder, name)) return undefined;
  return (holder as Record<string, unknown>)[name];
}

/** Whether a value is a plain JSON object, and so can be a record. */
export function isRecord(value: unknown): value is SourceRecord {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
