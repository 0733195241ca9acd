import type { Input } from "../engine/ports.ts";
import { describeDrop, missingFieldDrops } from "../filters/condition/missing-field-drops.ts";
import { type Finding, settingWarning } from "../findings.ts";
import { type Path, parsePath } from "../model/record.ts";
import type { FilterConfig } from "./schema.ts";

/** Warnings for conditions that unexpectedly drop records without a field. */
export function filterWarnings(filters: readonly FilterConfig[], { incremental }: Input): Finding[] {
  const { key, cursors, onNullCursor } = incremental;
  const ofCursors =
    onNullCursor === "deliver" ? [] : cursors.flatMap(({ path }) => (path === null ? [] : [path]));
  let present: readonly Path[] = [...(key ?? []), ...ofCursors];
  return filters.flatMap((filter, index) => {
    const findings = filter.type === "condition" ? conditionWarnings(filter.expression, index, present) : [];
    present = presentAfter(filter, present);
    return findings;
  });
}

function conditionWarnings(expression: string, index: number, present: readonly Path[]): Finding[] {
  return missingFieldDrops(expression, present).map(({ kind, field, offset }) => {
    const { reason, records, keep, drop } = describeDrop(kind, field);
    return settingWarning(
      "MISSING_FIELD",
      ["filters", index, "expression"],
      `${reason}, so ${records} are dropped`,
      {
        part: "value",
        offset,
        hint: `write ${keep} to keep them, or ${drop} where they are to be dropped`,
      },
    );
  });
}

/** The fields that every record has behind a filter, as far as that is declared. */
function presentAfter(filter: FilterConfig, before: readonly Path[]): readonly Path[] {
  switch (filter.type) {
    case "set":
      return [...before, parsePath(filter.target)];
    case "mapping": {
      const filled = filter.mappings.filter(({ default: fallback }) => fallback !== undefined);
      return [...(filter.keepUnmapped ? before : []), ...filled.map(({ target }) => parsePath(target))];
    }
    case "condition":
      return before;
    case "remove": {
      const removed = [filter.target].flat().map(parsePath);
      return before.filter(
        (path) => !removed.some((target) => target.every((step, at) => path[at] === step)),
      );
    }
    case "script":
      return [];
  }
}
