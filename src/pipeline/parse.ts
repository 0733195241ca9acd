import type { z } from "zod";
import type { ConfigPath, Finding } from "../findings.ts";
import { findingsOf, issuePath, mistypedKeys, type Reading, silentMessages } from "./issues.ts";
import { configAt, KnownKeys, withConfigAt } from "./known-keys.ts";
import { type Origins, pathKey } from "./source.ts";

/** The result of parsing a configuration: its parsed form, or the errors. */
export type Parsed<T> =
  | { readonly config: T; readonly findings: readonly [] }
  | { readonly config: null; readonly findings: readonly Finding[] };

type Issue = z.core.$ZodIssue;

/** Compiling a schema's parser takes as long as interpreting the schema a number of times. */
const compiledFrom = 20;
const timesParsed = new WeakMap<z.ZodType, number>();

/** How to parse by a schema: compiled where it was used often, as by a file of many streams. */
function parsingBy(schema: z.ZodType): typeof silentMessages & { readonly jitless: boolean } {
  const times = (timesParsed.get(schema) ?? 0) + 1;
  timesParsed.set(schema, times);
  return { ...silentMessages, jitless: times < compiledFrom };
}

/**
 * Parses a configuration. Texts from the environment become numbers or booleans where the schema wants such, since a
 * variable is always text; and a number becomes the text it was written as where text is wanted, since `granularity: 1`
 * or `version: 1.10` can mean nothing else. `base` is the path of the configuration in the pipeline.
 *
 * A mistyped key is reported, and then read as the key that was meant, so that it neither causes further errors nor
 * hides those below it.
 */
export function parseConfig<T>(
  schema: z.ZodType<T>,
  raw: unknown,
  origins: Origins,
  base: ConfigPath = [],
): Parsed<T> {
  const corrections = new Corrections(base);
  let config = raw;
  for (;;) {
    const result = schema.safeParse(config, parsingBy(schema));
    if (result.success && corrections.findings.length === 0) return { config: result.data, findings: [] };
    const issues = result.success ? [] : result.error.issues;
    const reading: Reading = {
      config,
      base,
      known: new KnownKeys(schema),
      variablesAt: (path) => origins.variablesAt(corrections.asWritten(path)),
    };
    const changed = corrections.apply(convert(config, issues, corrections, origins), issues, reading);
    if (changed === config) {
      return { config: null, findings: corrections.place(findingsOf(issues, reading)) };
    }
    config = changed;
  }
}

/** Mistyped keys that were put right so that reading could go on. */
class Corrections {
  readonly #base: ConfigPath;
  readonly #renames: { holder: ConfigPath; from: string; to: string }[] = [];
  readonly findings: Finding[] = [];

  constructor(base: ConfigPath) {
    this.#base = base;
  }

  /** The configuration with mistyped keys put right; itself where there are none. */
  apply(config: unknown, issues: readonly Issue[], reading: Reading): unknown {
    let corrected = config;
    for (const { holder, key, meant, finding } of mistypedKeys(issues, reading)) {
      const before = configAt(corrected, holder);
      if (configAt(before, [meant]) !== undefined || this.#isCorrected(holder, key)) continue;
      this.findings.push(...this.#placed([finding]));
      this.#renames.push({ holder, from: key, to: meant });
      corrected = withConfigAt(corrected, holder, renamed(before, key, meant));
    }
    return corrected;
  }

  /** Whether a key is one that another was put right to; going on from it could go round in circles. */
  #isCorrected(holder: ConfigPath, key: string): boolean {
    return this.#renames.some(({ holder: before, to }) => to === key && pathKey(before) === pathKey(holder));
  }

  /** A path of the corrected configuration, with the keys as they were written. */
  asWritten(path: ConfigPath): ConfigPath {
    return this.#renames.reduceRight<ConfigPath>((written, { holder, from, to }) => {
      const isInside =
        written[holder.length] === to && holder.every((step, index) => written[index] === step);
      return isInside ? [...holder, from, ...written.slice(holder.length + 1)] : written;
    }, path);
  }

  /** The findings besides the mistyped keys themselves, all at the keys as they were written. */
  place(others: readonly Finding[]): Finding[] {
    return [...this.findings, ...this.#placed(others)];
  }

  #placed(findings: readonly Finding[]): Finding[] {
    const length = this.#base.length;
    return findings.map((finding) => ({
      ...finding,
      path: [...this.#base, ...this.asWritten(finding.path.slice(length))],
    }));
  }
}

function renamed(holder: unknown, from: string, to: string): unknown {
  if (typeof holder !== "object" || holder === null) return holder;
  return Object.fromEntries(Object.entries(holder).map(([key, value]) => [key === from ? to : key, value]));
}

/** The configuration with every value converted that is refused for its kind; itself where there is none. */
function convert(
  config: unknown,
  issues: readonly Issue[],
  corrections: Corrections,
  origins: Origins,
): unknown {
  let converted = config;
  for (const { path, expected } of refusedKinds(issues, [])) {
    const value = configAt(converted, path);
    const place = corrections.asWritten(path);
    const other =
      origins.variablesAt(place) === undefined
        ? asText(value, expected, origins.numberAt(place))
        : fromText(value, expected);
    if (other !== undefined) converted = withConfigAt(converted, path, other);
  }
  return converted;
}

function refusedKinds(issues: readonly Issue[], base: ConfigPath): { path: ConfigPath; expected: string }[] {
  return issues.flatMap((issue) => {
    const path = [...base, ...issuePath(issue)];
    if (issue.code === "invalid_type") return [{ path, expected: issue.expected }];
    return issue.code === "invalid_union" ? issue.errors.flatMap((errors) => refusedKinds(errors, path)) : [];
  });
}

function fromText(value: unknown, expected: string): number | boolean | undefined {
  if (typeof value !== "string") return undefined;
  if (expected === "boolean") return { true: true, false: false }[value.trim().toLowerCase()];
  const isNumber = (expected === "number" || expected === "int") && /^\s*[+-]?\d+(?:\.\d+)?\s*$/.test(value);
  return isNumber ? Number(value) : undefined;
}

function asText(value: unknown, expected: string, written: string | undefined): string | undefined {
  return expected === "string" && typeof value !== "string" ? written : undefined;
}
