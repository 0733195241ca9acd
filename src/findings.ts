/** The codes that `validate` reports, and what each means. `docs/pipeline/warnings.md` has the same table. */
export const diagnosticCodes = {
  PIPELINE_NOT_FOUND: "No pipeline file is at that path, or it cannot be read.",
  YAML_INVALID: "The text cannot be read as YAML, or is not in UTF-8.",
  KEY_DUPLICATE: "A key is given twice.",
  KEY_UNKNOWN: "There is no such key at that place.",
  KEY_MISSING: "A required key is missing.",
  VALUE_INVALID: "A value has the wrong type, or is out of the key's bounds.",
  EXPRESSION_INVALID:
    "A JSONata expression cannot be parsed, or names a function or variable that does not exist.",
  SCRIPT_INVALID:
    "A script or module is missing, cannot be loaded, or exports no function, connector or output module.",
  ENV_MISSING: "An environment variable is not set, or a file cannot be read.",
  ENV_INVALID: "A `${…}` is not `${NAME}` or `${NAME:-default}`.",
  CONFIG_INCOHERENT: "Settings that are each valid contradict one another.",
  NO_CURSOR: "Warning: no cursor is declared, so every run appends all records again.",
  TEXT_ORDER:
    "Warning: the cursor is a text. Tidemark compares texts by code point, and the source may sort them in another way.",
  SCHEDULE_NEVER: "Warning: the schedule names a time that never comes, so the pipeline never runs.",
  SLICES_UNUSED: "Warning: slices are declared, but runs, or the first run, cannot be cut into slices.",
  CURSORS_COMBINED:
    "Warning: a timestamp and an id are sent together. If the source requires both, changed records with old ids never come.",
  PAGES_SHIFT:
    "Warning: records that change during the read move to the end, so others can slip past a page's border unread.",
  PAGING_UNIT: "Warning: `type: offset` counts records, but the parameter's name says that it counts pages.",
  TIE_HAZARD:
    "Warning: the query compares with `>` and has a LIMIT. In other tools it loses rows that share a cursor value.",
  FIRST_RUN_BOUND:
    "Warning: the query compares with a bound that is NULL on the first run. The lowest value is bound instead.",
  ORDER_MISSING: "Warning: `order: ascending` is declared, and the query has no ORDER BY.",
  CURSOR_UNUSED: "Warning: the query does not use the cursor, so every run reads all rows.",
  MISSING_FIELD:
    "Warning: a condition drops records that lack a field, because `!=`, `$not` and `$f(field) = false` are not true for them.",
  CREDENTIALS_APART:
    "Warning: a stream's endpoint has another origin than that of the base, so it takes no credentials from the base.",
  STREAM_PLACEHOLDER:
    "Warning: in a file with `streams`, `{{ stream }}` in a request is the stream's name and not the record's field.",
  LIMIT_INSIDE:
    "Warning: a LIMIT inside the query is not sent; or a limit by row numbers makes the query run once per page.",
} as const;

export type DiagnosticCode = keyof typeof diagnosticCodes;

export type Severity = "error" | "warning";

/** The steps to a value inside a pipeline: keys, and places in lists from 0. */
export type ConfigPath = readonly (string | number)[];

/** Which end of `key: value` a finding points at. */
export type Part = "key" | "value";

/**
 * An error or a warning about a setting, at its place in the configuration. `pipeline/placing.ts` finds its line and
 * column in the file.
 */
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

/** A finding with line and column, from 1. */
export interface Placed extends Finding {
  readonly line: number;
  readonly column: number;
}

type Details = Pick<Finding, "offset" | "hint"> & { readonly part?: Part };

/** A finding that keeps the pipeline from running. It points at the value, unless `part` says otherwise. */
export function settingError(
  code: DiagnosticCode,
  path: ConfigPath,
  message: string,
  details: Details = {},
): Finding {
  return { part: "value", severity: "error", ...details, code, path, message };
}

/** A finding that keeps nothing from running. It points at the key, unless `part` says otherwise. */
export function settingWarning(
  code: DiagnosticCode,
  path: ConfigPath,
  message: string,
  details: Details = {},
): Finding {
  return { part: "key", severity: "warning", ...details, code, path, message };
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
