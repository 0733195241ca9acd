import { z } from "zod";
import type { Filter } from "../engine/ports.ts";
import { messageOf, TidemarkError } from "../errors.ts";
import { type Path, parsePath, type SourceRecord, valueAt } from "../model/record.ts";
import { changeEach, type FilterParts } from "./failure.ts";
import { targetPathSchema, withoutValueAt, withValueAt } from "./paths.ts";
import { type Transform, transformed, transforms } from "./transform.ts";

const transformNames = z.enum(Object.keys(transforms) as [Transform, ...Transform[]]);

const mappingSchema = z.strictObject({
  source: targetPathSchema.describe("Dotted path of the field to read, such as `event.id`."),
  target: targetPathSchema.describe("Dotted path of the field to write."),
  default: z
    .unknown()
    .optional()
    .describe("The value where the source has none. Without it the target is left out too."),
  transform: z
    .union([transformNames, z.array(transformNames)])
    .optional()
    .describe(
      `How the value is changed on the way, or a list of steps. ${Object.entries(transforms)
        .map(([name, does]) => `${name}: ${does}`)
        .join(". ")}.`,
    ),
});

export const mappingFilterSchema = z
  .strictObject({
    type: z.literal("mapping").describe("Builds a new record from fields of the old one."),
    mappings: z.array(mappingSchema).min(1).describe("The fields of the new record, in order."),
    keepUnmapped: z
      .boolean()
      .default(false)
      .describe("Keeps the fields that no mapping reads, under their own names."),
  })
  .describe("Builds a new record from fields of the old one.");

export type MappingFilterConfig = z.infer<typeof mappingFilterSchema>;

interface Step {
  readonly source: Path;
  readonly target: Path;
  readonly targetName: string;
  readonly fallback: unknown;
  readonly transforms: readonly Transform[];
}

/**
 * Builds each record anew from the listed fields. A source that is missing leaves its target out,
 * or puts the default; null is a value and stays null. Throws `FILTER_FAILED` where a transform
 * cannot take a value.
 */
export function createMappingFilter(config: MappingFilterConfig, parts: FilterParts): Filter {
  const steps = config.mappings.map(
    (mapping): Step => ({
      source: parsePath(mapping.source),
      target: parsePath(mapping.target),
      targetName: mapping.target,
      fallback: mapping.default,
      transforms: mapping.transform === undefined ? [] : [mapping.transform].flat(),
    }),
  );
  const begin = config.keepUnmapped ? (record: SourceRecord) => withoutSources(record, steps) : () => ({});
  return {
    kind: "mapping",
    apply: (records) =>
      changeEach("mapping", records, parts, (record) => mapped(record, begin(record), steps)),
  };
}

function mapped(record: SourceRecord, begun: SourceRecord, steps: readonly Step[]): SourceRecord {
  let result = begun;
  for (const step of steps) {
    const found = valueAt(record, step.source);
    const value = found === undefined ? step.fallback : changedValue(found, step);
    if (value !== undefined) result = withValueAt(result, step.target, value);
  }
  return result;
}

function changedValue(found: unknown, step: Step): unknown {
  let value = found;
  try {
    for (const transform of step.transforms) value = transformed(value, transform);
  } catch (cause) {
    throw new TidemarkError("FILTER_FAILED", `\`${step.targetName}\`: ${messageOf(cause)}`, { cause });
  }
  return value;
}

function withoutSources(record: SourceRecord, steps: readonly Step[]): SourceRecord {
  let rest = record;
  for (const step of steps) rest = withoutValueAt(rest, step.source);
  return rest;
}
