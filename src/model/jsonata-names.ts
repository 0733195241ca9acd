import { isNode, type Node, walk } from "./jsonata-tree.ts";

/** The functions of JSONata; a test holds the list against JSONata's own. */
export const jsonataFunctions: ReadonlySet<string> = new Set(
  (
    "sum count max min average string substring substringBefore substringAfter lowercase uppercase length trim pad match " +
    "contains replace split join formatNumber formatBase formatInteger parseInteger number floor ceil round abs sqrt power " +
    "random boolean not map zip filter single reduce sift keys lookup append exists spread merge reverse each error assert " +
    "type sort shuffle distinct base64encode base64decode encodeUrlComponent encodeUrl decodeUrlComponent decodeUrl eval " +
    "toMillis fromMillis clone now millis"
  ).split(" "),
);

export interface ExpressionMistake {
  readonly message: string;
  /** Where it stands in the expression's text. */
  readonly offset: number;
}

/** An expression's nodes, and the names that it binds. A name that it binds anywhere counts as defined everywhere. */
export interface ExpressionNames {
  readonly nodes: readonly Node[];
  readonly bound: ReadonlySet<string>;
  /** Names of what is given to the expression beside its input. */
  readonly values: readonly string[];
}

/** Null where the names cannot be known: the text that `$eval` evaluates may bind some too. */
export function namesIn(tree: unknown, values: readonly string[]): ExpressionNames | null {
  const nodes: Node[] = [];
  walk(tree, (node) => nodes.push(node));
  if (nodes.some((node) => isVariable(node) && node.value === "eval")) return null;
  return { nodes, bound: new Set(nodes.flatMap(boundNames)), values };
}

/** Names that a node gives a value: `$f := …`, `function($f) { … }`, `list@$f`, `list#$f`. */
function boundNames({ type, value, lhs, arguments: given, focus, index }: Node): string[] {
  if (type === "bind") return namesOf([lhs]);
  if (type === "lambda" && Array.isArray(given)) return namesOf(given);
  return [focus, index, type === "index" ? value : null].filter((name) => typeof name === "string");
}

function namesOf(nodes: readonly unknown[]): string[] {
  return nodes.flatMap((node) => (isNode(node) && typeof node.value === "string" ? [node.value] : []));
}

export function isVariable(node: unknown): node is Node {
  return isNode(node) && node.type === "variable";
}

/** The name of a variable; null for anything else, and for `$` and `$$`, which are the input. */
export function variableName(node: unknown): string | null {
  if (!isVariable(node) || typeof node.value !== "string") return null;
  return node.value === "" || node.value === "$" ? null : node.value;
}

/** Where a name of this length begins: a node's position lies behind it. */
export function offsetOf({ position }: Node, length: number, text: string): number {
  return Math.max(0, Math.min(Number(position) - length, text.length));
}
