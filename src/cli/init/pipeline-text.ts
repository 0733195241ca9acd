import { plainName } from "./file-name.ts";
import { type HttpSource, httpLines } from "./http-text.ts";
import { schemaAddress } from "./schema-address.ts";
import { shellWord } from "./shell-word.ts";
import { indented, scalar } from "./yaml-lines.ts";

/** The plan of a new pipeline. */
export interface Plan {
  readonly name: string;
  readonly source: HttpSource | DatabaseSource;
  readonly cursor: "timestamp" | "id";
  /** The field that holds the cursor. */
  readonly cursorField: string;
  /** The field that identifies a record. */
  readonly key: string;
  readonly output: PlannedOutput;
}

interface DatabaseSource {
  readonly kind: "database";
  readonly connection: string;
  readonly table: string;
}

export const outputKinds = ["sqlite", "postgres", "jsonl"] as const;
type PlannedOutput = (typeof outputKinds)[number];

/** The pipeline file for a plan, with comments that say what may come next. */
export function pipelineText(plan: Plan, file: string): string {
  const word = shellWord(file);
  return [
    `# yaml-language-server: $schema=${schemaAddress(file)}`,
    "#",
    `#   tidemark validate ${word}        check this file`,
    `#   tidemark run ${word} --dry-run   see what it would write`,
    `#   tidemark run ${word}             run it; run it again, and only what changed moves`,
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
  return source.kind === "http"
    ? [...httpLines(source, plan.key), ...httpStateLines(plan, source.queryParam)]
    : databaseLines(plan, source);
}

function httpStateLines(plan: Plan, queryParam: string): string[] {
  return [
    "statePersistence:",
    ...indented([
      `${plan.cursor}:`,
      ...indented([
        "# The record's field, and the parameter that asks for what came after.",
        `field: ${scalar(plan.cursorField)}`,
        `queryParam: ${scalar(queryParam)}`,
      ]),
      "# If the source sorts by this field, say so: every checkpoint can then move the watermark.",
      "# order: ascending",
    ]),
  ];
}

function databaseLines(plan: Plan, { connection, table }: DatabaseSource): string[] {
  return [
    "type: database",
    "# Secrets stay in the environment: ${DATABASE_URL}",
    `connectionString: ${scalar(connection)}`,
    `table: ${scalar(table)}`,
    "# The column that identifies a row, so that none is repeated.",
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
  if (plan.output === "jsonl")
    return ["type: file", `path: ${scalar(`./${plainName(plan.name, "-")}.jsonl`)}`];
  const connection =
    plan.output === "sqlite"
      ? `sqlite:./${plainName(plan.name, "-")}.db`
      : "${OUTPUT_DATABASE_URL:-postgres://localhost:5432/postgres}";
  return [
    "type: database",
    `connectionString: ${scalar(connection)}`,
    "# Created with the first records, and widened when they bring new fields.",
    `table: ${scalar(plainName(plan.name, "_"))}`,
    "# A record with the same key replaces the row; without a key, rows are only added.",
    `key: ${scalar(outputKey(plan.key))}`,
  ];
}
