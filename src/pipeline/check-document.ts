import type { Finding } from "../findings.ts";
import { isPlainObject } from "../model/plain-object.ts";
import { buildParts, checkConfig } from "./check-stream.ts";
import { diagnosticAt, type FileCheck, type LoadOptions, newFindings } from "./file-check.ts";
import { parseConfig } from "./parse.ts";
import { pipelineSchema } from "./schema.ts";
import type { SourceDocument } from "./source.ts";

/** Checks one document of a file by itself. */
export async function checkDocument(
  file: string,
  source: SourceDocument,
  options: LoadOptions,
): Promise<FileCheck> {
  if (listsStreams(source.value)) {
    const { checkStreams } = await import("./streams/written-set.ts");
    return checkStreams(file, source, options);
  }
  const diagnose = (finding: Finding) => diagnosticAt(file, source.place(finding));
  const parsed = source.readable
    ? parseConfig(pipelineSchema, source.value, source.origins)
    : { config: null, findings: [] };
  const described = [...source.findings, ...newFindings(parsed.findings, source.findings).map(source.place)];
  const diagnostics = described.map((placed) => diagnosticAt(file, placed));
  const { config } = parsed;
  if (config === null) return { file, streams: [], diagnostics };
  const namedBy = config.connector === undefined ? "name" : "connector";
  if (described.length > 0) {
    return { file, streams: [{ pipeline: null, config, namedBy, output: null, diagnose }], diagnostics };
  }
  const built = await checkConfig(config, buildParts(file, options), source.origins);
  const warnings = built.findings.map(diagnose);
  const pipeline = built.pipeline === null ? null : { ...built.pipeline, file, warnings, set: null };
  return {
    file,
    streams: [{ pipeline, config, namedBy, output: built.output, diagnose }],
    diagnostics: warnings,
  };
}

function listsStreams(value: unknown): boolean {
  return isPlainObject(value) && isPlainObject(value.input) && value.input.streams !== undefined;
}
