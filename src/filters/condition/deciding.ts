import { isNode, type Node } from "../../model/jsonata-tree.ts";
import { isOrderOperator, type OrderOperator } from "./exact-values.ts";
import { readsVariable, recordPaths } from "./record-paths.ts";
import { fieldPath, isCallOf } from "./syntax.ts";

type FieldPath = readonly string[];

/** A part of an expression that decides whether the record is kept, and is not true where a field is missing. */
export interface DecidingPart {
  readonly node: Node;
  /** `other` is what gives nothing where a field is missing, such as `$sum(a) > 1` or `$contains(a, "x")`. */
  readonly kind: "!=" | "=" | "$not" | OrderOperator | "other";
  /** Fields without which it may be not true. */
  readonly fields: readonly FieldPath[];
  /** Those of them without which it is surely not. */
  readonly needed: readonly FieldPath[];
  /** Whether it may have no value although no field is missing: `$not(lines[deleted])` where no line matches. */
  readonly selects: boolean;
  /** Where the operator or the function's name begins in the text. */
  readonly offset: number;
}

/**
 * The parts of an expression that have to be true for the record to be kept: the expression itself, and what stands
 * within `and`, `or`, parentheses and `? :`. Not a mere path, which asks for a value.
 */
export function decidingParts(tree: unknown): readonly DecidingPart[] {
  return leavesOf(tree).flatMap((node) => {
    const part = partOf(node, tree);
    return part === null || (part.fields.length === 0 && !part.selects) ? [] : [part];
  });
}

function leavesOf(node: unknown): readonly Node[] {
  if (!isNode(node)) return [];
  const { type, value } = node;
  if (type === "block" && Array.isArray(node.expressions)) return leavesOf(node.expressions.at(-1));
  if (type === "condition") return [node.then, node.else].flatMap(leavesOf);
  if (type === "binary" && (value === "and" || value === "or")) return [node.lhs, node.rhs].flatMap(leavesOf);
  return [node];
}

function partOf(node: Node, tree: unknown): DecidingPart | null {
  const { type, value, lhs, rhs } = node;
  const read = (from: unknown) => distinct(recordPaths(readsVariable(node) ? tree : from));
  const begins = (name: string, position: unknown) => Math.max(0, Number(position) - name.length);
  if (type === "binary" && value === "!=") {
    if ([lhs, rhs].some(isNothing)) return null;
    const needed = [lhs, rhs].flatMap(neededBy);
    const offset = begins(value, node.position);
    return { node, kind: value, fields: read([lhs, rhs]), needed, selects: false, offset };
  }
  if (type === "binary" && value === "=" && [lhs, rhs].some(isEmpty)) {
    const called = [lhs, rhs].filter((side) => isNode(side) && side.type === "function");
    const offset = begins(value, node.position);
    return {
      node,
      kind: value,
      fields: read(called),
      needed: called.flatMap(neededBy),
      selects: false,
      offset,
    };
  }
  if (type === "binary" && isOrderOperator(value) && [lhs, rhs].every(isPlain)) {
    const needed = [lhs, rhs].flatMap(neededBy);
    return {
      node,
      kind: value,
      fields: needed,
      needed,
      selects: false,
      offset: begins(value, node.position),
    };
  }
  if (isCallOf(node, "not") && Array.isArray(node.arguments) && isNode(node.procedure)) {
    const [asked] = node.arguments;
    const selects = isNode(asked) && asked.type === "path" && fieldPath(asked) === null;
    const offset = begins("$not", node.procedure.position);
    return { node, kind: "$not", fields: read(asked), needed: neededByNot(asked), selects, offset };
  }
  if (asksForValue(node)) return null;
  return { node, kind: "other", fields: read(node), needed: [], selects: false, offset: 0 };
}

/** `name != ""` and `name != null` ask for a value: a record without the field is not to be kept. */
function isNothing(node: unknown): boolean {
  return (
    isNode(node) &&
    ((node.type === "string" && node.value === "") || (node.type === "value" && node.value === null))
  );
}

/**
 * What one expects of a function of nothing: `$boolean(deleted) = false`, `$length(name) = 0`, `$trim(name) = ""`. In
 * JSONata a function of nothing is nothing, which equals none of them.
 */
function isEmpty(node: unknown): boolean {
  return (
    isNode(node) &&
    ["string", "number", "value"].includes(String(node.type)) &&
    ["", 0, false].some((empty) => node.value === empty)
  );
}

/** A path, as in `active` or `lines[price > 1]`, or what is read of one as true or false. */
function asksForValue(node: Node): boolean {
  if (node.type === "path" || node.type === "variable") return true;
  return isCallOf(node, "boolean") && Array.isArray(node.arguments) && node.arguments.every(isPlain);
}

/** Functions that only give a value another form. */
const conversions = ["number", "toMillis", "string", "lowercase", "uppercase", "trim", "length"];
/** Functions that are nothing where their first argument is. */
const passing = [...conversions, "boolean", "contains", "not"];

/** A path, a constant, or one of them in another form: nobody expects an order of it to hold where it is missing. */
function isPlain(node: unknown): boolean {
  if (!isNode(node)) return false;
  if (conversions.some((name) => isCallOf(node, name)))
    return Array.isArray(node.arguments) && node.arguments.every(isPlain);
  if (node.type === "unary" && node.value === "-") return isPlain(node.expression);
  return ["path", "string", "number", "value"].includes(String(node.type));
}

function neededBy(node: unknown): readonly FieldPath[] {
  const path = fieldPath(node);
  if (path !== null) return [path];
  if (!isNode(node) || !Array.isArray(node.arguments)) return [];
  return passing.some((name) => isCallOf(node, name)) ? node.arguments.flatMap(neededBy) : [];
}

/** `$not` of nothing is nothing: of a field, or of an order, which has no value either where a side is missing. */
function neededByNot(node: unknown): readonly FieldPath[] {
  const isOrder = isNode(node) && node.type === "binary" && isOrderOperator(node.value);
  return isOrder ? [node.lhs, node.rhs].flatMap(neededBy) : neededBy(node);
}

function distinct(paths: readonly FieldPath[]): readonly FieldPath[] {
  return [...new Map(paths.map((path) => [path.join("."), path])).values()];
}
