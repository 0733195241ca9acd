import {
  type ExpressionError,
  type ExpressionNames,
  isVariable,
  jsonataFunctions,
  offsetOf,
  variableName,
} from "./jsonata-names.ts";
import { isNode, type Node } from "./jsonata-tree.ts";
import { nearest } from "./nearest.ts";

/** Functions whose second argument is a function. */
const takeFunction: ReadonlySet<string> = new Set("map filter single reduce sift each sort".split(" "));

/** A node where a function is wanted: `$f`, or `f` where the dollar sign is missing. */
interface Called {
  readonly node: Node;
  readonly name: string;
  readonly hasSign: boolean;
}

/** The first call of a function that neither JSONata nor the expression itself defines; null for none. */
export function unknownCall(
  text: string,
  { nodes, unbound, bound, values }: ExpressionNames,
): ExpressionError | null {
  const called = nodes.flatMap((node) => calledAt(node, unbound));
  const functionsAreValues = makesFunctions(nodes, called);
  const wrong = called.find(({ node, name, hasSign }) =>
    hasSign ? unbound.has(node) && !jsonataFunctions.has(name) : !functionsAreValues,
  );
  if (wrong === undefined) return null;
  const isValue = wrong.hasSign && values.includes(wrong.name);
  const near =
    isValue || bound.has(wrong.name) ? undefined : nearest(wrong.name, [...bound, ...jsonataFunctions]);
  return {
    message: `the expression calls ${describeUnknownCall(wrong, { isValue, isBound: bound.has(wrong.name) })}${near === undefined ? "" : `; did you mean \`$${near}\`?`}`,
    offset: offsetOf(wrong.node, wrong.name.length + (wrong.hasSign ? 1 : 0), text),
  };
}

function describeUnknownCall(
  { name, hasSign }: Called,
  { isValue, isBound }: { isValue: boolean; isBound: boolean },
): string {
  if (!hasSign) return `\`${name}\`, which is a field; the names of functions begin with \`$\``;
  if (isValue) return `\`$${name}\`, which is a value and no function`;
  if (isBound) {
    return `\`$${name}\` where it has no value: \`$${name} := …\` counts from there to the end of the parentheses or the function around it`;
  }
  return `\`$${name}\`, which is no function of JSONata and is not defined in the expression`;
}

function calledAt({ type, procedure, arguments: given, rhs }: Node, unbound: ReadonlySet<Node>): Called[] {
  if (type === "apply") return variableAt(rhs);
  if ((type !== "function" && type !== "partial") || !isNode(procedure)) return [];
  if (!isVariable(procedure)) return fieldAt(procedure);
  const name = String(procedure.value);
  const takes = takeFunction.has(name) && unbound.has(procedure) && Array.isArray(given);
  return takes ? [...variableAt(procedure), ...variableAt(given[1])] : variableAt(procedure);
}

function variableAt(node: unknown): Called[] {
  const name = variableName(node);
  return name === null || !isNode(node) ? [] : [{ node, name, hasSign: true }];
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
