import { z } from "zod";
import { TidemarkError } from "../errors.ts";
import { withValuePlaced } from "../model/placed-value.ts";
import { isPlainObject } from "../model/plain-object.ts";
import { formatPath, type Path, parsePath, type SourceRecord } from "../model/record.ts";

/** A dotted path that is read, written to or removed: without empty steps, and never into a prototype. */
export const targetPathSchema = z.string().superRefine((dotted, context) => {
  const steps = parsePath(dotted);
  if (steps.includes("")) {
    context.addIssue({ code: "custom", message: `\`${dotted}\` is not a dotted path such as \`event.id\`` });
  } else if (steps.includes("__proto__")) {
    context.addIssue({ code: "custom", message: "`__proto__` cannot be a field's name in a path" });
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

/**
 * The record without all that a path can mean: what it leads to, and a field that has the dotted name itself. The
 * record itself where there is nothing.
 */
export function withoutValueAt(record: SourceRecord, path: Path): SourceRecord {
  const literal = formatPath(path);
  const rest = path.length > 1 && Object.hasOwn(record, literal) ? withoutField(record, literal) : record;
  const changed = removed(rest, path, 0);
  return isPlainObject(changed) ? changed : rest;
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
