import type { Position } from "../../model/position.ts";

/** The position with the facts that the input has learned so far. */
export function withFacts(position: Position, facts: ReadonlySet<string>): Position {
  const { facts: _, ...rest } = position;
  return facts.size === 0 ? rest : { ...rest, facts: [...facts].sort() };
}

/** Whether the input has learned a fact that the position does not hold yet. */
export function haveNewFacts(position: Position, facts: ReadonlySet<string> | undefined): boolean {
  if (facts === undefined) return false;
  const known = new Set(position.facts);
  for (const fact of facts) if (!known.has(fact)) return true;
  return false;
}
