import { z } from "zod";
import type { Filter } from "../engine/ports.ts";
import { parsePath } from "../model/record.ts";
import { targetPathSchema, withoutValueAt } from "./paths.ts";

export const removeFilterSchema = z
  .strictObject({
    type: z.literal("remove").describe("Removes fields from every record."),
    target: z
      .union([targetPathSchema, z.array(targetPathSchema).min(1)])
      .describe("Dotted path of the field to remove, or a list of them."),
  })
  .describe("Removes fields from every record.");

export type RemoveFilterConfig = z.infer<typeof removeFilterSchema>;

/**
 * Removes each target from every record that has it. A path through a list removes the field from
 * every element, unless its step is a number.
 */
export function createRemoveFilter(config: RemoveFilterConfig): Filter {
  const paths = [config.target].flat().map(parsePath);
  return {
    kind: "remove",
    apply: (records) =>
      records.map((record) => {
        let changed = record;
        for (const path of paths) changed = withoutValueAt(changed, path);
        return changed;
      }),
  };
}
