import { z } from "zod";
import type { Filter, FilterContext } from "../engine/ports.ts";
import { messageOf, TidemarkError } from "../errors.ts";
import { type Path, parsePath, type SourceRecord, valueAt } from "../model/record.ts";
import { changeEach, type FilterParts } from "./failure.ts";
import { filterOnError, filterOnErrorShape } from "./on-error.ts";
import { removalOrder, targetPathSchema, withoutReadAt, withValueAt } from "./paths.ts";
import { type NamedField, noteSeen } from "./seen-fields.ts";
import { type Transform, transformed, transforms } from "./transform.ts";

const transformNames = z.enum(Object.keys(transforms) as [Transform, ...Transform[]]);

const mappingSchema = z.strictObject({
  source: targetPathSchema.describe(
    "Dotted path of the field to read, such as `event.id`. If there is none, a field with the dotted name itself is read. `event\\\\.id` means only that one. A number steps into a list: `lines.0.price`.",
  ),
  target: targetPathSchema.describe(
    "Dotted path of the field to write. Missing objects on the way are created. `service\\\\.name` writes a field with a dot in its name.",
  ),
  default: z
    .unknown()
    .optional()
    .describe("The value if the source is missing. Without it the target is left out."),
  onError: z
    .enum(["fail", "default"])
    .optional()
    .describe(
      "What happens if `transform` cannot take a value. `fail` (default): the filter's `onError` decides. `default`: the `default` is used.",
    ),
  transform: z
    .union([transformNames, z.array(transformNames)])
    .optional()
    .describe(
      `How the value is changed, or a list of steps. ${Object.entries(transforms)
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
    ...filterOnErrorShape,
  })
  .superRefine(({ mappings }, context) => {
    for (const [index, message] of defaultErrors(mappings)) {
      context.addIssue({ code: "custom", path: ["mappings", index, "onError"], message });
    }
    for (const [index, message] of targetErrors(mappings.map(({ target }) => target))) {
      context.addIssue({ code: "custom", path: ["mappings", index, "target"], message });
    }
  })
  .describe("Builds a new record from fields of the old one.");

function defaultErrors(mappings: readonly z.infer<typeof mappingSchema>[]): [number, string][] {
  return mappings.flatMap(({ onError, default: fallback, transform }, index) => {
    if (onError !== "default") return [];
    if (fallback === undefined)
      return [[index, "`onError: default` needs a `default`"] satisfies [number, string]];
    if (transform !== undefined) return [];
    return [[index, "is only used with `transform`"] satisfies [number, string]];
  });
}

/** Targets of which one is another, or lies within another: the later mapping would fail, or undo the earlier one. */
function targetErrors(targets: readonly string[]): [index: number, message: string][] {
  const paths = targets.map(parsePath);
  return paths.flatMap((path, index) => {
    const before = paths.slice(0, index).findIndex((other) => excludes(path, other));
    if (before < 0) return [];
    const other = targets[before] ?? "";
    const isSame = path.length === paths[before]?.length;
    const why = isSame
      ? `mapping ${before + 1} writes \`${other}\` as well`
      : `mapping ${before + 1} writes \`${other}\`, and a record cannot hold both; write \`\\.\` for a dot in a field's name`;
    return [[index, why] satisfies [number, string]];
  });
}

function excludes(path: Path, other: Path): boolean {
  const length = Math.min(path.length, other.length);
  return path.slice(0, length).every((step, at) => step === other[at]);
}

export type MappingFilterConfig = z.infer<typeof mappingFilterSchema>;

interface Step {
  readonly source: Path;
  readonly target: Path;
  readonly targetName: string;
  readonly sourceName: string;
  readonly fallback: unknown;
  /** Whether the fallback stands in for a value that cannot be transformed. */
  readonly fallsBack: boolean;
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
      sourceName: mapping.source,
      fallback: mapping.default,
      fallsBack: mapping.onError === "default",
      transforms: mapping.transform === undefined ? [] : [mapping.transform].flat(),
    }),
  );
  const read = removalOrder(steps.map(({ source }) => source));
  const begin = config.keepUnmapped
    ? (record: SourceRecord) => read.reduce(withoutReadAt, record)
    : () => ({});
  const sources = config.mappings.filter(({ default: fallback }) => fallback === undefined);
  const named = [...new Set(sources.map(({ source }) => source))].map((name): NamedField => {
    const path = parsePath(name);
    return { name, isIn: (record) => valueAt(record, path) !== undefined };
  });
  return {
    kind: "mapping",
    ...filterOnError(config),
    fields: named.map(({ name }) => name),
    apply(records, context) {
      noteSeen(context, named, records);
      const { account } = context;
      return changeEach("mapping", records, { parts, context }, (record) =>
        mapped(record, begin(record), { steps, account }),
      );
    },
  };
}

interface Work {
  readonly steps: readonly Step[];
  readonly account: FilterContext["account"];
}

function mapped(record: SourceRecord, begun: SourceRecord, { steps, account }: Work): SourceRecord {
  let result = begun;
  for (const step of steps) {
    const found = valueAt(record, step.source);
    const value = found === undefined ? step.fallback : changedValue(found, step, account);
    if (value !== undefined) result = withValueAt(result, step.target, value);
  }
  return result;
}

function changedValue(found: unknown, step: Step, account: Work["account"]): unknown {
  let value = found;
  try {
    for (const transform of step.transforms) value = transformed(value, transform);
  } catch (cause) {
    if (step.fallsBack) {
      account?.defaulted();
      return step.fallback;
    }
    throw new TidemarkError("FILTER_FAILED", `\`${step.targetName}\`: ${messageOf(cause)}`, {
      cause,
      details: { field: step.sourceName },
    });
  }
  return value;
}
