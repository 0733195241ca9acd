import { isNode, type Node, walk } from "./jsonata-tree.ts";
import { nearest } from "./nearest.ts";

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

/** Functions whose second argument is a function. */
const takeFunction: ReadonlySet<string> = new Set("map filter single reduce sift each sort".split(" "));

export interface ExpressionMistake {
  readonly message: string;
  /** Where it stands in the expression's text. */
  readonly offset: number;
}

/** A node where a function is wanted: `$f`, or `f` where the dollar sign is missing. */
interface Called {
  readonly node: Node;
  readonly name: string;
  readonly hasSign: boolean;
}

/**
 * The first call of a function that neither JSONata nor the expression itself defines; null for none. `values` are the
 * names of what is given to the expression beside its input. A name that the expression binds anywhere counts as
 * defined everywhere.
 */
export function unknownCall(
  tree: unknown,
  text: string,
  values: readonly string[] = [],
): ExpressionMistake | null {
  const nodes: Node[] = [];
  walk(tree, (node) => nodes.push(node));
  const bound = new Set(nodes.flatMap(boundNames));
  const called = nodes.flatMap((node) => calledAt(node, bound));
  // The text that `$eval` evaluates may bind names too.
  if (nodes.some((node) => isVariable(node) && node.value === "eval")) return null;
  const functionsAreValues = makesFunctions(nodes, called);
  const wrong = called.find(({ name, hasSign }) =>
    hasSign ? !bound.has(name) && !jsonataFunctions.has(name) : !functionsAreValues,
  );
  if (wrong === undefined) return null;
  const isValue = wrong.hasSign && values.includes(wrong.name);
  const near = isValue ? undefined : nearest(wrong.name, [...bound, ...jsonataFunctions]);
  return {
    message: `the expression calls ${wordsFor(wrong, isValue)}${near === undefined ? "" : `; did you mean \`$${near}\`?`}`,
    offset: offsetOf(wrong, text),
  };
}

function wordsFor({ name, hasSign }: Called, isValue: boolean): string {
  if (!hasSign) return `\`${name}\`, which is a field; the names of functions begin with \`$\``;
  if (isValue) return `\`$${name}\`, which is a value and no function`;
  return `\`$${name}\`, which is no function of JSONata and is not defined in the expression`;
}

/** A node's position lies behind its name. */
function offsetOf({ node: { position }, name, hasSign }: Called, text: string): number {
  const length = name.length + (hasSign ? 1 : 0);
  return Math.max(0, Math.min(Number(position) - length, text.length));
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

function calledAt({ type, procedure, arguments: given, rhs }: Node, bound: ReadonlySet<string>): Called[] {
  if (type === "apply") return variableAt(rhs);
  if ((type !== "function" && type !== "partial") || !isNode(procedure)) return [];
  if (!isVariable(procedure)) return fieldAt(procedure);
  const name = String(procedure.value);
  const takes = takeFunction.has(name) && !bound.has(name) && Array.isArray(given);
  return takes ? [...variableAt(procedure), ...variableAt(given[1])] : variableAt(procedure);
}

function isVariable(node: unknown): node is Node {
  return isNode(node) && node.type === "variable";
}

/** `$` and `$$` are the input. */
function variableAt(node: unknown): Called[] {
  if (!isVariable(node) || typeof node.value !== "string") return [];
  const { value: name } = node;
  return name === "" || name === "$" ? [] : [{ node, name, hasSign: true }];
}

function fieldAt({ type, steps }: Node): Called[] {
  const [step, ...more] = type === "path" && Array.isArray(steps) ? steps : [];
  if (!isNode(step) || step.type !== "name" || typeof step.value !== "string" || more.length > 0) return [];
  return [{ node: step, name: step.value, hasSign: false }];
}

/**
 * Whether a field may hold a function: only where the expression itself puts one there, as in
 * `{"f": $uppercase}.f("x")`.
 */
function makesFunctions(nodes: readonly Node[], called: readonly Called[]): boolean {
  const atOnce = new Set(called.map(({ node }) => node));
  return nodes.some((node) => {
    const { type, value } = node;
    if (type === "lambda" || type === "partial" || type === "regex" || type === "transform") return true;
    return type === "variable" && jsonataFunctions.has(String(value)) && !atOnce.has(node);
  });
}
