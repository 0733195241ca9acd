import { redact } from "../secrets.ts";

/** What `validate` can find, by code, and what each means. */
export const diagnosticCodes = {
  PIPELINE_NOT_FOUND: "No pipeline file is at that path.",
  YAML_INVALID: "The text cannot be read as YAML.",
  KEY_DUPLICATE: "A key is given twice.",
  KEY_UNKNOWN: "A key has no meaning at that place.",
  KEY_MISSING: "A key that is needed is not given.",
  VALUE_INVALID: "A value is not of the kind, or within the bounds, that its key asks for.",
  EXPRESSION_INVALID:
    "A JSONata expression cannot be read, or names a function or variable that does not exist.",
  SCRIPT_INVALID:
    "A script or module is missing, cannot be loaded, or exports no function, connector or output module.",
  ENV_MISSING: "An environment variable is named that is not set, or a file that cannot be read.",
  ENV_INVALID: "A `${…}` is not `${NAME}` or `${NAME:-default}`.",
  CONFIG_INCOHERENT: "Settings that are each valid contradict one another.",
  NO_CURSOR: "A doubt: nothing is kept between runs, so each of them appends everything once more.",
  TEXT_ORDER: "A doubt: texts are compared by code point, and the source may sort them in another way.",
  SCHEDULE_NEVER: "A doubt: no such time as the schedule names ever comes, so the pipeline is never run.",
  SLICES_UNUSED: "A doubt: slices are declared, and runs, or the first of them, cannot be cut into any.",
  CURSORS_COMBINED:
    "A doubt: a timestamp and an id are asked for together, so records with old ids that change may not come.",
  PAGES_SHIFT: "A doubt: records that change move to the end while pages are counted, and others slip past.",
  PAGING_UNIT: "A doubt: records are counted on in a parameter that by its name counts pages.",
  TIE_HAZARD:
    "A doubt: a query compares strictly and has a LIMIT, and so loses ties wherever else it is run.",
  FIRST_RUN_BOUND:
    "A doubt: a query compares with a bound that is NULL on the first run, so the lowest value is bound.",
  ORDER_MISSING: "A doubt: `order: ascending` is declared, and the query has no ORDER BY.",
  CURSOR_UNUSED: "A doubt: a query does not use the cursor, so every run reads all rows.",
  MISSING_FIELD:
    "A doubt: a condition drops records without a field, by `!=` or `$not`, which are not true then.",
  LIMIT_INSIDE:
    "A doubt: a LIMIT inside a query is left out of what is sent, or a limit by row numbers has the query run once a page.",
} as const;

export type DiagnosticCode = keyof typeof diagnosticCodes;

export type Severity = "error" | "warning";

/** One mistake or doubt in a pipeline file; line and column count from 1. */
export interface Diagnostic {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly severity: Severity;
  readonly code: DiagnosticCode;
  readonly message: string;
  readonly hint?: string;
}

/** The steps to a value inside a pipeline: keys, and places in lists from 0. */
export type ConfigPath = readonly (string | number)[];

/** Which end of `key: value` a finding points at. */
export type Part = "key" | "value";

/** A diagnostic that knows its place in the configuration, and not yet that in a file. */
export interface Finding {
  readonly path: ConfigPath;
  readonly part: Part;
  /** How far into the value's text it points. */
  readonly offset?: number;
  readonly severity: Severity;
  readonly code: DiagnosticCode;
  readonly message: string;
  readonly hint?: string;
}

type Details = Pick<Finding, "offset" | "hint"> & { readonly part?: Part };

/** A finding that is a mistake, at a value unless told otherwise. */
export function mistake(
  code: DiagnosticCode,
  path: ConfigPath,
  message: string,
  details: Details = {},
): Finding {
  return { part: "value", severity: "error", ...details, code, path, message };
}

/** A finding that keeps nothing from running. */
export function doubt(
  code: DiagnosticCode,
  path: ConfigPath,
  message: string,
  details: Details = {},
): Finding {
  return { part: "key", severity: "warning", ...details, code, path, message };
}

/** `events.yaml:12:5 KEY_UNKNOWN …`, on one line, without secrets. */
export function formatDiagnostic(diagnostic: Diagnostic): string {
  const { file, line, column, severity, code, message, hint } = diagnostic;
  const told = severity === "warning" ? `warning: ${message}` : message;
  const text = `${file}:${line}:${column} ${code} ${told}${hint === undefined ? "" : ` (${hint})`}`;
  return redact(text.replace(/\s*\n\s*/g, " "));
}

/** `filters[1].expression`, as messages name a place. */
export function formatConfigPath(path: ConfigPath): string {
  let text = "";
  for (const step of path) {
    if (typeof step === "number") text += `[${step}]`;
    else text += text === "" ? step : `.${step}`;
  }
  return text;
}

/** In the order of the file. */
export function byPlace(a: Diagnostic, b: Diagnostic): number {
  return a.file === b.file ? a.line - b.line || a.column - b.column : a.file < b.file ? -1 : 1;
}
