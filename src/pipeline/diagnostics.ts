import type { DiagnosticCode, Severity } from "../findings.ts";
import { redact } from "../secrets.ts";

/** One error or warning about a pipeline file; line and column count from 1. */
export interface Diagnostic {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly severity: Severity;
  readonly code: DiagnosticCode;
  readonly message: string;
  readonly hint?: string;
}

/** `events.yaml:12:5 KEY_UNKNOWN …`, on one line, without secrets. */
export function formatDiagnostic(diagnostic: Diagnostic): string {
  const { file, line, column, severity, code, message, hint } = diagnostic;
  const what = severity === "warning" ? `warning: ${message}` : message;
  const text = `${file}:${line}:${column} ${code} ${what}${hint === undefined ? "" : ` (${hint})`}`;
  return redact(text.replace(/\s*\n\s*/g, " "));
}

/** In the order of the file. */
export function byPlace(a: Diagnostic, b: Diagnostic): number {
  return a.file === b.file ? a.line - b.line || a.column - b.column : a.file < b.file ? -1 : 1;
}
