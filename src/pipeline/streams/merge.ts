import type { ConfigPath } from "../../findings.ts";
import { isPlainObject } from "../../model/plain-object.ts";

/** A raw value of a file: a map, a list, or a single value. */
export type RawMap = Readonly<Record<string, unknown>>;

/** What an entry of `streams` gives, in the shape of a document of one stream. */
export interface EntryPatch extends RawMap {
  readonly input: RawMap;
}

/** How a key of an entry is combined with that of the base, where it is not merged key by key. */
type Rule =
  /** Replaced as a whole. */
  | "whole"
  /** A map of another `type` replaces it; with the same `type` it is merged. */
  | "type"
  /** Merged by name, each value as a whole. */
  | "names"
  /** As `names`, and null is a value. */
  | "values"
  /** Null is a value. */
  | "null";

/** The exceptions from RFC 7396: keys of the input and of the output. */
const rules: Readonly<Record<string, Rule>> = {
  body: "whole",
  rateLimit: "whole",
  partitions: "whole",
  parent: "whole",
  key: "whole",
  columns: "whole",
  answer: "whole",
  deadLetter: "whole",
  authentication: "type",
  pagination: "type",
  queryParams: "names",
  headers: "names",
  config: "values",
  errorField: "null",
};

function ruleAt(path: ConfigPath): Rule | undefined {
  const [top, key, below] = path;
  if (path.length === 1) return top === "output" ? "type" : top === "filters" ? "whole" : undefined;
  if (typeof key !== "string" || !Object.hasOwn(rules, key) || (top !== "input" && top !== "output"))
    return undefined;
  const rule = rules[key];
  if (path.length === 2) return rule;
  return below !== undefined && path.length === 3 && (rule === "names" || rule === "values")
    ? "whole"
    : undefined;
}

/**
 * The document of one stream: what its entry gives, over the base. It is a JSON Merge Patch (RFC 7396): a map is merged
 * key by key at every depth, any other value replaces, and null takes the base's key away; with the exceptions above.
 */
export function mergeEntry(base: RawMap, patch: RawMap): RawMap {
  return mergedMap(base, patch, []);
}

function merged(base: unknown, patch: unknown, path: ConfigPath): unknown {
  const into = mergesInto(base, patch, path);
  if (into !== null && isMap(patch)) return mergedMap(into, patch, path);
  return isMap(patch) && ruleAt(path) !== "whole" ? mergedMap({}, patch, path) : patch;
}

function mergedMap(base: RawMap, patch: RawMap, path: ConfigPath): RawMap {
  const result = new Map(Object.entries(base));
  for (const [key, value] of Object.entries(patch)) {
    const place = [...path, key];
    if (value === null && !keepsNull(place)) result.delete(key);
    else result.set(key, merged(own(base, key), value, place));
  }
  return Object.fromEntries(result);
}

/** The base's map that a patch is merged into; null where the patch replaces what the base has. */
function mergesInto(base: unknown, patch: unknown, path: ConfigPath): RawMap | null {
  const rule = ruleAt(path);
  if (!isMap(base) || !isMap(patch) || rule === "whole") return null;
  const isOther = rule === "type" && "type" in patch && patch.type !== base.type;
  return isOther ? null : base;
}

function keepsNull(path: ConfigPath): boolean {
  return ruleAt(path) === "null" || (path.length === 3 && ruleAt(path.slice(0, 2)) === "values");
}

/** Which of the two gave a value of a merged document, and how many steps of its path are there. */
export interface Source {
  readonly from: "base" | "entry";
  readonly path: ConfigPath;
}

/**
 * Where the value at a path of `mergeEntry(base, patch)` comes from: the entry where it gave the value, or a part of it;
 * else the base; and the entry again where neither has it.
 */
export function sourceOf(base: RawMap, patch: RawMap, path: ConfigPath): Source {
  let ofBase: unknown = base;
  let ofEntry: unknown = patch;
  for (const [index, step] of path.entries()) {
    const [inBase, inEntry] = [own(ofBase, step), own(ofEntry, step)];
    if (inEntry === undefined) {
      if (inBase === undefined) return { from: "entry", path: path.slice(0, index) };
      return { from: "base", path: existing(base, path) };
    }
    if (mergesInto(inBase, inEntry, path.slice(0, index + 1)) === null) {
      return { from: "entry", path: existing(patch, path) };
    }
    [ofBase, ofEntry] = [inBase, inEntry];
  }
  return path.length === 0 ? { from: "base", path } : { from: "entry", path };
}

/** As much of a path as a value has. */
function existing(value: unknown, path: ConfigPath): ConfigPath {
  let inner = value;
  for (const [index, step] of path.entries()) {
    inner = own(inner, step);
    if (inner === undefined) return path.slice(0, index);
  }
  return path;
}

function own(holder: unknown, step: string | number): unknown {
  if (typeof holder !== "object" || holder === null || !Object.hasOwn(holder, step)) return undefined;
  return Reflect.get(holder, step);
}

/** A map as files have it; an input or output that was made in code is one value. */
export function isMap(value: unknown): value is RawMap {
  return isPlainObject(value) && typeof value.open !== "function";
}
