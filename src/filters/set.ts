import { z } from "zod";
import type { Filter } from "../engine/ports.ts";
import { parsePath } from "../model/record.ts";
import { changeEach, type FilterParts } from "./failure.ts";
import { filterOnError, filterOnErrorShape } from "./on-error.ts";
import { targetPathSchema, withValueAt } from "./paths.ts";

export const setFilterSchema = z
  .strictObject({
    type: z.literal("set").describe("Sets one field of every record."),
    target: targetPathSchema.describe(
      "Dotted path of the field to set. Missing objects on the way are created.",
    ),
    value: z.unknown().describe("Any YAML value: text, number, true or false, null, a list or an object."),
    ...filterOnErrorShape,
  })
  .refine((config) => config.value !== undefined, {
    message: "`value` is missing; write `value: null` to set null",
    path: ["value"],
  })
  .describe("Sets one field of every record.");

export type SetFilterConfig = z.infer<typeof setFilterSchema>;

/** Puts `value` at `target` in every record, in place of what was there. */
export function createSetFilter(config: SetFilterConfig, parts: FilterParts): Filter {
  const path = parsePath(config.target);
  const { value } = config;
  return {
    kind: "set",
    ...filterOnError(config),
    apply: (records, context) =>
      changeEach(`set ${config.target}`, records, { parts, context }, (record) =>
        withValueAt(record, path, value),
      ),
  };
}
