import {
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  parseAllDocuments,
  type Scalar,
  type YAMLError,
} from "yaml";
import { messageOf } from "../errors.ts";
import { type ConfigPath, type Finding, formatConfigPath, type Placed, settingError } from "../findings.ts";
import { exactNumber } from "../model/exact-number.ts";
import { type Environment, substitute } from "./environment.ts";
import { asNode, keyText, Placing, type YamlNode } from "./placing.ts";
import { registerFile, registerText, registerVariable } from "./sensitive.ts";

/** Where the values of a configuration come from, each by its path. */
export interface Origins {
  /** The variables that a text came from, in whole or in part; messages must not show what they hold. */
  variablesAt(path: ConfigPath): readonly string[] | undefined;
  /** A number as it was written, with every digit and zero. */
  numberAt(path: ConfigPath): string | undefined;
}

/** A configuration made in code has none. */
export const noOrigins: Origins = { variablesAt: () => undefined, numberAt: () => undefined };

/** A text that identifies a path. */
export function pathKey(path: ConfigPath): string {
  return JSON.stringify(path);
}

/** One pipeline's YAML document, read and with its variables filled in. */
export interface SourceDocument {
  readonly value: unknown;
  /** Errors of the YAML itself and of its variables. */
  readonly findings: readonly Placed[];
  /** False where the YAML has errors that make the rest meaningless. */
  readonly readable: boolean;
  readonly origins: Origins;
  /** The position of a finding in the file. */
  place(finding: Finding): Placed;
}

/** Deeper than any pipeline; also where an alias holds itself. */
const deepest = 60;
/**
 * How many values a document may have more than its text has characters, which only aliases can bring about; aliases of
 * aliases can make a small file grow without end.
 */
const mostAliased = 100_000;

/** YAML errors that concern one value only, so that the rest still means what it says. */
const localErrors = new Set(["BAD_ALIAS", "BAD_DQ_ESCAPE", "DUPLICATE_KEY", "TAG_RESOLVE_FAILED"]);

/** Reads every YAML document of a file; documents without content are left out. */
export function readDocuments(text: string, environment: Environment): SourceDocument[] {
  const lines = new LineCounter();
  const sources: SourceDocument[] = [];
  try {
    for (const document of parseAllDocuments(text, {
      lineCounter: lines,
      prettyErrors: false,
      logLevel: "silent",
    })) {
      const reader = new Reader(new Placing(text, lines, document), environment, text);
      if (document.errors.length > 0 || hasContent(document)) sources.push(reader.read(document));
    }
  } catch (error) {
    // The parser itself gives up on absurd nesting.
    sources.push(unreadable(messageOf(error)));
  }
  return sources;
}

function hasContent({ contents }: Document.Parsed): boolean {
  return contents !== null && !(isScalar(contents) && contents.value === null);
}

function unreadable(reason: string): SourceDocument {
  const place = (finding: Finding): Placed => ({ ...finding, line: 1, column: 1 });
  const findings = [place(settingError("YAML_INVALID", [], `the file cannot be read: ${reason}`))];
  return { value: undefined, findings, readable: false, origins: noOrigins, place };
}

/** What looks like a pattern of names, where YAML reads `!` as a tag and `*` as an alias. */
function patternIn(rest: string): string | null {
  return /^[!*][\w.*-]*/.exec(rest)?.[0] ?? null;
}

function quotePattern(pattern: string): { readonly hint: string } {
  return { hint: `a text that begins with \`${pattern[0]}\` needs quotes: "${pattern}"` };
}

/** Converts a document to plain values, and reports errors. */
class Reader {
  readonly #placing: Placing;
  readonly #environment: Environment;
  readonly #text: string;
  readonly #findings: Placed[] = [];
  readonly #variables = new Map<string, readonly string[]>();
  readonly #numbers = new Map<string, string>();
  #values = 0;
  #gaveUp = false;

  constructor(placing: Placing, environment: Environment, text: string) {
    this.#placing = placing;
    this.#environment = environment;
    this.#text = text;
  }

  read(document: Document.Parsed): SourceDocument {
    const errors = [...document.errors, ...document.warnings];
    const structural = errors.find((error) => !localErrors.has(error.code));
    for (const error of errors) {
      if (localErrors.has(error.code) || error === structural) this.#findings.push(this.#yamlError(error));
    }
    const value = structural === undefined ? this.#value(asNode(document.contents), [], document) : undefined;
    return {
      value,
      findings: this.#findings,
      readable: structural === undefined && !this.#gaveUp,
      origins: {
        variablesAt: (path) => this.#variables.get(pathKey(path)),
        numberAt: (path) => this.#numbers.get(pathKey(path)),
      },
      place: (finding) => this.#placing.byPath(finding),
    };
  }

  #yamlError(error: YAMLError): Placed {
    const place = error.pos[0];
    const rest = this.#text.slice(place, place + 200);
    if (error.code === "DUPLICATE_KEY") {
      const key = /^[^:\s]+/.exec(rest)?.[0] ?? "the key";
      return this.#placing.at(place, settingError("KEY_DUPLICATE", [], `\`${key}\` is given twice`));
    }
    // The parser stops at the braces of ${NAME}, and does not say what to do about it.
    const unquoted = this.#text[place - 1] === "$" && rest.startsWith("{");
    const variable = unquoted ? { hint: 'inside [ ] and { } a variable needs quotes: "${NAME}"' } : {};
    const pattern = patternIn(rest);
    const hint = localErrors.has(error.code) && pattern !== null ? quotePattern(pattern) : variable;
    return this.#placing.at(
      place,
      settingError("YAML_INVALID", [], `this is not YAML: ${error.message}`, hint),
    );
  }

  #value(node: YamlNode, path: ConfigPath, document: Document.Parsed): unknown {
    this.#values += 1;
    if (this.#gaveUp) return undefined;
    if (path.length > deepest) return this.#giveUp(node, path, `more than ${deepest} levels deep`);
    if (this.#values > this.#text.length + mostAliased)
      return this.#giveUp(node, path, "larger than any pipeline");
    if (isAlias(node)) {
      const target = node.resolve(document);
      if (target !== undefined) return this.#value(asNode(target), path, document);
      // The parser has reported a lone `*` itself.
      if (node.source === "") return null;
      const text = `no anchor \`&${node.source}\` is defined before this`;
      const hint = path.includes("streams") ? quotePattern(`*${node.source}`) : {};
      this.#report(node, settingError("YAML_INVALID", path, text, hint));
      return null;
    }
    if (isSeq(node)) {
      return node.items.map((item, index) => this.#value(asNode(item), [...path, index], document));
    }
    if (isMap(node)) return this.#map(node.items, path, document);
    return isScalar(node) ? this.#scalar(node, path) : null;
  }

  #giveUp(node: YamlNode, path: ConfigPath, reason: string): undefined {
    this.#gaveUp = true;
    this.#report(node, settingError("YAML_INVALID", path, `the document is ${reason}`));
  }

  #map(
    items: readonly { key: unknown; value: unknown }[],
    path: ConfigPath,
    document: Document.Parsed,
  ): Record<string, unknown> {
    const map: Record<string, unknown> = {};
    for (const item of items) {
      const key = keyText(item.key);
      if (key === null) {
        this.#report(
          asNode(item.key),
          settingError("YAML_INVALID", path, "a key is a text, not a list or a map"),
        );
        continue;
      }
      const value = this.#value(asNode(item.value), [...path, key], document);
      // Assigning a key called __proto__ would set the object's prototype.
      Object.defineProperty(map, key, { value, enumerable: true, configurable: true, writable: true });
    }
    return map;
  }

  #scalar(node: Scalar.Parsed, path: ConfigPath): unknown {
    if (typeof node.value === "number") return this.#number(node, node.value, path);
    return typeof node.value === "string" ? this.#textValue(node, node.value, path) : node.value;
  }

  #textValue(node: Scalar.Parsed, written: string, path: ConfigPath): string {
    const { text, values, problems } = substitute(written, this.#environment);
    for (const { code, message, offset, hint } of problems) {
      const text = `\`${formatConfigPath(path)}\`: ${message}`;
      this.#report(node, settingError(code, path, text, hint === undefined ? { offset } : { offset, hint }));
    }
    for (const { name, value, source } of values) {
      if (source === "file") registerFile(value, path);
      else registerVariable(name, value, path);
    }
    if (values.length > 0) {
      this.#variables.set(
        pathKey(path),
        values.map(({ name }) => name),
      );
    }
    registerText(text, path);
    return text;
  }

  /** A number with all its digits. */
  #number(node: Scalar.Parsed, value: number, path: ConfigPath): unknown {
    const { source } = node;
    this.#numbers.set(pathKey(path), source);
    registerText(source, path);
    if (Number.isFinite(value)) return /^[+-]?\d[\d.]{14,}$/.test(source) ? exactNumber(source) : value;
    this.#report(
      node,
      settingError("VALUE_INVALID", path, `\`${formatConfigPath(path)}\`: ${source} is not a number`),
    );
    return 0;
  }

  #report(node: YamlNode, finding: Finding): void {
    this.#findings.push(this.#placing.byNode(node, finding));
  }
}
