import type { z } from "zod";
import type { Filter, Output, Pipeline } from "../../engine/ports.ts";
import type { ScriptFunction } from "../../filters/function.ts";
import { type Finding, formatConfigPath, settingError } from "../../findings.ts";
import type { BuildParts } from "../build.ts";
import { definedPipeline, invalid, partsInCode } from "../define-pipeline.ts";
import { parseConfig } from "../parse.ts";
import type { builtInInputSchema, builtInOutputSchema, filterSchema, frameSchema } from "../schema.ts";
import { noOrigins } from "../source.ts";
import { concurrencyKey, defaultConcurrency } from "./concurrency.ts";
import { setTypeOf } from "./entry-schema.ts";
import { type ExpandedStream, expandStreams } from "./expand.ts";
import { isMap } from "./merge.ts";
import { SetFindings } from "./set-findings.ts";
import type { StreamSet } from "./stream-set.ts";
import { tableOf, targetProblems } from "./targets.ts";

type BuiltInInput = z.input<typeof builtInInputSchema>;
type Filters = readonly (z.input<typeof filterSchema> | Filter | ScriptFunction)[];
type BuiltInOutput = z.input<typeof builtInOutputSchema>;

/** What is different of a value: any of its keys, and null for one that is to be left out. */
type Patch<T> = T extends readonly unknown[]
  ? T
  : T extends object
    ? { readonly [K in keyof T]?: Patch<T[K]> | null }
    : T;

type Base<T> = T extends { type: infer Type } ? Partial<T> & { readonly type: Type } : never;

type KeysOfEntry<T> = T extends { type: unknown } ? Omit<T, "type"> : never;

/** One stream: its name, and the keys that are different for it. */
export type StreamDeclaration = Patch<KeysOfEntry<BuiltInInput>> & {
  /** Required, except with `table`. */
  readonly name?: string;
  /** What is added to the base's endpoint. */
  readonly path?: string;
  readonly filters?: Filters;
  readonly output?: Patch<BuiltInOutput> | Output;
  readonly deadline?: string | null;
};

/** The streams of a pipeline in code: what a file with `input.streams` would say. */
export type StreamsDefinition = Omit<z.input<typeof frameSchema>, "stream"> & {
  readonly input: Base<BuiltInInput> & { readonly streams: readonly (string | StreamDeclaration)[] };
  readonly filters?: Filters;
  readonly output: BuiltInOutput | Output;
};

/**
 * Makes the streams of a pipeline in code, each a pipeline of its own. They are checked as those of a file would be; all
 * errors come in one `PIPELINE_INVALID`, listed in `details.diagnostics`. Nothing is opened before a stream runs.
 *
 * ```ts
 * const shop = defineStreams({
 *   name: "shop",
 *   input: { type: "httpPolling", endpoint: "https://api.example.com/v2", streams: ["orders", "customers"] },
 *   output: { type: "file", path: "shop/{{ stream }}.jsonl" },
 * });
 * for (const pipeline of shop.written) await sync(pipeline);
 * ```
 */
export function defineStreams(
  definition: StreamsDefinition,
  options: Partial<Omit<BuildParts, "folder">> = {},
): StreamSet {
  const parts = partsInCode(options);
  const found = new SetFindings();
  const { config: frame, findings } = parseConfig(concurrencyKey, definition, noOrigins);
  found.addFile(findings);
  const streams = expanded({ ...definition }, found);
  const written = streams.flatMap((stream) => defined(stream, parts, found));
  const targeted = written.map(({ stream, pipeline }) => ({
    name: stream.name,
    stream,
    output: pipeline.output,
    reads: tableOf(stream.document.input),
  }));
  for (const { stream, finding } of targetProblems(targeted)) found.addStream(stream.stream, [finding]);
  const errors = errorsOf(found, streams.length);
  if (errors.length > 0) throw invalid("pipeline", errors);
  const { name, connector = name } = definition;
  const concurrency = frame?.concurrency ?? defaultConcurrency;
  return { name, connector, concurrency, written: written.map(({ pipeline }) => pipeline) };
}

function expanded(
  document: Readonly<Record<string, unknown>>,
  found: SetFindings,
): readonly ExpandedStream[] {
  const type = isMap(document.input) ? setTypeOf(document.input.type) : null;
  if (type === null) {
    const message = "`input.type`: expected `httpPolling` or `database`";
    found.addFile([settingError("VALUE_INVALID", ["input", "type"], message)]);
    return [];
  }
  const { streams, findings } = expandStreams(document, type, {
    origins: noOrigins,
    nameOf: (path) => `\`${formatConfigPath(path)}\``,
  });
  found.addFile(findings);
  return streams;
}

function defined(
  stream: ExpandedStream,
  parts: BuildParts,
  found: SetFindings,
): { readonly stream: ExpandedStream; readonly pipeline: Pipeline }[] {
  const { pipeline, findings } = definedPipeline(stream.document, parts);
  found.addStream(stream, [...stream.findings, ...findings]);
  return pipeline === null ? [] : [{ stream, pipeline }];
}

/** The errors, with the names of their streams. */
function errorsOf(found: SetFindings, count: number): readonly Finding[] {
  return found.list(count).flatMap(({ finding, stream }) => {
    if (finding.severity !== "error") return [];
    const isOwn = stream?.at.every((step, index) => finding.path[index] === step) === true;
    return [
      isOwn ? { ...finding, message: `${finding.message} (in the stream \`${stream?.name}\`)` } : finding,
    ];
  });
}
