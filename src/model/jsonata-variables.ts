import {
  type ExpressionError,
  type ExpressionNames,
  jsonataFunctions,
  offsetOf,
  variableName,
} from "./jsonata-names.ts";
import { isNode, type Node } from "./jsonata-tree.ts";
import { nearest } from "./nearest.ts";

/**
 * The first variable without a value: one that nothing defines, or a JSONata function that is compared, or used as true
 * or false. It has no value in JSONata, so a condition would drop or keep every record.
 */
export function unknownVariable(
  tree: unknown,
  text: string,
  { nodes, unbound, bound, values }: ExpressionNames,
): ExpressionError | null {
  const known = new Set([...bound, ...values]);
  const compared = new Set([...resultsOf(tree), ...nodes.flatMap(operandsOf)].flatMap(firstOf));
  const unknown = (node: Node): boolean => {
    const name = variableName(node);
    if (name === null || !unbound.has(node) || values.includes(name)) return false;
    return !jsonataFunctions.has(name) || compared.has(node);
  };
  const [first] = nodes.filter(unknown).sort((a, b) => Number(a.position) - Number(b.position));
  const name = variableName(first);
  if (first === undefined || name === null) return null;
  return {
    message: describeUnknownVariable(name, known, bound),
    offset: offsetOf(first, name.length + 1, text),
  };
}

function describeUnknownVariable(
  name: string,
  known: ReadonlySet<string>,
  bound: ReadonlySet<string>,
): string {
  if (bound.has(name)) {
    return `the expression reads \`$${name}\` where it has no value: \`$${name} := …\` counts from there to the end of the parentheses or the function around it`;
  }
  const what = jsonataFunctions.has(name)
    ? "which is a function and has no value of its own"
    : "which neither JSONata nor the expression defines";
  // Of a short name any other is a neighbour.
  const near = name.length < 3 ? undefined : nearest(name, known);
  const meant =
    near === undefined
      ? `write \`${name}\` for the field, and \`$\` alone for the whole input`
      : `did you mean \`$${near}\`?`;
  return `the expression reads \`$${name}\`, ${what}; ${meant}`;
}

/** The nodes that an expression's value comes from. */
function resultsOf(node: unknown): unknown[] {
  if (!isNode(node)) return [];
  if (node.type === "block" && Array.isArray(node.expressions)) return resultsOf(node.expressions.at(-1));
  return node.type === "condition" ? [node.then, node.else].flatMap(resultsOf) : [node];
}

/** The operands of a node that calculates, compares, or tests for true: a function makes no sense there. */
function operandsOf({ type, condition, procedure, arguments: given, lhs, rhs }: Node): unknown[] {
  if (type === "binary") return [lhs, rhs];
  if (type === "condition") return [condition];
  const asks = type === "function" && ["not", "boolean"].includes(variableName(procedure) ?? "");
  return asks && Array.isArray(given) ? given : [];
}

/** The node itself, or the first step of a path, as in `$error.code`. */
function firstOf(node: unknown): Node[] {
  if (!isNode(node)) return [];
  return node.type === "path" && Array.isArray(node.steps) ? node.steps.slice(0, 1).filter(isNode) : [node];
}
