/** A node of JSONata's syntax tree. */
export type Node = Record<string, unknown>;

/** Some nodes are made from the parser's own symbols, and so are no plain objects. */
export function isNode(value: unknown): value is Node {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Visits every node once, the outer ones first. */
export function walk(value: unknown, visit: (node: Node) => void, seen = new Set<unknown>()): void {
  if (typeof value !== "object" || value === null || seen.has(value)) return;
  seen.add(value);
  if (Array.isArray(value)) for (const one of value) walk(one, visit, seen);
  else if (isNode(value)) {
    visit(value);
    for (const inner of Object.values(value)) walk(inner, visit, seen);
  }
}
