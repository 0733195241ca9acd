import type { Position } from "../../model/position.ts";

/** The position with what the input knows of its source by now. */
export function withFacts(position: Position, facts: ReadonlySet<string>): Position {
  const { facts: _, ...rest } = position;
  return facts.size === 0 ? rest : { ...rest, facts: [...facts].sort() };
}

/** Whether the input has learned something that the position does not say yet. */
export function haveNewFacts(position: Position, facts: ReadonlySet<string> | undefined): boolean {
  if (facts === undefined) return false;
  const known = new Set(position.facts);
  for (const fact of facts) if (!known.has(fact)) return true;
  return false;
}
