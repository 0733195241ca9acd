import { jsonataFunctions } from "../../model/jsonata-names.ts";
import { isNode, type Node, walk } from "../../model/jsonata-tree.ts";
import { isCallOf } from "./syntax.ts";

/** Operators and functions that have a value whatever they are given: nothing that is missing shows through them. */
const alwaysGive: ReadonlySet<unknown> = new Set(["=", "!=", "in", "and", "or", "&", "[", "{"]);
const givingCalls = ["exists", "count"];

/** What of a node is evaluated over something else than the record. */
const otherInput: ReadonlySet<string> = new Set(["predicate", "stages", "group", "procedure"]);

/**
 * Paths of the record without which a node may have no value. Of a path with conditions or functions in it, the steps
 * into fields before them.
 */
export function recordPaths(node: unknown): readonly (readonly string[])[] {
  if (Array.isArray(node)) return node.flatMap(recordPaths);
  if (!isNode(node) || !showsMissing(node)) return [];
  if (node.type === "path" && Array.isArray(node.steps)) {
    const names = namesOf(node.steps);
    return names.length > 0 ? [names] : recordPaths(node.steps[0]);
  }
  return Object.entries(node).flatMap(([part, inner]) => (otherInput.has(part) ? [] : recordPaths(inner)));
}

function showsMissing(node: Node): boolean {
  const { type, value } = node;
  if (type === "lambda" || type === "transform" || type === "regex") return false;
  if ((type === "binary" || type === "unary") && alwaysGive.has(value)) return false;
  return !givingCalls.some((name) => isCallOf(node, name));
}

function namesOf(steps: readonly unknown[]): readonly string[] {
  const names: string[] = [];
  for (const [index, step] of steps.entries()) {
    if (!isNode(step)) break;
    if (index === 0 && step.type === "variable" && step.value === "") continue;
    if (step.type !== "name" || typeof step.value !== "string") break;
    names.push(step.value);
  }
  return names;
}

/** Whether a node reads a variable, whose value came from elsewhere in the expression. */
export function readsVariable(node: Node): boolean {
  let reads = false;
  walk(node, ({ type, value }) => {
    reads ||= type === "variable" && value !== "" && value !== "$" && !jsonataFunctions.has(String(value));
  });
  return reads;
}
