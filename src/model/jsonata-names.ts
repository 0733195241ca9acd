import { isNode, type Node } from "./jsonata-tree.ts";

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

export interface ExpressionError {
  readonly message: string;
  /** Its position in the expression's text. */
  readonly offset: number;
}

/** An expression's nodes, and what is known of its variables. */
export interface ExpressionNames {
  readonly nodes: readonly Node[];
  /** Variables that have no value where they are read, but for JSONata's own. */
  readonly unbound: ReadonlySet<Node>;
  /** All names that the expression gives a value somewhere. */
  readonly bound: ReadonlySet<string>;
  /** The names of the expression's variables in addition to its input. */
  readonly values: readonly string[];
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
