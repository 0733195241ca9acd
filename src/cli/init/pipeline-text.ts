import { stringify } from "yaml";

/** What a new pipeline is to do. */
export interface Plan {
  readonly name: string;
  readonly source: HttpSource | DatabaseSource;
  readonly cursor: "timestamp" | "id";
  /** The field that holds the cursor. */
  readonly cursorField: string;
  /** The field that makes a record itself. */
  readonly key: string;
  readonly output: PlannedOutput;
}

interface HttpSource {
  readonly kind: "http";
  readonly endpoint: string;
  /** Dotted path of the list in the answer; null where the answer is the list. */
  readonly dataField: string | null;
  /** The parameter that asks for what changed. */
  readonly queryParam: string;
}

interface DatabaseSource {
  readonly kind: "database";
  readonly connection: string;
  readonly table: string;
}

export const outputKinds = ["sqlite", "postgres", "jsonl"] as const;
type PlannedOutput = (typeof outputKinds)[number];

/** Where editors find the schema of pipeline files. */
const schemaUrl = "https://unpkg.com/tidemark/schema/pipeline.schema.json";

/** The pipeline file for a plan, with comments that say what may come next. */
export function pipelineText(plan: Plan, file: string): string {
  return [
    `# yaml-language-server: $schema=${schemaUrl}`,
    "#",
    `#   tidemark validate ${file}        check this file`,
    `#   tidemark run ${file} --dry-run   see what it would write`,
    `#   tidemark run ${file}             run it; run it again, and only what changed moves`,
    `name: ${scalar(plan.name)}`,
    "",
    "input:",
    ...indented(inputLines(plan)),
    "",
    ...filterLines(plan),
    "output:",
    ...indented(outputLines(plan)),
    "",
  ].join("\n");
}

function inputLines(plan: Plan): string[] {
  const { source } = plan;
  return source.kind === "http" ? httpLines(plan, source) : databaseLines(plan, source);
}

function httpLines(plan: Plan, { endpoint, dataField, queryParam }: HttpSource): string[] {
  return [
    "type: httpPolling",
    `endpoint: ${scalar(endpoint)}`,
    ...(dataField === null
      ? ["# The answer itself is the list of records. Where it is inside: dataField: path.to.list"]
      : ["# Where the list of records is in the answer.", `dataField: ${scalar(dataField)}`]),
    "# What makes a record itself, so that none is repeated.",
    `key: ${scalar(plan.key)}`,
    "# How one page follows another: page, offset, cursor or link.",
    "# pagination: { type: page, param: page, limitParam: per_page, limit: 100 }",
    "# Secrets stay in the environment.",
    '# authentication: { type: bearer, token: "${API_TOKEN}" }',
    "statePersistence:",
    ...indented([
      `${plan.cursor}:`,
      ...indented([
        "# Where a record has it, and the parameter that asks for what came after.",
        `field: ${scalar(plan.cursorField)}`,
        `queryParam: ${scalar(queryParam)}`,
      ]),
      ...orderLines,
    ]),
  ];
}

const orderLines = [
  "# Where the source sorts by this field, say so: every checkpoint can then move the watermark.",
  "# order: ascending",
];

function databaseLines(plan: Plan, { connection, table }: DatabaseSource): string[] {
  return [
    "type: database",
    "# Secrets stay in the environment: ${DATABASE_URL}",
    `connectionString: ${scalar(connection)}`,
    `table: ${scalar(table)}`,
    "# What makes a row itself, so that none is repeated.",
    `key: ${scalar(plan.key)}`,
    "statePersistence:",
    ...indented([`${plan.cursor}:`, ...indented([`field: ${scalar(plan.cursorField)}`])]),
  ];
}

/** A table's key is a field of the record as written, so that a key from further inside is brought up. */
function filterLines(plan: Plan): string[] {
  if (!plan.key.includes(".") || plan.output === "jsonl") return [];
  return [
    "filters:",
    "  - type: mapping",
    "    keepUnmapped: true",
    "    mappings:",
    `      - { source: ${scalar(plan.key)}, target: ${scalar(outputKey(plan.key))} }`,
    "",
  ];
}

function outputKey(key: string): string {
  return key.split(".").at(-1) ?? key;
}

function outputLines(plan: Plan): string[] {
  const file = plan.name.replaceAll(/[^\w.-]+/g, "_");
  if (plan.output === "jsonl") return ["type: file", `path: ${scalar(`./${file}.jsonl`)}`];
  const connection =
    plan.output === "sqlite"
      ? `sqlite:./${file}.db`
      : "${OUTPUT_DATABASE_URL:-postgres://localhost:5432/postgres}";
  return [
    "type: database",
    `connectionString: ${scalar(connection)}`,
    "# Created with the first records, and widened when they bring new fields.",
    `table: ${scalar(file.replaceAll(/\W/g, "_"))}`,
    "# A record with the same key replaces the row; without a key, rows are only added.",
    `key: ${scalar(outputKey(plan.key))}`,
  ];
}

function indented(lines: readonly string[]): string[] {
  return lines.map((line) => `  ${line}`);
}

/** A text as one YAML value on one line, quoted where it has to be. */
function scalar(text: string): string {
  return stringify(text, { lineWidth: 0, blockQuote: false }).trimEnd();
}
