import jsonata from "jsonata";
import { formatPath, type Path } from "../../model/record.ts";
import { isInSecret } from "../../secrets.ts";
import { decidingParts } from "./deciding.ts";
import { guardedFields } from "./syntax.ts";

/** A part of a condition that drops records without a field. */
export interface MissingFieldDrop {
  readonly kind: "!=" | "=" | "$not";
  /** Null where a path with conditions finds nothing, instead of a missing field. */
  readonly field: string | null;
  /** Its position in the expression. */
  readonly offset: number;
}

/**
 * Comparisons with `!=`, which are false where a field is missing, and `$not` of a missing field, which has no value:
 * both drop the record, against expectation. Fields that always exist (`present`), or that the expression checks
 * itself, are left out.
 */
export function missingFieldDrops(expression: string, present: readonly Path[]): MissingFieldDrop[] {
  const tree = jsonata(expression).ast();
  const known = new Set([...present, ...guardedFields(tree)].map(formatPath));
  return decidingParts(tree).flatMap(({ kind, needed, selects, offset }): MissingFieldDrop[] => {
    if (kind !== "!=" && kind !== "=" && kind !== "$not") return [];
    const field = needed.map(formatPath).find((name) => !known.has(name));
    if (field !== undefined) return [{ kind, field: isInSecret(field, expression) ? null : field, offset }];
    return selects ? [{ kind, field: null, offset }] : [];
  });
}

const reasons = {
  "!=": "JSONata's != is false where a side is missing",
  "=": "a function of a missing field is nothing, and JSONata's = is false then",
  $not: "JSONata's $not gives nothing where what it is given is missing",
  other: "the expression is neither true nor false without it",
} as const;

/** Describes which records are dropped because a field is missing, and what to write instead. */
export function describeDrop(kind: keyof typeof reasons, field: string | null) {
  const asked = field ?? "…";
  const whose = field === null ? "for which its path finds nothing" : `without \`${field}\``;
  const keep =
    kind === "!=" ? "$not(… = …)" : `$exists(${asked}) = false or ${kind === "$not" ? "$not(…)" : "…"}`;
  return {
    reason: reasons[kind],
    records: `records ${whose}`,
    keep,
    drop: `$exists(${asked}) and …`,
  };
}
