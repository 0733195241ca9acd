import type { TidemarkError } from "../errors.ts";
import { isPlainObject, kindOf } from "./plain-object.ts";
import { formatPath, type Path, type SourceRecord } from "./record.ts";

type Container = Record<string, unknown> | unknown[];

/** How a value is put at a path. */
export interface Placing {
  /** Whether a step may name the place right behind a list's last element. */
  readonly appends: boolean;
  /** Makes the error for a path that cannot be followed; `why` says what is in the way. */
  readonly fail: (why: string) => TidemarkError;
}

/**
 * A copy of the record with a value put at a path; the record itself is not changed. Numbered steps lead into lists,
 * and missing objects on the way are created. Where the path leads nowhere and the record has a field of the dotted name
 * itself, that field is set. Throws the error of `fail` where a step leads through a text, a number or a boolean, or past
 * a list's end: no existing value is replaced by an object.
 */
export function withValuePlaced(
  record: SourceRecord,
  path: Path,
  value: unknown,
  placing: Placing,
): SourceRecord {
  if (isLiteralField(record, path)) return { ...record, [formatPath(path)]: value };
  const [first = "", ...rest] = path;
  if (rest.length === 0) return { ...record, [first]: value };
  return { ...record, [first]: placed(own(record, first), { path, depth: 1 }, value, placing) };
}

interface Step {
  readonly path: Path;
  readonly depth: number;
}

function placed(holder: unknown, { path, depth }: Step, value: unknown, placing: Placing): unknown {
  const step = path[depth];
  if (step === undefined) return value;
  const copy = copyOfHolder(holder, { path, depth }, placing);
  const next = { path, depth: depth + 1 };
  if (Array.isArray(copy)) {
    const index = indexIn(copy, step, placing);
    copy[index] = placed(copy[index], next, value, placing);
  } else {
    copy[step] = placed(own(copy, step), next, value, placing);
  }
  return copy;
}

function copyOfHolder(holder: unknown, { path, depth }: Step, { fail }: Placing): Container {
  if (holder === undefined || holder === null) return {};
  if (Array.isArray(holder)) return [...holder];
  if (isPlainObject(holder)) return { ...holder };
  throw fail(`\`${formatPath(path.slice(0, depth))}\` is ${kindOf(holder)}, not an object`);
}

function indexIn(list: readonly unknown[], step: string, { appends, fail }: Placing): number {
  const index = /^\d{1,9}$/.test(step) ? Number(step) : Number.NaN;
  if (index < list.length || (appends && index === list.length)) return index;
  throw fail(`\`${step}\` is no place in a list of ${list.length}`);
}

/** Whether the record has the dotted name as one field of its own, and the path leads nowhere. */
function isLiteralField(record: SourceRecord, path: Path): boolean {
  return path.length > 1 && Object.hasOwn(record, formatPath(path)) && !leadsSomewhere(record, path);
}

function leadsSomewhere(record: SourceRecord, path: Path): boolean {
  let holder: unknown = record;
  for (const step of path) {
    if (typeof holder !== "object" || holder === null || !Object.hasOwn(holder, step)) return false;
    holder = Reflect.get(holder, step);
  }
  return true;
}

function own(holder: SourceRecord, step: string): unknown {
  return Object.hasOwn(holder, step) ? holder[step] : undefined;
}
