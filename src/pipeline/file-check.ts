import type { Writable } from "node:stream";
import type { Output } from "../engine/ports.ts";
import type { Finding, Placed } from "../findings.ts";
import { redact } from "../secrets.ts";
import type { Diagnostic } from "./diagnostics.ts";
import type { Environment } from "./environment.ts";
import type { PipelineConfig } from "./schema.ts";
import type { LoadedPipeline } from "./streams/stream-set.ts";

export interface LoadOptions {
  /** Variables for `${NAME}`; those of the process unless given. */
  readonly env?: Environment;
  /** Values of `--param name=value`: above the variables of the same names, and given to scripts. */
  readonly params?: Readonly<Record<string, string>>;
  /** Where a `console` output prints; standard output unless given. */
  readonly console?: Writable;
}

/** One stream of a document, as it was checked by itself. */
export interface CheckedStream {
  /** Null where it cannot run. */
  readonly pipeline: LoadedPipeline | null;
  readonly config: PipelineConfig;
  /** The key of the document that names the stream. */
  readonly namedBy: "name" | "connector" | "stream";
  /** Null where its configuration cannot be read. */
  readonly output: Output | null;
  /** The finding at its place in the file; its path is that of a document of one stream. */
  diagnose(finding: Finding): Diagnostic;
}

/** One document of a file, as it was checked by itself. */
export interface FileCheck {
  readonly file: string;
  readonly streams: readonly CheckedStream[];
  readonly diagnostics: readonly Diagnostic[];
}

export function diagnosticAt(
  file: string,
  { line, column, severity, code, message, hint }: Placed,
): Diagnostic {
  const clean = { file, line, column, severity, code, message: redact(message) };
  return hint === undefined ? clean : { ...clean, hint: redact(hint) };
}

/** Errors that only follow from another error are not reported. */
export function newFindings(findings: readonly Finding[], before: readonly Finding[]): Finding[] {
  const places = new Set(
    before.filter(({ path }) => path.length > 0).map(({ path }) => JSON.stringify(path)),
  );
  return findings.filter(({ path }) => !places.has(JSON.stringify(path)));
}
