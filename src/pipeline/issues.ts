import type { z } from "zod";
import { type ConfigPath, type Finding, formatConfigPath, settingError } from "../findings.ts";
import { nearest } from "../model/nearest.ts";
import { isPlainObject, kindOf } from "../model/plain-object.ts";
import { showValue } from "../model/unreadable-value.ts";
import { configAt, type KnownKeys } from "./known-keys.ts";
import { isSecretPlace } from "./sensitive.ts";

type Issue = z.core.$ZodIssue;

/** The data for an error's message. */
export interface Reading {
  readonly config: unknown;
  /** The path of the configuration in the pipeline; paths of issues begin there. */
  readonly base: ConfigPath;
  readonly known: KnownKeys;
  /** The variables that a value came from, or undefined where it is in the file itself. */
  variablesAt(path: ConfigPath): readonly string[] | undefined;
}

/** Pass to `safeParse`, so that only messages written for users are kept; the others are written here. */
export const silentMessages = { error: () => "", reportInput: true } as const;

/** The errors of a schema, each once, with messages for users. */
export function findingsOf(issues: readonly Issue[], reading: Reading): Finding[] {
  return issues
    .flatMap((issue) => unfold(issue, []))
    .flatMap((found) =>
      found.issue.code === "unrecognized_keys"
        ? found.issue.keys.map((key) => unknownKey(found.path, key, undefined, reading))
        : [describe(found, reading)],
    );
}

/** A key that is not known, and the missing one that it was most likely meant for. */
export interface MistypedKey {
  readonly holder: ConfigPath;
  readonly key: string;
  readonly meant: string;
  readonly finding: Finding;
}

export function mistypedKeys(issues: readonly Issue[], reading: Reading): MistypedKey[] {
  return issues
    .flatMap((issue) => unfold(issue, []))
    .flatMap(({ issue, path }) => {
      if (issue.code === "unrecognized_keys")
        return issue.keys.flatMap((key) => mistyped(path, key, reading));
      return issue.code === "invalid_union" ? mistypedType(path, reading) : [];
    });
}

function mistyped(holder: ConfigPath, key: string, reading: Reading): MistypedKey[] {
  const present = configAt(reading.config, holder);
  const known = [...reading.known.at(reading.config, holder)];
  const meant = nearest(
    key,
    known.filter((one) => configAt(present, [one]) === undefined),
  );
  return meant === undefined
    ? []
    : [{ holder, key, meant, finding: unknownKey(holder, key, meant, reading) }];
}

/** Without `type` no other key is known, but a key that is close to `type` can be reported. */
function mistypedType(path: ConfigPath, reading: Reading): MistypedKey[] {
  const holder = path.slice(0, -1);
  if (path.at(-1) !== "type" || configAt(reading.config, path) !== undefined) return [];
  const present = configAt(reading.config, holder);
  const key = isPlainObject(present)
    ? Object.keys(present).find((one) => one !== "type" && nearest(one, ["type"]))
    : undefined;
  return key === undefined
    ? []
    : [{ holder, key, meant: "type", finding: unknownKey(holder, key, "type", reading) }];
}

/** An issue with the path from the root, out of whatever union it was in. */
interface Found {
  readonly issue: Issue;
  readonly path: ConfigPath;
}

/**
 * Of a union that failed, the issues of the alternative that the value comes nearest to; the union
 * itself where the value is of none of the kinds it takes.
 */
function unfold(issue: Issue, base: ConfigPath): Found[] {
  const path = [...base, ...issuePath(issue)];
  if (issue.code === "invalid_union") {
    const fitting = issue.errors.filter((errors) => !errors.some(isOfAnotherKind));
    const [nearestOne] = fitting.toSorted((a, b) => weight(a) - weight(b));
    if (nearestOne !== undefined) return nearestOne.flatMap((inner) => unfold(inner, path));
  }
  return [{ issue, path }];
}

/** An unknown key that another key was meant by counts once, together with the one that is missing. */
function weight(issues: readonly Issue[]): number {
  return issues.reduce((sum, issue) => sum + (issue.code === "unrecognized_keys" ? issue.keys.length : 1), 0);
}

function isOfAnotherKind(issue: Issue): boolean {
  if (issue.path.length > 0) return false;
  if (issue.code === "invalid_union") return issue.errors.every((errors) => errors.some(isOfAnotherKind));
  return issue.code === "invalid_type" || issue.code === "invalid_value";
}

export function issuePath({ path }: Issue): ConfigPath {
  return path.map((step) => (typeof step === "symbol" ? String(step) : step));
}

function unknownKey(
  holder: ConfigPath,
  key: string,
  meant: string | undefined,
  { config, base, known }: Reading,
): Finding {
  const place = [...base, ...holder];
  const present = configAt(config, holder);
  const keys = [...known.at(config, holder)];
  const given = meant === undefined ? nearest(key, keys) : undefined;
  const where = place.length === 0 ? "" : ` under \`${formatConfigPath(place)}\``;
  const free = keys.filter((one) => configAt(present, [one]) === undefined);
  const isLost = meant === undefined && given === undefined && free.length > 0;
  return settingError(
    "KEY_UNKNOWN",
    [...place, key],
    `unknown key \`${key}\`${where}${suggestion(meant, given)}`,
    {
      part: "key",
      ...(isLost ? { hint: listKeys(free) } : {}),
    },
  );
}

function suggestion(meant: string | undefined, given: string | undefined): string {
  if (meant !== undefined) return `; did you mean \`${meant}\`?`;
  return given === undefined ? "" : `; \`${given}\` is given already`;
}

/** The most names in one message. */
const mostListed = 12;

function listKeys(keys: readonly string[]): string {
  const more = keys.length > mostListed ? ", …" : "";
  return `it may hold ${keys.slice(0, mostListed).join(", ")}${more}`;
}

function describe({ issue, path }: Found, reading: Reading): Finding {
  const isMissing = configAt(reading.config, path) === undefined && path.length > 0;
  if (isMissing && (issue.code !== "custom" || issue.message === "")) return missingKey(issue, path, reading);
  const offset = issue.code === "custom" ? issue.params?.offset : undefined;
  const code =
    typeof offset === "number" ? "EXPRESSION_INVALID" : isMissing ? "KEY_MISSING" : "VALUE_INVALID";
  const place = [...reading.base, ...path];
  const at = place.length === 0 ? "the pipeline" : `\`${formatConfigPath(place)}\``;
  const message = issue.message === "" ? messageFor(issue, path, reading) : issue.message;
  return settingError(
    code,
    place,
    `${at}${isVerb.test(message) ? "" : ":"} ${message}`,
    typeof offset === "number" ? { offset } : {},
  );
}

/** Messages of schemas are written to follow their key, or a colon. */
const isVerb = /^(?:is|has|holds|needs|must|cannot|begins|goes|only goes)\b/;

function missingKey(issue: Issue, path: ConfigPath, reading: Reading): Finding {
  const description = reading.known.description(reading.config, path);
  const choices = issue.code === "invalid_union" ? choicesOf(issue) : [];
  const hint = choices.length > 0 ? `one of ${choices.join(", ")}` : description;
  const place = [...reading.base, ...path];
  return settingError("KEY_MISSING", place.slice(0, -1), `\`${formatConfigPath(place)}\` is missing`, {
    part: "key",
    ...(hint === undefined ? {} : { hint: hint.replace(/\.$/, "") }),
  });
}

function messageFor(issue: Issue, path: ConfigPath, reading: Reading): string {
  const found = shown(path, reading);
  switch (issue.code) {
    case "invalid_type":
      return `expected ${kindName(issue.expected, path, reading)}, found ${found}`;
    case "invalid_value":
      return notAChoice(issue.values.map(String), path, reading);
    case "invalid_union":
      if (choicesOf(issue).length > 0) return notAChoice(choicesOf(issue), path, reading);
      return messageForUnion(issue, path, reading);
    case "too_small":
      return `${bounds(issue.origin, "at least", issue.minimum, issue.inclusive ?? true)}, found ${found}`;
    case "too_big":
      return `${bounds(issue.origin, "at most", issue.maximum, issue.inclusive ?? true)}, found ${found}`;
    case "invalid_format":
      return `expected ${formatNames[issue.format] ?? `a text of the form ${issue.format}`}, found ${found}`;
    case "not_multiple_of":
      return `expected a multiple of ${issue.divisor}, found ${found}`;
    case "invalid_key":
      return (
        issue.issues.map(({ message }) => message).find((text) => text !== "") ??
        "not a name that can be used"
      );
    default:
      return "not a value that can be used";
  }
}

const kindNames: Readonly<Record<string, string>> = {
  string: "text",
  number: "a number",
  int: "a whole number",
  boolean: "true or false",
  array: "a list",
  object: "keys with values (`key: value`)",
  record: "keys with values (`key: value`)",
  null: "null",
};

/** A text where a whole number belongs is refused before it is asked whether it is whole. */
function kindName(expected: string, path: ConfigPath, { config, known }: Reading): string {
  const kind = expected === "number" && known.wantsInteger(config, path) ? "int" : expected;
  return kindNames[kind] ?? kind;
}

const formatNames: Readonly<Record<string, string>> = {
  url: "a URL such as https://host.example/path",
  regex: "another form of text",
};

function bounds(origin: string, bound: string, limit: number | bigint, inclusive: boolean): string {
  if (bound === "at least" && Number(limit) === 1 && inclusive && origin === "string")
    return "must not be empty";
  if (bound === "at least" && Number(limit) === 1 && inclusive && origin === "array")
    return "needs at least one entry";
  if (origin === "string") return `expected ${bound} ${limit} characters`;
  if (origin === "array" || origin === "object") return `expected ${bound} ${limit} entries`;
  if (!inclusive) return `expected a number ${bound === "at least" ? "above" : "below"} ${limit}`;
  return `expected a number of ${bound} ${limit}`;
}

function notAChoice(choices: readonly string[], path: ConfigPath, reading: Reading): string {
  const value = configAt(reading.config, path);
  const like = typeof value === "string" ? nearest(value, choices) : undefined;
  const found = shown(path, reading);
  if (like !== undefined) return `${found} is not known; did you mean \`${like}\`?`;
  return choices.length === 1
    ? `expected \`${choices[0]}\`, found ${found}`
    : `expected one of ${choices.map((choice) => `\`${choice}\``).join(", ")}, found ${found}`;
}

function messageForUnion(issue: z.core.$ZodIssueInvalidUnion, path: ConfigPath, reading: Reading): string {
  const choices = issue.errors
    .flat()
    .flatMap((error) => (error.code === "invalid_value" ? error.values.map(String) : []));
  const value = configAt(reading.config, path);
  if (typeof value === "string" && nearest(value, choices) !== undefined)
    return notAChoice(choices, path, reading);
  return `expected ${kindsIn(issue).join(" or ")}, found ${shown(path, reading)}`;
}

/** The kinds that `type` may name, where it names none of them. */
function choicesOf(issue: z.core.$ZodIssueInvalidUnion): string[] {
  return "options" in issue && Array.isArray(issue.options) ? issue.options.map(String) : [];
}

function kindsIn(issue: z.core.$ZodIssueInvalidUnion): string[] {
  const kinds = issue.errors.flat().flatMap((error): string[] => {
    if (error.path.length > 0) return [];
    if (error.code === "invalid_type") return [kindNames[error.expected] ?? error.expected];
    if (error.code === "invalid_value")
      return [error.values.map((value) => `\`${String(value)}\``).join(", ")];
    return error.code === "invalid_union" ? kindsIn(error) : [];
  });
  return [...new Set(kinds)];
}

/** An address with a user, however it is written. */
const mayHoldPassword = /^\s*[a-z][\w+.-]*:.*@/is;

/** The value as it may be shown: never what a variable holds, never what may be a secret. */
function shown(path: ConfigPath, reading: Reading): string {
  const variables = reading.variablesAt(path);
  if (variables !== undefined) return `what ${variables.map((name) => `\${${name}}`).join(" and ")} holds`;
  const value = configAt(reading.config, path);
  if (value === null) return "nothing";
  if (Array.isArray(value)) return value.length === 0 ? "an empty list" : "a list";
  if (isPlainObject(value)) return "keys with values";
  const isSecret = isSecretPlace([...reading.base, ...path]);
  if (typeof value === "string" && (isSecret || mayHoldPassword.test(value))) return "another text";
  return isSecret ? kindOf(value) : showValue(value);
}
