import { isNode } from "../../model/jsonata-tree.ts";
import { isOrderOperator } from "./exact-values.ts";
import { recordPaths } from "./record-paths.ts";
import { fieldPath, isCallOf } from "./syntax.ts";

/** Fields that an expression compares in any way, also through functions as in `$trim(name) = "x"`, each once. */
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
      for (const path of [lhs, rhs].flatMap(comparedIn)) found.set(path.join("."), path);
    }
  };
  inRecord(tree);
  return [...found.values()];
}

function comparedIn(side: unknown): readonly (readonly string[])[] {
  const path = fieldPath(side);
  if (path !== null) return [path];
  return isNode(side) && side.type === "function" ? recordPaths(side) : [];
}
