import { type ConfigPath, type Finding, settingError, settingWarning } from "../../findings.ts";
import type { Origins } from "../source.ts";
import { type EntrySource, readEntries, type StreamEntry } from "./entries.ts";
import type { SetType } from "./entry-schema.ts";
import { fillNames, holdsStream } from "./fill-names.ts";
import { isMap, mergeEntry, type RawMap, sourceOf } from "./merge.ts";

/** One stream of a document with `input.streams`, as a document of one stream. */
export interface ExpandedStream {
  readonly name: string;
  /** Where its entry is. */
  readonly at: ConfigPath;
  readonly document: RawMap;
  readonly origins: Origins;
  /** What was found while it was made, by paths of the document. */
  readonly findings: readonly Finding[];
  /** Where in the file the value at a path of the document was written: always a place that exists. */
  placeOf(path: ConfigPath): ConfigPath;
}

export interface Expansion {
  readonly streams: readonly ExpandedStream[];
  /** What is wrong with the list itself, by paths of the file. */
  readonly findings: readonly Finding[];
}

/** Makes a document of one stream of each entry: the entry over the base, with its names filled in. */
export function expandStreams(file: RawMap, type: SetType, source: EntrySource): Expansion {
  const input = isMap(file.input) ? file.input : {};
  const { streams: list, ...ofInput } = input;
  const { concurrency: _concurrency, stream, ...frame } = file;
  const base = { ...frame, input: ofInput };
  const { entries, findings } = readEntries(list, type, source);
  return {
    streams: entries.map((entry) => expanded(base, type, entry, source.origins)),
    findings: [...findings, ...(stream === undefined ? [] : [namedTwice(stream)])],
  };
}

function namedTwice(stream: unknown): Finding {
  const hint = typeof stream === "string" ? `take it out, or name an entry of \`streams\` \`${stream}\`` : "";
  const message = "`stream` is the name of one stream, and with `input.streams` each has its own";
  return settingError("CONFIG_INCOHERENT", ["stream"], message, {
    part: "key",
    ...(hint === "" ? {} : { hint }),
  });
}

function expanded(file: RawMap, type: SetType, entry: StreamEntry, origins: Origins): ExpandedStream {
  const { base, findings: ofCredentials } = withoutCredentials(file, entry);
  const merged: RawMap = { ...mergeEntry(base, entry.patch), stream: entry.name };
  const isAddressed = type === "httpPolling" && needsPath(merged, entry);
  const placed = isAddressed ? withAddress(merged, entry) : merged;
  const keyed = withUpsertKey(placed);
  const table = isMap(keyed.input) && typeof keyed.input.table === "string" ? keyed.input.table : null;
  const filled = fillNames(keyed, { stream: entry.name, table });
  const lacksKey = isMap(placed.output) && upsertsWithoutKey(placed.output);
  const placeOf = (path: ConfigPath) => placeIn(base, entry, lacksKey, path);
  return {
    name: entry.name,
    at: entry.at,
    document: filled.document,
    origins: {
      variablesAt: (path) => variablesAt(origins, placeOf(path), entry, path),
      numberAt: (path) => origins.numberAt(placeOf(path)),
    },
    findings: [
      ...ofCredentials,
      ...(isAddressed ? climbingName(entry) : []),
      ...filled.findings,
      ...missingKey(keyed),
    ],
    placeOf,
  };
}

function placeIn(base: RawMap, entry: StreamEntry, lacksKey: boolean, path: ConfigPath): ConfigPath {
  if (path[0] === "stream") return entry.isText ? entry.at : [...entry.at, "name"];
  // The key of an upsert that declares none is the input's.
  if (lacksKey && path[0] === "output" && path[1] === "key") {
    return placeIn(base, entry, false, ["input", "key", ...path.slice(2)]);
  }
  const source = sourceOf(base, entry.patch, path);
  if (source.from === "base") return source.path;
  const [top, ...rest] = source.path;
  if (top === undefined || entry.isText) return entry.at;
  return top === "input" ? [...entry.at, ...rest] : [...entry.at, ...source.path];
}

/** An address is written in two places: the base's endpoint, and the entry's path. */
function variablesAt(
  origins: Origins,
  place: ConfigPath,
  { path, at }: StreamEntry,
  asked: ConfigPath,
): readonly string[] | undefined {
  const found = origins.variablesAt(place);
  if (path === null || asked.length !== 2 || asked[0] !== "input" || asked[1] !== "endpoint") return found;
  const ofPath = origins.variablesAt([...at, "path"]);
  return found === undefined || ofPath === undefined ? (found ?? ofPath) : [...found, ...ofPath];
}

/** Credentials, and what else was declared for one origin. */
const ofOrigin = ["authentication", "headers", "rateLimit"];

/**
 * The base without its credentials where the entry goes to another origin: credentials are only sent to the origin that
 * they are declared for (promise P14).
 */
function withoutCredentials(
  file: RawMap,
  { patch }: StreamEntry,
): { readonly base: RawMap; readonly findings: Finding[] } {
  let base = file;
  const findings: Finding[] = [];
  for (const part of ["input", "output"]) {
    const ofBase = base[part];
    const ofEntry = patch[part];
    if (!isMap(ofBase) || !isMap(ofEntry) || ofEntry.endpoint === undefined) continue;
    if (isSameOrigin(ofBase.endpoint, ofEntry.endpoint)) continue;
    const kept = Object.entries(ofBase).filter(([key]) => !ofOrigin.includes(key));
    base = { ...base, [part]: Object.fromEntries(kept) };
    const lost = ofOrigin.filter(
      (key) => key !== "rateLimit" && ofBase[key] !== undefined && ofEntry[key] === undefined,
    );
    if (lost.length > 0) findings.push(credentialsApart(part, lost));
  }
  return { base, findings };
}

function credentialsApart(part: string, lost: readonly string[]): Finding {
  const keys = lost.map((key) => `\`${key}\``).join(" and ");
  const message = `this \`endpoint\` has another origin than \`${part}.endpoint\`, so ${keys} of \`${part}\` are not used for it`;
  const hint = `declare ${keys} in the entry; without credentials, write \`${lost[0]}: null\``;
  return settingWarning("CREDENTIALS_APART", [part, "endpoint"], message, { hint });
}

function isSameOrigin(one: unknown, other: unknown): boolean {
  const [first, second] = [originOf(one), originOf(other)];
  return first !== null && first === second;
}

function originOf(address: unknown): string | null {
  if (typeof address !== "string") return null;
  const [start] = /^[^/?#]*\/\/[^/?#]*/.exec(address) ?? [];
  const url = URL.parse(start ?? "");
  return url === null ? null : `${url.protocol}//${url.host}`;
}

/** Whether the base's endpoint is only the beginning of the entry's. */
function needsPath({ input }: RawMap, { path, patch }: StreamEntry): boolean {
  if (!isMap(input) || patch.input.endpoint !== undefined) return false;
  return path !== null || !holdsStream(input.endpoint);
}

/** A name that is a step of an address, and would leave it out or climb. */
function climbingName({ name, path }: StreamEntry): Finding[] {
  if (path !== null || (name !== "." && name !== "..")) return [];
  const message = `\`${name}\` cannot be a step of an address`;
  return [settingError("VALUE_INVALID", ["stream"], message, { hint: "declare a `path`" })];
}

/** The document with the entry's address: its path, or its name, added to the base's endpoint. */
function withAddress(document: RawMap, { path, name }: StreamEntry): RawMap {
  const { input } = document;
  if (!isMap(input) || typeof input.endpoint !== "string") return document;
  const endpoint = added(input.endpoint, path ?? `/${encodeURIComponent(name)}`);
  return { ...document, input: { ...input, endpoint } };
}

function added(endpoint: string, path: string): string {
  if (path === "") return endpoint;
  const [address = "", ...query] = endpoint.split("?");
  const [steps = "", ...more] = path.split("?");
  const queries = [query.join("?"), more.join("?")].filter((text) => text !== "");
  const whole = steps === "" ? address : `${withoutSlashes(address)}/${steps.replace(/^\/+/, "")}`;
  return queries.length === 0 ? whole : `${whole}?${queries.join("&")}`;
}

/** Without the slashes at its end. A pattern for them would take time that grows with the square of their number. */
function withoutSlashes(address: string): string {
  let end = address.length;
  while (address[end - 1] === "/") end--;
  return address.slice(0, end);
}

/** An upsert of many streams replaces rows by each stream's own key. */
function withUpsertKey(document: RawMap): RawMap {
  const { input, output } = document;
  if (!isMap(input) || !isMap(output) || !upsertsWithoutKey(output) || input.key === undefined)
    return document;
  return { ...document, output: { ...output, key: input.key } };
}

function upsertsWithoutKey(output: RawMap): boolean {
  return output.type === "database" && output.mode === "upsert" && output.key === undefined;
}

function missingKey({ output }: RawMap): Finding[] {
  if (!isMap(output) || !upsertsWithoutKey(output)) return [];
  const message = "`mode: upsert` needs a `key`, and neither this stream nor the output declares one";
  const hint = "declare `key`, or `output: { mode: append }`";
  return [settingError("CONFIG_INCOHERENT", ["output", "key"], message, { part: "key", hint })];
}
