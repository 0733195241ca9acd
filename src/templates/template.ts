import { TidemarkError } from "../errors.ts";
import { ExactNumber } from "../model/exact-number.ts";
import { formatPath, type Path, parsePath, type SourceRecord, valueAt } from "../model/record.ts";
import { showValue } from "../model/unreadable-value.ts";

/** Fills a template from a record; undefined where its only placeholder finds nothing. */
export type Template = (record: SourceRecord) => unknown;

/** As `Template`, for places that hold text; undefined also where the only placeholder finds null. */
export type TextTemplate = (record: SourceRecord) => string | undefined;

/** A constant part of a text, or a placeholder's path. */
type Part = string | Path;

const syntax = /\\\{\{|\{\{([^{}]*)\}\}|\{\{/g;

/**
 * A template of any JSON shape, read once. A text that is one placeholder (`"{{ order.id }}"`) becomes the
 * value at that path with its type; a field of an object is left out, and an element of a list null,
 * where there is none. In a longer text, placeholders become texts: those throw `RECORD_INVALID`
 * where the record has no text, number or boolean for them. `{{ . }}` is the whole record, and
 * `\{{` stands for `{{`. Names of fields are taken as they are.
 */
export function compileTemplate(template: unknown): Template {
  if (!hasPlaceholder(template)) {
    const constant = unescaped(template);
    return () => constant;
  }
  if (typeof template === "string") {
    const parts = partsOf(template);
    const path = onlyPath(parts);
    return path === null ? (record) => textOf(parts, record) : (record) => valueAt(record, path);
  }
  if (Array.isArray(template)) {
    const elements = template.map(compileTemplate);
    return (record) => elements.map((element) => element(record) ?? null);
  }
  const fields = fieldsOf(template).map(([name, value]): [string, Template] => [
    name,
    compileTemplate(value),
  ]);
  return (record) =>
    Object.fromEntries(
      fields.flatMap(([name, fill]): [string, unknown][] => {
        const value = fill(record);
        return value === undefined ? [] : [[name, value]];
      }),
    );
}

/** A template for a header or a parameter. Throws as `compileTemplate` does for a longer text. */
export function compileText(template: string): TextTemplate {
  const parts = partsOf(template);
  const path = onlyPath(parts);
  return (record) => {
    if (path !== null && (valueAt(record, path) ?? null) === null) return undefined;
    return textOf(parts, record);
  };
}

/** A template whose placeholders must all have a value, each of them written as `encode` says. */
export function compileStrictText(
  template: string,
  encode: (text: string) => string,
): (record: SourceRecord) => string {
  const parts = partsOf(template);
  return (record) => textOf(parts, record, encode);
}

/** As `compileStrictText`, where it depends on the constant parts before a placeholder how its value is written. */
export function compilePlacedText(
  template: string,
  writerAt: (before: string) => (text: string) => string,
): (record: SourceRecord) => string {
  let before = "";
  const writers = partsOf(template).map((part) => {
    if (typeof part !== "string") return { part, write: writerAt(before) };
    before += part;
    return { part, write: (text: string) => text };
  });
  return (record) =>
    writers
      .map(({ part, write }) =>
        typeof part === "string" ? part : write(scalarText(valueAt(record, part), part)),
      )
      .join("");
}

/** Whether a text is one placeholder and nothing else, so that it takes the value with its type. */
export function isOnePlaceholder(template: unknown): boolean {
  return typeof template === "string" && onlyPath(partsOf(template)) !== null;
}

/** The text with the same value for every placeholder. */
export function filledWith(template: string, value: string): string {
  return partsOf(template)
    .map((part) => (typeof part === "string" ? part : value))
    .join("");
}

/** A template without placeholders as what is sent: `\\{{` stands for `{{`. */
export function withoutEscapes<T>(template: T): T;
export function withoutEscapes(template: unknown): unknown {
  return unescaped(template);
}

/** Whether anything in a template depends on the record. */
export function hasPlaceholder(template: unknown): boolean {
  if (typeof template === "string") return partsOf(template).some((part) => typeof part !== "string");
  if (Array.isArray(template)) return template.some(hasPlaceholder);
  return fieldsOf(template).some(([, value]) => hasPlaceholder(value));
}

/** A placeholder's dotted path, and its position in the template. */
export interface TemplateUse {
  readonly path: readonly (string | number)[];
  readonly name: string;
}

/** The placeholders of a template, including repetitions. */
export function templateUses(template: unknown): TemplateUse[] {
  if (typeof template === "string") {
    return partsOf(template).flatMap((part) =>
      typeof part === "string" ? [] : [{ path: [], name: part.length === 0 ? "." : formatPath(part) }],
    );
  }
  return childrenOf(template).flatMap(([step, child]) =>
    templateUses(child).map(({ path, name }) => ({ path: [step, ...path], name })),
  );
}

/** An error in a template, and its position; `path` is empty for a text. */
export interface TemplateProblem {
  readonly path: readonly (string | number)[];
  readonly message: string;
}

/** What is wrong with a template: a `{{` without its end, a path that is none, a placeholder in a field's name. */
export function templateProblems(template: unknown): TemplateProblem[] {
  if (typeof template === "string") return textProblems(template);
  return childrenOf(template).flatMap(([step, child]) => {
    const below = templateProblems(child).map(({ path, message }) => ({ path: [step, ...path], message }));
    return typeof step === "string" && step.includes("{{")
      ? [{ path: [step], message: "a field's name cannot hold a placeholder; its value can" }, ...below]
      : below;
  });
}

function textProblems(text: string): TemplateProblem[] {
  return [...text.matchAll(syntax)].flatMap(([found, inner]) => {
    if (found === "\\{{") return [];
    if (inner === undefined) {
      return [
        {
          path: [],
          message: "`{{` begins a placeholder such as `{{ order.id }}`; write `\\{{` for the text itself",
        },
      ];
    }
    return isPath(inner.trim())
      ? []
      : [
          {
            path: [],
            message: `\`${found}\` is no placeholder: a dotted path such as \`{{ order.id }}\` is needed, or \`{{ . }}\``,
          },
        ];
  });
}

function isPath(dotted: string): boolean {
  return dotted === "." || dotted.split(".").every((step) => step !== "");
}

function partsOf(text: string): Part[] {
  const parts: Part[] = [];
  let constant = "";
  let end = 0;
  for (const { 0: found, 1: inner, index } of text.matchAll(syntax)) {
    constant += text.slice(end, index);
    end = index + found.length;
    if (inner === undefined) {
      constant += "{{";
      continue;
    }
    if (constant !== "") parts.push(constant);
    constant = "";
    const dotted = inner.trim();
    parts.push(dotted === "." ? [] : parsePath(dotted));
  }
  constant += text.slice(end);
  if (constant !== "" || parts.length === 0) parts.push(constant);
  return parts;
}

function onlyPath([part, ...more]: readonly Part[]): Path | null {
  return more.length > 0 || part === undefined || typeof part === "string" ? null : part;
}

function unescaped(template: unknown): unknown {
  if (typeof template === "string") return partsOf(template).join("");
  if (Array.isArray(template)) return template.map(unescaped);
  if (typeof template !== "object" || template === null) return template;
  return Object.fromEntries(fieldsOf(template).map(([name, value]) => [name, unescaped(value)]));
}

function childrenOf(template: unknown): [string | number, unknown][] {
  return Array.isArray(template) ? [...template.entries()] : fieldsOf(template);
}

function fieldsOf(template: unknown): [string, unknown][] {
  return typeof template === "object" && template !== null ? Object.entries(template) : [];
}

function textOf(parts: readonly Part[], record: SourceRecord, encode?: (text: string) => string): string {
  let text = "";
  for (const part of parts) {
    if (typeof part === "string") {
      text += part;
    } else {
      const value = scalarText(valueAt(record, part), part);
      text += encode === undefined ? value : encode(value);
    }
  }
  return text;
}

function scalarText(value: unknown, path: Path): string {
  if (typeof value === "string") return value;
  const isScalar =
    typeof value === "number" ||
    typeof value === "boolean" ||
    typeof value === "bigint" ||
    value instanceof ExactNumber;
  if (isScalar) return String(value);
  const name = path.length === 0 ? "." : formatPath(path);
  throw new TidemarkError(
    "RECORD_INVALID",
    `\`{{ ${name} }}\` needs a text, a number or a boolean, and the record has ${showValue(value)} there`,
    { details: { path: name } },
  );
}
