import jsonata from "jsonata";
import { canonicalDecimal } from "../../model/decimal.ts";
import { exactNumber } from "../../model/exact-number.ts";
import { isNode, type Node, walk } from "../../model/jsonata-tree.ts";
import { decidingParts } from "./deciding.ts";
import { areEqual, calculable, isIn, isOrdered, isOrderOperator, shapeOf, toNumber } from "./exact-values.ts";
import { isCallOf } from "./syntax.ts";

export type JsonataOptions = jsonata.JsonataOptions;

/** Functions of JSONata that calculate with numbers, or need to know that something is one. */
const calculating: ReadonlySet<string> = new Set(
  "sum max min average abs floor ceil round power sqrt formatNumber formatBase formatInteger fromMillis substring pad split sort zip".split(
    " ",
  ),
);

const arithmetic: ReadonlySet<unknown> = new Set(["+", "-", "*", "/", "%", ".."]);

/**
 * A JSONata expression whose comparisons are exact: numbers of the record and of its own text that a double would cut
 * keep their digits. JSONata's tree is changed so that comparisons call functions of ours, and what calculates is given
 * doubles, or refuses an integer that would be rounded.
 *
 * With `assumePresent`, the parts that decide whether the record is kept are true where they have no value because a
 * field is missing. A record that is kept only then is dropped because of a missing field.
 */
export function exactExpression(
  text: string,
  options: JsonataOptions & { readonly assumePresent?: boolean },
): jsonata.Expression {
  const { assumePresent = false, ...limits } = options;
  const expression = jsonata(text, limits);
  const tree = expression.ast();
  const deciding = new Set(assumePresent ? decidingParts(tree).map(({ node }) => node) : []);
  const nodes: Node[] = [];
  walk(tree, (node) => nodes.push(node));
  for (const node of nodes) rewrite(node, text, deciding.has(node));
  for (const node of deciding) assumeTrue(node);
  const register = (name: string, made: (...given: unknown[]) => unknown): void =>
    expression.registerFunction(named(name), made);
  register("equal", (a, b, assumed) => compared(a, b, assumed, () => areEqual(a, b)));
  register("unequal", (a, b, assumed) => compared(a, b, assumed, () => !areEqual(a, b)));
  register("ordered", (a, b, assumed, operator) => {
    if (!isOrderOperator(operator)) return undefined;
    const isTrue = isOrdered(operator, a, b);
    return isTrue === undefined && assumed === true ? true : isTrue;
  });
  register("in", isIn);
  register("assumed", (value) => (value === undefined ? true : value));
  register("calculable", calculable);
  register("shape", shapeOf);
  register("number", toNumber);
  return expression;
}

/** Whether an expression has to be exact whatever the record holds. */
export function needsExactness(text: string, tree: unknown): boolean {
  let needs = false;
  walk(tree, (node) => {
    needs ||= isCallOf(node, "number") || (node.type === "number" && exactLiteral(node, text) !== null);
  });
  return needs;
}

function compared(a: unknown, b: unknown, assumed: unknown, compare: () => boolean): boolean {
  return a === undefined || b === undefined ? assumed === true : compare();
}

function named(name: string): string {
  return `tidemark_${name}`;
}

function rewrite(node: Node, text: string, assumed: boolean): void {
  const { type, value, lhs, rhs } = node;
  if (type === "number") {
    const exact = exactLiteral(node, text);
    if (exact !== null) node.value = exact;
  } else if (type === "binary") rewriteBinary(node, assumed);
  else if (type === "unary" && value === "-") node.expression = call("calculable", node, [node.expression]);
  else if (type === "sort" && Array.isArray(node.terms)) {
    for (const term of node.terms)
      if (isNode(term)) term.expression = call("calculable", node, [term.expression]);
  } else if (type === "apply" && isNode(rhs)) {
    const name = rhs.type === "variable" ? rhs.value : isNode(rhs.procedure) ? rhs.procedure.value : null;
    if (calculating.has(String(name))) node.lhs = call("calculable", node, [lhs]);
  } else if (type === "function" && isNode(node.procedure) && Array.isArray(node.arguments)) {
    rewriteCall(node, node.procedure, node.arguments);
  }
}

function rewriteBinary(node: Node, assumed: boolean): void {
  const { value, lhs, rhs } = node;
  if (arithmetic.has(value)) {
    node.lhs = call("calculable", node, [lhs]);
    node.rhs = call("calculable", node, [rhs]);
    return;
  }
  const flag = { type: "value", value: assumed, position: node.position };
  if (value === "=") become(node, call("equal", node, [lhs, rhs, flag]));
  else if (value === "!=") become(node, call("unequal", node, [lhs, rhs, flag]));
  else if (value === "in") become(node, call("in", node, [lhs, rhs]));
  else if (isOrderOperator(value)) {
    const operator = { type: "string", value, position: node.position };
    become(node, call("ordered", node, [lhs, rhs, flag, operator]));
  }
}

function rewriteCall(node: Node, procedure: Node, given: unknown[]): void {
  const name = String(procedure.value);
  if (procedure.type !== "variable" || given.length === 0) return;
  if (name === "number") procedure.value = named("number");
  else if (name === "type") node.arguments = given.map((one) => call("shape", node, [one]));
  else if (calculating.has(name))
    node.arguments = given.map((one) => (isCode(one) ? one : call("calculable", node, [one])));
}

function isCode(node: unknown): boolean {
  return isNode(node) && (node.type === "lambda" || node.type === "partial");
}

function call(name: string, { position }: Node, given: readonly unknown[]): Node {
  return {
    type: "function",
    value: "(",
    position,
    arguments: [...given],
    procedure: { type: "variable", value: named(name), position },
  };
}

/** Makes a node true where it has no value. */
function assumeTrue(node: Node): void {
  const assumed = call("assumed", node, [{ ...node }]);
  for (const part of Object.keys(node)) delete node[part];
  Object.assign(node, assumed);
}

/** Makes a node another one, keeping what its place in the tree adds to it. */
function become(node: Node, other: Node): void {
  delete node.lhs;
  delete node.rhs;
  Object.assign(node, other);
}

/** The number that a literal says where a double does not hold it, from the text that ends at its position. */
function exactLiteral({ value, position }: Node, text: string): unknown {
  if (typeof value !== "number") return null;
  const [digits] = /\d+(?:\.\d+)?(?:[eE][-+]?\d+)?$/.exec(text.slice(0, Number(position))) ?? [];
  if (digits === undefined || canonicalDecimal(digits) === canonicalDecimal(String(Math.abs(value))))
    return null;
  return exactNumber(value < 0 ? `-${digits}` : digits);
}
