import type { Input } from "../engine/ports.ts";
import { missingDoubts } from "../filters/condition/missing-doubts.ts";
import { type Path, parsePath } from "../model/record.ts";
import { doubt, type Finding } from "./diagnostics.ts";
import type { FilterConfig } from "./schema.ts";

/** Conditions that drop records for want of a field in a way that one does not expect. */
export function filterDoubts(filters: readonly FilterConfig[], { incremental }: Input): Finding[] {
  const { key, cursors, onNullCursor } = incremental;
  const ofCursors =
    onNullCursor === "deliver" ? [] : cursors.flatMap(({ path }) => (path === null ? [] : [path]));
  let present: readonly Path[] = [...(key ?? []), ...ofCursors];
  return filters.flatMap((filter, index) => {
    const findings = filter.type === "condition" ? conditionDoubts(filter.expression, index, present) : [];
    present = presentAfter(filter, present);
    return findings;
  });
}

function conditionDoubts(expression: string, index: number, present: readonly Path[]): Finding[] {
  return missingDoubts(expression, present).map(({ field, offset }) =>
    doubt(
      "MISSING_FIELD",
      ["filters", index, "expression"],
      `JSONata's != is false where a side is missing, so records without \`${field}\` are dropped`,
      {
        part: "value",
        offset,
        hint: `write $not(… = …) to keep them, or $exists(${field}) and … where they are to be dropped`,
      },
    ),
  );
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
