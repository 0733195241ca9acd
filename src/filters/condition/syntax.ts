import { isNode, type Node, walk } from "../../model/jsonata-tree.ts";
import { isOrderOperator, type OrderOperator } from "./exact-values.ts";

/** The names of a path that only steps into fields, such as `a.b`; null for anything else. */
export function fieldPath(node: unknown): readonly string[] | null {
  if (!isNode(node) || node.type !== "path" || node.group !== undefined || !Array.isArray(node.steps))
    return null;
  const names: string[] = [];
  for (const [index, step] of node.steps.entries()) {
    if (!isNode(step) || step.stages !== undefined || step.focus !== undefined || step.index !== undefined)
      return null;
    // `$.a` is `a`: the record itself.
    if (index === 0 && step.type === "variable" && step.value === "") continue;
    if (step.type !== "name" || typeof step.value !== "string") return null;
    names.push(step.value);
  }
  return names.length === 0 ? null : names;
}

/** A comparison that decides whether the record is kept, and is not true where a field of it is missing. */
export interface Comparison {
  readonly node: Node;
  readonly operator: "!=" | OrderOperator;
  readonly fields: readonly (readonly string[])[];
  /** Where the operator ends in the text. */
  readonly position: number;
}

/**
 * The comparisons of an expression that have to be true for the record to be kept: its own, and those within `and`, `or`,
 * parentheses and `? :`. What stands within `$not` or a predicate decides otherwise.
 */
export function decidingComparisons(node: unknown): readonly Comparison[] {
  if (!isNode(node)) return [];
  const { type, value } = node;
  if (type === "block" && Array.isArray(node.expressions))
    return decidingComparisons(node.expressions.at(-1));
  if (type === "condition") return [node.then, node.else].flatMap(decidingComparisons);
  if (type !== "binary") return [];
  if (value === "and" || value === "or") return [node.lhs, node.rhs].flatMap(decidingComparisons);
  if (value !== "!=" && !isOrderOperator(value)) return [];
  if (value === "!=" && [node.lhs, node.rhs].some(isNothing)) return [];
  const fields = [node.lhs, node.rhs].map(fieldPath).filter((path) => path !== null);
  return fields.length === 0 ? [] : [{ node, operator: value, fields, position: Number(node.position) }];
}

/** `name != ""` and `name != null` ask for a value: a record without the field is not to be kept. */
function isNothing(node: unknown): boolean {
  return (
    isNode(node) &&
    ((node.type === "string" && node.value === "") || (node.type === "value" && node.value === null))
  );
}

/** Fields that an expression asks for being there: by `$exists(a)`, `a and …`, `a ? … : …`. */
export function guardedFields(node: unknown): readonly (readonly string[])[] {
  const found: (readonly string[])[] = [];
  walk(node, (inner) => {
    const asked =
      inner.type === "condition"
        ? [inner.condition]
        : inner.type === "binary" && (inner.value === "and" || inner.value === "or")
          ? [inner.lhs, inner.rhs]
          : isCallOf(inner, "exists") && Array.isArray(inner.arguments)
            ? inner.arguments
            : [];
    for (const path of asked.map(fieldPath)) if (path !== null) found.push(path);
  });
  return found;
}

export function isCallOf(node: Node, name: string): boolean {
  return node.type === "function" && isNode(node.procedure) && node.procedure.value === name;
}

/** Fields that an expression compares in any way, each once. */
export function comparedFields(tree: unknown): readonly (readonly string[])[] {
  const found = new Map<string, readonly string[]>();
  const inRecord = (node: unknown): void => {
    if (!isNode(node)) return;
    const { type, value, lhs, rhs } = node;
    if (type === "block" && Array.isArray(node.expressions)) node.expressions.forEach(inRecord);
    else if (type === "condition")
      for (const inner of [node.condition, node.then, node.else]) inRecord(inner);
    else if (isCallOf(node, "not") && Array.isArray(node.arguments)) node.arguments.forEach(inRecord);
    else if (type === "binary" && (value === "and" || value === "or"))
      for (const inner of [lhs, rhs]) inRecord(inner);
    else if (
      type === "binary" &&
      (value === "=" || value === "!=" || value === "in" || isOrderOperator(value))
    ) {
      for (const path of [lhs, rhs].map(fieldPath)) if (path !== null) found.set(path.join("."), path);
    }
  };
  inRecord(tree);
  return [...found.values()];
}
