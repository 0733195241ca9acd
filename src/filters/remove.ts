import { z } from "zod";
import type { Filter } from "../engine/ports.ts";
import { parsePath } from "../model/record.ts";
import { removalOrder, targetPathSchema, withoutValueAt } from "./paths.ts";
import { type NamedField, noteSeen } from "./seen-fields.ts";

export const removeFilterSchema = z
  .strictObject({
    type: z.literal("remove").describe("Removes fields from every record."),
    target: z
      .union([targetPathSchema, z.array(targetPathSchema).min(1)])
      .describe(
        "Dotted path of the field to remove, or a list of them. A field with the dotted name itself is removed too. `a\\\\.b` means only that one.",
      ),
  })
  .describe("Removes fields from every record.");

export type RemoveFilterConfig = z.infer<typeof removeFilterSchema>;

/**
 * Removes each target from every record that has it. A path through a list removes the field from every element, unless
 * its step is a number, which is a place in the list as the record came. The run's result lists targets that no record
 * had.
 */
export function createRemoveFilter(config: RemoveFilterConfig): Filter {
  const targets = [config.target].flat();
  const paths = removalOrder(targets.map(parsePath));
  const named = targets.map((name): NamedField => {
    const path = parsePath(name);
    return { name, isIn: (record) => withoutValueAt(record, path) !== record };
  });
  return {
    kind: "remove",
    fields: targets,
    apply(records, context) {
      noteSeen(context, named, records);
      return records.map((record) => {
        let changed = record;
        for (const path of paths) changed = withoutValueAt(changed, path);
        return changed;
      });
    },
  };
}
