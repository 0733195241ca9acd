import { variableName } from "./jsonata-names.ts";
import { isNode, type Node, walk } from "./jsonata-tree.ts";

/** Names that have a value in one part of an expression: inside of parentheses, or of a function. */
export class ScopeFrame {
  readonly #outer: ScopeFrame | null;
  readonly #names = new Set<string>();

  constructor(outer: ScopeFrame | null = null) {
    this.#outer = outer;
  }

  bind(name: string): void {
    this.#names.add(name);
  }

  has(name: string): boolean {
    return this.#names.has(name) || (this.#outer?.has(name) ?? false);
  }
}

/** A constant text that `$eval` evaluates, and where. */
export interface EvaluatedText {
  readonly node: Node;
  readonly text: string;
  readonly frame: ScopeFrame;
}

/**
 * Which variables of an expression have no value where they are read, by JSONata's own scopes: `$v := …` counts from
 * there to the end of the parentheses or the function around it. The body of a function is evaluated when it is
 * called, so it may read what is defined behind it.
 */
export class Scopes {
  readonly unbound = new Set<Node>();
  /** The texts of `$eval`, with the variables in scope at each. */
  readonly texts: EvaluatedText[] = [];
  readonly #bindsOf: (text: string) => readonly string[];
  readonly #seen = new Set<unknown>();
  readonly #later: (() => void)[] = [];

  /** `bindsOf`: the names that a text gives values when `$eval` evaluates it. */
  constructor(tree: unknown, frame: ScopeFrame, bindsOf: (text: string) => readonly string[]) {
    this.#bindsOf = bindsOf;
    walk(tree, (node) => {
      for (const name of stepNames(node)) frame.bind(name);
    });
    this.#visit(tree, frame);
    for (const work of this.#later) work();
  }

  #visit(value: unknown, frame: ScopeFrame): void {
    if (Array.isArray(value)) for (const one of value) this.#visit(one, frame);
    if (!isNode(value) || this.#seen.has(value)) return;
    this.#seen.add(value);
    const { lhs, rhs, expressions, arguments: given, body, ...rest } = value;
    switch (value.type) {
      case "bind":
        this.#visit(rhs, frame);
        for (const name of namesOf([lhs])) frame.bind(name);
        break;
      case "block":
        this.#visit(expressions, new ScopeFrame(frame));
        break;
      case "lambda": {
        const inner = new ScopeFrame(frame);
        for (const name of namesOf(given)) inner.bind(name);
        this.#later.push(() => this.#visit(body, inner));
        break;
      }
      case "transform":
        this.#later.push(() => this.#visitAll(rest, frame));
        return;
      case "variable":
        this.#read(value, frame);
        break;
      default:
        this.#evaluated(value, frame);
        // JSONata evaluates the entries of a list or an object concurrently.
        if (value.type === "unary") for (const name of directBinds([lhs, expressions])) frame.bind(name);
        this.#visitAll({ lhs, rhs, expressions, given, body }, frame);
    }
    this.#visitAll(rest, frame);
  }

  #visitAll(parts: Node, frame: ScopeFrame): void {
    for (const [name, part] of Object.entries(parts)) {
      // It is evaluated for one value after another, so a later evaluation sees the bindings of an earlier one.
      if (repeated.has(name)) for (const bound of directBinds(part)) frame.bind(bound);
      this.#visit(part, frame);
    }
  }

  #read(node: Node, frame: ScopeFrame): void {
    const name = variableName(node);
    if (name !== null && !frame.has(name)) this.unbound.add(node);
  }

  #evaluated(node: Node, frame: ScopeFrame): void {
    const text = evaluatedText(node);
    if (text === null) return;
    this.texts.push({ node, text, frame });
    for (const name of this.#bindsOf(text)) frame.bind(name);
  }
}

/** The constant text that a call of `$eval` evaluates; null for another node, or a text that is computed. */
export function evaluatedText({ type, procedure, arguments: given }: Node): string | null {
  const [text] = Array.isArray(given) ? given : [];
  const isCall = type === "function" && variableName(procedure) === "eval";
  return isCall && isNode(text) && text.type === "string" && typeof text.value === "string"
    ? text.value
    : null;
}

const repeated: ReadonlySet<string> = new Set(["steps", "predicate", "stages", "terms", "group"]);

/** Names that a part gives a value outside of any parentheses or function of its own. */
export function directBinds(part: unknown, seen = new Set<unknown>()): string[] {
  if (Array.isArray(part)) return part.flatMap((one) => directBinds(one, seen));
  if (!isNode(part) || seen.has(part)) return [];
  seen.add(part);
  if (part.type === "block" || part.type === "lambda" || part.type === "transform") return [];
  const own = part.type === "bind" ? namesOf([part.lhs]) : [];
  return [...own, ...directBinds(Object.values(part), seen)];
}

/** Names that a step of a path gives each of its values: `list@$f`, `list#$f`. They count everywhere. */
function stepNames({ type, value, focus, index }: Node): string[] {
  return [focus, index, type === "index" ? value : null].filter((name) => typeof name === "string");
}

function namesOf(nodes: unknown): string[] {
  const list = Array.isArray(nodes) ? nodes : [];
  return list.flatMap((node) => (isNode(node) && typeof node.value === "string" ? [node.value] : []));
}
