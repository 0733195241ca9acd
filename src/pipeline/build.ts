import type { Writable } from "node:stream";
import type { Filter, Input, Output, Pipeline } from "../engine/ports.ts";
import { createConditionFilter } from "../filters/condition.ts";
import type { FilterParts } from "../filters/failure.ts";
import { createMappingFilter } from "../filters/mapping.ts";
import { createRemoveFilter } from "../filters/remove.ts";
import { createScriptFilter } from "../filters/script.ts";
import { createSetFilter } from "../filters/set.ts";
import { createHttpPolling } from "../inputs/http/input.ts";
import { createDatabaseInput } from "../inputs/query/input.ts";
import { createConsoleOutput } from "../outputs/console.ts";
import { createFileOutput } from "../outputs/files/file.ts";
import { createHttpRequestOutput } from "../outputs/http-request/http-request.ts";
import { createDatabaseOutput } from "../outputs/table/database-output.ts";
import { deadlineMs } from "./deadline.ts";
import type {
  BuiltInInputConfig,
  BuiltInOutputConfig,
  FilterConfig,
  Frame,
  PipelineConfig,
} from "./schema.ts";

/** What building a pipeline needs in addition to its configuration. */
export interface BuildParts {
  /** Where paths of scripts begin: the pipeline file's folder. */
  readonly folder: string;
  /** Values of `--param`, for scripts. */
  readonly params: Readonly<Record<string, string>>;
  /** Where a `console` output prints. */
  readonly console: Writable;
}

/** The pipeline that a configuration declares, with the ends built from it; nothing is opened before it runs. */
export function buildPipeline(
  config: PipelineConfig,
  { input, output }: Pick<Pipeline, "input" | "output">,
  parts: BuildParts,
  filtersOf: typeof buildFilters = buildFilters,
): Pipeline {
  const filters = filtersOf(config.filters, { ...parts, key: input.incremental.key });
  return framed(config, input, filters, output);
}

type FilterSurroundings = FilterParts & Omit<BuildParts, "console">;

export function buildFilters(configs: readonly FilterConfig[], parts: FilterSurroundings): readonly Filter[] {
  return configs.map((config) => buildFilter(config, parts));
}

/** Puts a pipeline's parts together under its name. */
export function framed(frame: Frame, input: Input, filters: readonly Filter[], output: Output): Pipeline {
  const { name, connector = name, stream, onConcurrentRun, leaseSeconds, deadline } = frame;
  const limit = deadline === undefined ? {} : { deadlineMs: deadlineMs(deadline) };
  return {
    name,
    key: { connector, stream },
    onConcurrentRun,
    leaseSeconds,
    ...limit,
    input,
    filters,
    output,
  };
}

export function buildInput(config: BuiltInInputConfig): Input {
  switch (config.type) {
    case "httpPolling":
      return createHttpPolling(config, { random: Math.random });
    case "database":
      return createDatabaseInput(config);
  }
}

export function buildFilter(config: FilterConfig, parts: FilterSurroundings): Filter {
  switch (config.type) {
    case "mapping":
      return createMappingFilter(config, parts);
    case "condition":
      return createConditionFilter(config, parts);
    case "set":
      return createSetFilter(config, parts);
    case "remove":
      return createRemoveFilter(config);
    case "script":
      return createScriptFilter(config, parts);
  }
}

export function buildOutput(config: BuiltInOutputConfig, { console }: Pick<BuildParts, "console">): Output {
  switch (config.type) {
    case "database":
      return createDatabaseOutput(config);
    case "file":
      return createFileOutput(config);
    case "httpRequest":
      return createHttpRequestOutput(config, { random: Math.random });
    case "console":
      return createConsoleOutput(console, config);
  }
}
