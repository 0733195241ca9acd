import { z } from "zod";
import { TidemarkError } from "../errors.ts";
import { isPlainObject, kindOf } from "../model/plain-object.ts";
import { formatPath, type Path, type SourceRecord } from "../model/record.ts";

/** Steps that reach an object's prototype rather than a field of the record. */
const reserved = new Set(["__proto__", "constructor", "prototype"]);

/** A dotted path that is written to or removed: never empty, and never one into a prototype. */
export const targetPathSchema = z.string().superRefine((dotted, context) => {
  const steps = dotted.split(".");
  const forbidden = steps.find((step) => reserved.has(step));
  if (steps.includes("")) {
    context.addIssue({ code: "custom", message: `\`${dotted}\` is not a dotted path such as \`event.id\`` });
  } else if (forbidden !== undefined) {
    context.addIssue({ code: "custom", message: `\`${forbidden}\` cannot be a field's name in a path` });
  }
});

type Container = Record<string, unknown> | unknown[];

/**
 * The record with a value put at a path; objects that are missing on the way are made. What lies on
 * the path is copied, everything else shared, and the record given stays as it was. Throws
 * `FILTER_FAILED` where a step leads through a text, a number or a boolean.
 */
export function withValueAt(record: SourceRecord, path: Path, value: unknown): SourceRecord {
  if (isLiteralField(record, path)) return { ...record, [formatPath(path)]: value };
  const [first = "", ...rest] = path;
  if (rest.length === 0) return { ...record, [first]: value };
  return { ...record, [first]: placed(own(record, first), path, 1, value) };
}

function placed(holder: unknown, path: Path, depth: number, value: unknown): unknown {
  const step = path[depth];
  if (step === undefined) return value;
  const copy = copyOfHolder(holder, path, depth);
  if (Array.isArray(copy)) {
    const index = indexIn(copy, step, path);
    copy[index] = placed(copy[index], path, depth + 1, value);
  } else {
    copy[step] = placed(own(copy, step), path, depth + 1, value);
  }
  return copy;
}

function copyOfHolder(holder: unknown, path: Path, depth: number): Container {
  if (holder === undefined || holder === null) return {};
  if (Array.isArray(holder)) return [...holder];
  if (isPlainObject(holder)) return { ...holder };
  throw new TidemarkError(
    "FILTER_FAILED",
    `\`${formatPath(path)}\` cannot be set, since \`${formatPath(path.slice(0, depth))}\` is ${kindOf(holder)}, not an object`,
  );
}

function indexIn(list: readonly unknown[], step: string, path: Path): number {
  const index = /^\d{1,9}$/.test(step) ? Number(step) : Number.NaN;
  if (index <= list.length) return index;
  throw new TidemarkError(
    "FILTER_FAILED",
    `\`${formatPath(path)}\` cannot be set: \`${step}\` is no place in a list of ${list.length}`,
  );
}

/** The record without what is at a path; the record itself where there is nothing. */
export function withoutValueAt(record: SourceRecord, path: Path): SourceRecord {
  if (isLiteralField(record, path)) return withoutField(record, formatPath(path));
  const changed = removed(record, path, 0);
  return isPlainObject(changed) ? changed : record;
}

function removed(holder: unknown, path: Path, depth: number): unknown {
  const step = path[depth];
  if (step === undefined) return holder;
  const last = depth === path.length - 1;
  if (Array.isArray(holder)) return removedFromList(holder, step, path, depth);
  if (!isPlainObject(holder) || !Object.hasOwn(holder, step)) return holder;
  if (last) return withoutField(holder, step);
  const inner = removed(holder[step], path, depth + 1);
  return inner === holder[step] ? holder : { ...holder, [step]: inner };
}

/** A numbered step takes one element; any other name is removed from every element. */
function removedFromList(list: readonly unknown[], step: string, path: Path, depth: number): unknown {
  if (/^\d+$/.test(step)) {
    const index = Number(step);
    if (index >= list.length) return list;
    if (depth === path.length - 1) return list.toSpliced(index, 1);
    const inner = removed(list[index], path, depth + 1);
    return inner === list[index] ? list : list.with(index, inner);
  }
  const changed = list.map((element) => removed(element, path, depth));
  return changed.some((element, index) => element !== list[index]) ? changed : list;
}

function withoutField(holder: SourceRecord, field: string): SourceRecord {
  const { [field]: _, ...rest } = holder;
  return rest;
}

/** Whether the record has the dotted name as one field of its own, and no such path. */
function isLiteralField(record: SourceRecord, path: Path): boolean {
  const [first = ""] = path;
  return path.length > 1 && !Object.hasOwn(record, first) && Object.hasOwn(record, formatPath(path));
}

function own(holder: SourceRecord, step: string): unknown {
  return Object.hasOwn(holder, step) ? holder[step] : undefined;
}
