import type { Filter } from "../../engine/ports.ts";
import { type Finding, settingError } from "../../findings.ts";
import { buildFilters } from "../build.ts";
import { type Built, buildParts, checkConfig } from "../check-stream.ts";
import {
  type CheckedStream,
  diagnosticAt,
  type FileCheck,
  type LoadOptions,
  newFindings,
} from "../file-check.ts";
import { parseConfig } from "../parse.ts";
import { type PipelineConfig, pipelineSchema } from "../schema.ts";
import type { SourceDocument } from "../source.ts";
import { concurrencyKey, defaultConcurrency } from "./concurrency.ts";
import { setTypeOf } from "./entry-schema.ts";
import { type ExpandedStream, expandStreams } from "./expand.ts";
import { isMap, type RawMap } from "./merge.ts";
import { SetFindings } from "./set-findings.ts";
import type { LoadedPipeline, LoadedSet } from "./stream-set.ts";
import { tableOf, targetProblems } from "./targets.ts";

interface ParsedStream {
  readonly stream: ExpandedStream;
  readonly config: PipelineConfig;
}

interface BuiltStream extends ParsedStream {
  readonly built: Built;
}

/** Checks a document with `input.streams`: each of its streams as a document of one, and what they share. */
export async function checkStreams(
  file: string,
  source: SourceDocument,
  options: LoadOptions,
): Promise<FileCheck> {
  const document = isMap(source.value) ? source.value : {};
  const found = new SetFindings();
  const expanded = expand(document, source, found);
  const { config: frame, findings: ofFrame } = parseConfig(concurrencyKey, document, source.origins);
  found.addFile(ofFrame);
  const parsed = expanded.flatMap((stream) => parse(stream, source, found));
  const isSound = !found.hasErrors && source.findings.length === 0 && source.readable;
  const built = isSound ? await build(parsed, buildParts(file, options), found) : [];
  const located = found
    .list(expanded.length)
    .map(({ finding, stream }) => ({ stream, diagnostic: diagnosticAt(file, source.place(finding)) }));
  const diagnostics = [
    ...source.findings.map((placed) => diagnosticAt(file, placed)),
    ...located.map(({ diagnostic }) => diagnostic),
  ];
  const warningsOf = Map.groupBy(located, ({ stream }) => stream);
  const set = loadedSet(file, built, frame?.concurrency ?? defaultConcurrency);
  const outcomes = new Map(built.map((one) => [one.stream, one.built]));
  const streams = parsed.map(({ stream, config }): CheckedStream => {
    const outcome = outcomes.get(stream);
    const warnings = (warningsOf.get(stream) ?? []).map(({ diagnostic }) => diagnostic);
    const pipeline = outcome?.pipeline == null ? null : { ...outcome.pipeline, file, warnings, set };
    if (pipeline !== null) set.written.push(pipeline);
    const diagnose = (finding: Finding) =>
      diagnosticAt(file, source.place({ ...finding, path: stream.placeOf(finding.path) }));
    return { pipeline, config, namedBy: "stream", output: outcome?.output ?? null, diagnose };
  });
  return { file, streams, diagnostics };
}

function loadedSet(
  file: string,
  [first]: readonly BuiltStream[],
  concurrency: number,
): LoadedSet & { readonly written: LoadedPipeline[] } {
  const { name = "", connector = name } = first?.config ?? {};
  return {
    name,
    connector,
    concurrency,
    file,
    stateUrl: first?.built.pipeline?.stateUrl ?? null,
    written: [],
  };
}

/** The documents of the streams; the base's own errors where it has no streams of a type that is known. */
function expand(document: RawMap, source: SourceDocument, found: SetFindings): readonly ExpandedStream[] {
  const input = isMap(document.input) ? document.input : {};
  const type = setTypeOf(input.type);
  if (type === null) {
    const { streams: _, ...base } = input;
    found.addFile(
      input.type === "module"
        ? [unsupported()]
        : parseConfig(pipelineSchema, { ...document, input: base }, source.origins).findings,
    );
    return [];
  }
  const nameOf = (path: readonly (string | number)[]): string =>
    `line ${source.place(settingError("VALUE_INVALID", path, "")).line}`;
  const expansion = expandStreams(document, type, { origins: source.origins, nameOf });
  found.addFile(newFindings(expansion.findings, source.findings));
  return expansion.streams;
}

function unsupported(): Finding {
  const message = "`streams` cannot be used with `type: module` yet";
  const hint = "write a document for each stream, separated by `---`";
  return settingError("CONFIG_INCOHERENT", ["input", "streams"], message, { part: "key", hint });
}

function parse(stream: ExpandedStream, source: SourceDocument, found: SetFindings): ParsedStream[] {
  const { config, findings } = parseConfig(pipelineSchema, stream.document, stream.origins);
  const ofSource = source.findings.filter(({ path }) => path.length > 0);
  const places = new Set(ofSource.map(({ path }) => JSON.stringify(path)));
  const others = newFindings(findings, stream.findings).filter(
    ({ path }) => !places.has(JSON.stringify(stream.placeOf(path))),
  );
  found.addStream(stream, [...stream.findings, ...others]);
  return config === null ? [] : [{ stream, config }];
}

async function build(
  parsed: readonly ParsedStream[],
  parts: ReturnType<typeof buildParts>,
  found: SetFindings,
): Promise<readonly BuiltStream[]> {
  const filters = new SharedFilters();
  const streams: BuiltStream[] = [];
  for (const { stream, config } of parsed) {
    const filtersOf: typeof buildFilters = (configs, surroundings) =>
      filters.of(stream.document.filters, configs, surroundings);
    const built = await checkConfig(config, parts, stream.origins, filtersOf);
    found.addStream(stream, built.findings);
    streams.push({ stream, config, built });
  }
  const targeted = streams.flatMap(({ stream, config, built: { output } }) =>
    output === null ? [] : [{ name: stream.name, stream, output, reads: tableOf(config.input) }],
  );
  for (const { stream, finding } of targetProblems(targeted)) found.addStream(stream.stream, [finding]);
  return streams;
}

/** Equal filters of streams, built once: a filter keeps nothing between two calls. */
class SharedFilters {
  readonly #built = new Map<unknown, Map<string, readonly Filter[]>>();

  of(raw: unknown, ...[configs, parts]: Parameters<typeof buildFilters>): readonly Filter[] {
    const byKey = this.#built.get(raw) ?? new Map<string, readonly Filter[]>();
    this.#built.set(raw, byKey);
    const key = JSON.stringify(parts.key);
    const filters = byKey.get(key) ?? buildFilters(configs, parts);
    byKey.set(key, filters);
    return filters;
  }
}
