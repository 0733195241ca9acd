import { z } from "zod";
import { TidemarkError } from "../errors.ts";
import { isLiteralField, withValuePlaced } from "../model/placed-value.ts";
import { isPlainObject } from "../model/plain-object.ts";
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

/**
 * The record with a value put at a path, as `withValuePlaced` says. Throws `FILTER_FAILED` where the path
 * cannot be followed.
 */
export function withValueAt(record: SourceRecord, path: Path, value: unknown): SourceRecord {
  return withValuePlaced(record, path, value, {
    appends: true,
    fail: (why) => new TidemarkError("FILTER_FAILED", `\`${formatPath(path)}\` cannot be set, since ${why}`),
  });
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
