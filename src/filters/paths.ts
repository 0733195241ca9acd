import { z } from "zod";
import { TidemarkError } from "../errors.ts";
import { withValuePlaced } from "../model/placed-value.ts";
import { isPlainObject } from "../model/plain-object.ts";
import { formatPath, type Path, parsePath, type SourceRecord, valueAt } from "../model/record.ts";

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
 * Paths in the order in which they can be removed one after another: each once, and the places of a list from its end,
 * since an element that is taken out moves those behind it.
 */
export function removalOrder(paths: readonly Path[]): readonly Path[] {
  const once = new Map(paths.map((path) => [formatPath(path), path]));
  return [...once.values()].toSorted(laterFirst);
}

function laterFirst(a: Path, b: Path): number {
  const at = a.findIndex((step, index) => step !== b[index]);
  const [left, right] = [a[at], b[at]];
  if (left === undefined || right === undefined) return b.length - a.length;
  if (isPlace(left) && isPlace(right)) return Number(right) - Number(left);
  if (isPlace(left) !== isPlace(right)) return isPlace(left) ? -1 : 1;
  return left < right ? -1 : 1;
}

/**
 * The record without all that a path can mean: what it leads to, and a field that has the dotted name itself. The
 * record itself where there is nothing.
 */
export function withoutValueAt(record: SourceRecord, path: Path): SourceRecord {
  const literal = formatPath(path);
  const rest = path.length > 1 && Object.hasOwn(record, literal) ? withoutField(record, literal) : record;
  return withoutPath(rest, path, "every");
}

/** The record without the one value that `valueAt` reads at a path. The record itself where it reads none. */
export function withoutReadAt(record: SourceRecord, path: Path): SourceRecord {
  const led = path.reduce<unknown>((holder, step) => valueAt(holder, [step]), record);
  if (led !== undefined) return withoutPath(record, path, "one");
  const literal = path.join(".");
  return Object.hasOwn(record, literal) ? withoutField(record, literal) : record;
}

/** Which elements of a list a step takes that is no number: none, or all of them. */
type Reach = "one" | "every";

function withoutPath(record: SourceRecord, path: Path, reach: Reach): SourceRecord {
  const changed = removed(record, path, 0, reach);
  return isPlainObject(changed) ? changed : record;
}

function removed(holder: unknown, path: Path, depth: number, reach: Reach): unknown {
  const step = path[depth];
  if (step === undefined) return holder;
  const last = depth === path.length - 1;
  if (Array.isArray(holder)) {
    if (isPlace(step)) return withoutElement(holder, path, depth, reach);
    return reach === "one" ? holder : removedFromEach(holder, path, depth);
  }
  if (!isPlainObject(holder) || !Object.hasOwn(holder, step)) return holder;
  if (last) return withoutField(holder, step);
  const inner = removed(holder[step], path, depth + 1, reach);
  return inner === holder[step] ? holder : { ...holder, [step]: inner };
}

/** Whether a step is the place of an element, written as `valueAt` reads it. */
function isPlace(step: string): boolean {
  return /^(?:0|[1-9]\d*)$/.test(step);
}

function withoutElement(list: readonly unknown[], path: Path, depth: number, reach: Reach): unknown {
  const index = Number(path[depth]);
  if (index >= list.length) return list;
  if (depth === path.length - 1) return list.toSpliced(index, 1);
  const inner = removed(list[index], path, depth + 1, reach);
  return inner === list[index] ? list : list.with(index, inner);
}

function removedFromEach(list: readonly unknown[], path: Path, depth: number): unknown {
  const changed = list.map((element) => removed(element, path, depth, "every"));
  return changed.some((element, index) => element !== list[index]) ? changed : list;
}

function withoutField(holder: SourceRecord, field: string): SourceRecord {
  const { [field]: _, ...rest } = holder;
  return rest;
}
