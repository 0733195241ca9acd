import { isNode, type Node, walk } from "../../model/jsonata-tree.ts";

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

/** Fields whose existence an expression checks: by `$exists(a)`, `a and …`, `a ? … : …`. */
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
