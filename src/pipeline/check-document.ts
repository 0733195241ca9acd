import type { Finding } from "../findings.ts";
import { buildParts, checkConfig } from "./check-stream.ts";
import { diagnosticAt, type FileCheck, type LoadOptions } from "./file-check.ts";
import { parseConfig } from "./parse.ts";
import { pipelineSchema } from "./schema.ts";
import type { SourceDocument } from "./source.ts";

/** Checks one document of a file by itself. */
export async function checkDocument(
  file: string,
  source: SourceDocument,
  options: LoadOptions,
): Promise<FileCheck> {
  const diagnose = (finding: Finding) => diagnosticAt(file, source.place(finding));
  const parsed = source.readable
    ? parseConfig(pipelineSchema, source.value, source.origins)
    : { config: null, findings: [] };
  const described = [...source.findings, ...newFindings(parsed.findings, source.findings).map(source.place)];
  const diagnostics = described.map((placed) => diagnosticAt(file, placed));
  const { config } = parsed;
  if (config === null) return { file, streams: [], diagnostics };
  if (described.length > 0) {
    return { file, streams: [{ pipeline: null, config, output: null, diagnose }], diagnostics };
  }
  const built = await checkConfig(config, buildParts(file, options), source.origins);
  const warnings = built.findings.map(diagnose);
  const pipeline = built.pipeline === null ? null : { ...built.pipeline, file, warnings };
  return {
    file,
    streams: [{ pipeline, config, output: built.output, diagnose }],
    diagnostics: warnings,
  };
}

/** Errors that only follow from another error are not reported. */
function newFindings(findings: readonly Finding[], before: readonly Finding[]): Finding[] {
  const places = new Set(
    before.filter(({ path }) => path.length > 0).map(({ path }) => JSON.stringify(path)),
  );
  return findings.filter(({ path }) => !places.has(JSON.stringify(path)));
}
