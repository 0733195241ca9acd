import { quoted, tableNameParts } from "../../databases/names.ts";
import {
  type ConfigPath,
  type Finding,
  formatConfigPath,
  settingError,
  settingWarning,
} from "../../findings.ts";
import { safeName, shortName } from "../../model/safe-name.ts";
import { isMap, type RawMap } from "./merge.ts";

/** The names that placeholders of a stream become. */
export interface StreamNames {
  readonly stream: string;
  /** The table that the stream reads, as it is written; null where it reads none. */
  readonly table: string | null;
}

const syntax = /\\\{\{|\{\{([^{}]*)\}\}/g;

/** Whether a text has the placeholder `{{ stream }}`. */
export function holdsStream(text: unknown): boolean {
  return typeof text === "string" && placeholdersIn(text).includes("stream");
}

function placeholdersIn(text: string): string[] {
  return [...text.matchAll(syntax)].flatMap(([, name]) => (name === undefined ? [] : [name.trim()]));
}

/** Puts a value in the place of a placeholder; all others stay as they are. */
function filled(text: string, name: string, value: string): string {
  return text.replace(syntax, (found, inner: string | undefined) => (inner?.trim() === name ? value : found));
}

export interface Filling {
  readonly document: RawMap;
  /** Errors and warnings, by paths of the document. */
  readonly findings: readonly Finding[];
}

/**
 * A stream's document with its names in the place of `{{ stream }}`, `{{ schema }}` and `{{ table }}`. Tables and files
 * get safe names; requests get the name as it is, and addresses get it percent-encoded.
 */
export function fillNames(document: RawMap, names: StreamNames): Filling {
  const filler = new Filler(document, names);
  filler.input();
  filler.output();
  return { document: filler.document, findings: filler.findings };
}

class Filler {
  readonly #names: StreamNames;
  readonly findings: Finding[] = [];
  document: RawMap;

  constructor(document: RawMap, names: StreamNames) {
    this.document = document;
    this.#names = names;
  }

  input(): void {
    const { input } = this.document;
    if (!isMap(input)) return;
    if (input.type === "database") this.#refuseInSql(input);
    if (input.type !== "httpPolling") return;
    this.#address(["input", "endpoint"]);
    this.#text(["input", "dataField"], this.#names.stream);
    for (const key of ["queryParams", "headers", "body"]) this.#template(["input", key]);
  }

  output(): void {
    const { output } = this.document;
    if (!isMap(output)) return;
    if (output.type === "database") this.#table(["output", "table"]);
    if (output.type === "file") this.#file(["output", "path"]);
    if (output.type === "httpRequest") this.#request();
    this.#file(["output", "deadLetter", "path"]);
  }

  #request(): void {
    const { output } = this.document;
    for (const key of ["body", "headers"]) {
      if (isMap(output) && textsIn(output[key]).some(holdsStream)) {
        const message = "`{{ stream }}` is the stream's name here, since the file has `streams`";
        const hint =
          "in a file of one stream it is the record's field `stream`; send a field under another name";
        this.findings.push(settingWarning("STREAM_PLACEHOLDER", ["output", key], message, { hint }));
      }
    }
    this.#address(["output", "endpoint"]);
    for (const key of ["queryParams", "headers", "body"]) this.#template(["output", key]);
  }

  /** Names in SQL would have to be quoted as the database does it. */
  #refuseInSql(input: RawMap): void {
    for (const key of ["query", "where", "table"]) {
      if (!holdsStream(input[key])) continue;
      this.#refuse(["input", key], "`{{ stream }}` is not filled in SQL; write it in the stream's entry");
    }
  }

  #address(path: ConfigPath): void {
    const text = this.#at(path);
    if (typeof text !== "string" || !holdsStream(text)) return;
    const [authority = ""] = /^[^:/?#]*:\/\/[^/?#]*/.exec(text) ?? [];
    if (holdsStream(authority)) {
      this.#refuse(path, "`{{ stream }}` may stand in the path and in the query, not in the host");
      return;
    }
    const address = filled(text, "stream", encodeURIComponent(this.#names.stream));
    const [steps = ""] = address.split(/[?#]/);
    if (steps.split("/").some((step) => step === "." || step === "..")) {
      this.#refuse(path, `\`${this.#names.stream}\` cannot be a step of an address`);
      return;
    }
    this.#set(path, address);
  }

  /** What is filled again from a record, or a partition: braces of the name are texts there. */
  #template(path: ConfigPath): void {
    const template = this.#at(path);
    if (!textsIn(template).some(holdsStream)) return;
    const name = this.#names.stream.replaceAll("{{", "\\{{");
    this.#set(
      path,
      mapTexts(template, (text) => filled(text, "stream", name)),
    );
  }

  #text(path: ConfigPath, name: string): void {
    const text = this.#at(path);
    if (typeof text === "string" && holdsStream(text)) this.#set(path, filled(text, "stream", name));
  }

  #table(path: ConfigPath): void {
    const written = this.#at(path);
    if (typeof written !== "string" || !written.includes("{{")) return;
    const text = this.#withSafeNames(written, path);
    if (text === null) return;
    const other = placeholdersIn(text)[0];
    if (other !== undefined) {
      const all = "`{{ stream }}`, `{{ schema }}` and `{{ table }}`";
      this.#refuse(path, `holds \`{{ ${other} }}\`, which means nothing here; it may hold ${all}`);
      return;
    }
    const name = text.replaceAll("\\{{", "{{");
    const parts = tableNameParts(name);
    const short = parts.map(shortName);
    const isShort = parts.every((part, index) => part === short[index]);
    this.#set(path, isShort ? name : short.map(quoted).join("."));
  }

  /** Nothing is escaped in a path, and on Windows `\` comes before a name. */
  #file(path: ConfigPath): void {
    const written = this.#at(path);
    if (typeof written !== "string" || !written.includes("{{")) return;
    const text = this.#withSafeNames(written.replaceAll("\\{{", "/{{"), path);
    if (text !== null) this.#set(path, text);
  }

  #withSafeNames(text: string, path: ConfigPath): string | null {
    const used = new Set(placeholdersIn(text));
    const { stream, table } = this.#names;
    let result = filled(text, "stream", safeName(stream));
    if (!used.has("schema") && !used.has("table")) return result;
    const parts = table === null ? [] : tableNameParts(table);
    const [name, schema] = [parts.at(-1), parts.at(-2)];
    if (name === undefined) {
      this.#refuse(path, "`{{ schema }}` and `{{ table }}` need a stream that reads a table");
      return null;
    }
    if (used.has("schema") && schema === undefined) {
      const hint = `write the schema with the table, such as \`public.${name}\``;
      this.#refuse(path, `\`{{ schema }}\` needs the table's schema, and \`${name}\` has none`, hint);
      return null;
    }
    result = filled(result, "table", safeName(name));
    return filled(result, "schema", safeName(schema ?? ""));
  }

  #refuse(path: ConfigPath, message: string, hint?: string): void {
    const text = message.startsWith("holds")
      ? `\`${formatConfigPath(path)}\` ${message}`
      : `\`${formatConfigPath(path)}\`: ${message}`;
    const details = hint === undefined ? {} : { hint };
    this.findings.push(settingError("VALUE_INVALID", path, text, details));
  }

  #at(path: ConfigPath): unknown {
    let value: unknown = this.document;
    for (const step of path) value = isMap(value) ? value[step] : undefined;
    return value;
  }

  #set(path: ConfigPath, value: unknown): void {
    this.document = withValue(this.document, path, value);
  }
}

function withValue(map: RawMap, [step, ...rest]: ConfigPath, value: unknown): RawMap {
  if (step === undefined) return map;
  const inner = map[step];
  return { ...map, [step]: rest.length === 0 || !isMap(inner) ? value : withValue(inner, rest, value) };
}

function textsIn(value: unknown): string[] {
  if (typeof value === "string") return [value];
  if (Array.isArray(value)) return value.flatMap(textsIn);
  return isMap(value) ? Object.values(value).flatMap(textsIn) : [];
}

function mapTexts(value: unknown, change: (text: string) => string): unknown {
  if (typeof value === "string") return change(value);
  if (Array.isArray(value)) return value.map((item) => mapTexts(item, change));
  if (!isMap(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, mapTexts(item, change)]));
}
