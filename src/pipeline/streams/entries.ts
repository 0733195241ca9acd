import { type ConfigPath, type Finding, formatConfigPath, settingError } from "../../findings.ts";
import { nearest } from "../../model/nearest.ts";
import { streamNameProblem } from "../../model/stream-key.ts";
import type { Origins } from "../source.ts";
import { baseKeys, entryNames, type SetType } from "./entry-schema.ts";
import { type EntryPatch, isMap, type RawMap } from "./merge.ts";

/** One stream as its entry in `input.streams` declares it. */
export interface StreamEntry {
  /** Where the entry is in the document. */
  readonly at: ConfigPath;
  /** A text, which is its name. */
  readonly isText: boolean;
  readonly name: string;
  /** What it gives, in the shape of a document of one stream. */
  readonly patch: EntryPatch;
  /** What is added to the base's endpoint; null where the entry does not say. */
  readonly path: string | null;
}

export interface Entries {
  readonly entries: readonly StreamEntry[];
  readonly findings: readonly Finding[];
}

/** Where a list of entries is from. */
export interface EntrySource {
  readonly origins: Origins;
  /** A place of the document as messages name it. */
  nameOf(at: ConfigPath): string;
}

/** Reads the entries of `input.streams`; what is wrong with one does not keep others from being read. */
export function readEntries(list: unknown, type: SetType, source: EntrySource): Entries {
  const at = ["input", "streams"];
  if (!Array.isArray(list)) {
    const message = "`input.streams`: expected a list of names, or of keys with values";
    return { entries: [], findings: [settingError("VALUE_INVALID", at, message)] };
  }
  if (list.length === 0) {
    const hint = "name the streams, or leave `streams` out for a file of one stream";
    const message = "`input.streams` is an empty list, so nothing would be read";
    return { entries: [], findings: [settingError("CONFIG_INCOHERENT", at, message, { hint })] };
  }
  const reader = new EntryReader(type, source);
  return {
    entries: list.flatMap((raw, index) => reader.read(raw, [...at, index])),
    findings: reader.findings,
  };
}

class EntryReader {
  readonly #type: SetType;
  readonly #source: EntrySource;
  readonly #names = new Map<string, ConfigPath>();
  readonly findings: Finding[] = [];

  constructor(type: SetType, source: EntrySource) {
    this.#type = type;
    this.#source = source;
  }

  read(raw: unknown, at: ConfigPath): StreamEntry[] {
    const text = this.#textAt(raw, at);
    const entry = text === undefined ? this.#fromMap(raw, at) : this.#fromText(text, at);
    if (entry === null) return [];
    return this.#isTaken(entry) ? [] : [entry];
  }

  /** A name such as 2024 is a number in YAML, and is the text that was written. */
  #textAt(raw: unknown, at: ConfigPath): string | undefined {
    return typeof raw === "string" ? raw : this.#source.origins.numberAt(at);
  }

  #fromText(text: string, at: ConfigPath): StreamEntry | null {
    if (this.#type === "database" && isPattern(text)) return this.#refusePattern(text, at);
    if (!this.#isName(text, at)) return null;
    const input = this.#type === "database" ? { table: text } : {};
    return { at, isText: true, name: text, patch: { input }, path: null };
  }

  #fromMap(raw: unknown, at: ConfigPath): StreamEntry | null {
    if (!isMap(raw)) {
      const message = `\`${formatConfigPath(at)}\`: expected a name, or keys with values (\`key: value\`)`;
      return this.#refuse("VALUE_INVALID", at, message);
    }
    if (!this.#knowsKeys(raw, at)) return null;
    const name = this.#nameOf(raw, at);
    const path = this.#pathOf(raw, at);
    if (name === null || path === undefined) return null;
    return { at, isText: false, name, patch: patchOf(raw), path };
  }

  /** Whether every key can be in an entry; of the keys below, the check of the merged document says so. */
  #knowsKeys(raw: RawMap, at: ConfigPath): boolean {
    const before = this.findings.length;
    for (const key of Object.keys(raw)) this.#key(key, raw, at);
    const persistence = raw.statePersistence;
    if (isMap(persistence) && persistence.storagePath !== undefined) {
      const place = [...at, "statePersistence", "storagePath"];
      const hint = "declare it in `input.statePersistence`, beside `streams`";
      const message = "state is kept for the whole file, and `storagePath` is in an entry of `streams`";
      this.#refuse("CONFIG_INCOHERENT", place, message, { part: "key", hint });
    }
    return this.findings.length === before;
  }

  #key(key: string, raw: RawMap, at: ConfigPath): void {
    const place = [...at, key];
    const known = entryNames(this.#type);
    if (known.has(key)) return;
    if (baseKeys.has(key)) {
      const message = `\`${key}\` belongs to the whole file, and is in an entry of \`streams\``;
      const hint = `declare it under \`input\`, beside \`streams\``;
      this.#refuse("CONFIG_INCOHERENT", place, message, { part: "key", hint });
      return;
    }
    if (key === "parent" || key === "tables" || key === "views") {
      const message = `\`${key}\` cannot be used in \`streams\` yet`;
      const hint = key === "parent" ? "declare `partitions.from`" : "name each table in an entry of its own";
      this.#refuse("CONFIG_INCOHERENT", place, message, { part: "key", hint });
      return;
    }
    const meant = nearest(
      key,
      [...known].filter((one) => raw[one] === undefined),
    );
    const given = meant === undefined ? nearest(key, known) : undefined;
    const suggestion =
      meant !== undefined
        ? `; did you mean \`${meant}\`?`
        : given === undefined
          ? ""
          : `; \`${given}\` is given already`;
    const message = `unknown key \`${key}\` under \`${formatConfigPath(at)}\`${suggestion}`;
    this.#refuse("KEY_UNKNOWN", place, message, { part: "key" });
  }

  #nameOf(raw: RawMap, at: ConfigPath): string | null {
    const key = raw.name === undefined && this.#type === "database" ? "table" : "name";
    const place = [...at, key];
    const name = this.#textAt(raw[key], place);
    if (raw[key] === undefined) {
      const hint = "a stream's name is the second half of its key";
      const message = `\`${formatConfigPath([...at, "name"])}\` is missing`;
      return this.#refuse("KEY_MISSING", at, message, { part: "key", hint });
    }
    if (name === undefined) {
      return this.#refuse("VALUE_INVALID", place, `\`${formatConfigPath(place)}\`: expected text`);
    }
    if (key === "table" && isPattern(name)) return this.#refusePattern(name, place);
    return this.#isName(name, place) ? name : null;
  }

  /** Undefined where it cannot be used. */
  #pathOf(raw: RawMap, at: ConfigPath): string | null | undefined {
    if (raw.path === undefined || raw.path === null) return null;
    const place = [...at, "path"];
    const path = this.#textAt(raw.path, place);
    const problem = path === undefined ? "expected text" : pathProblem(path, raw);
    if (problem === null) return path;
    this.#refuse("VALUE_INVALID", place, `\`${formatConfigPath(place)}\`: ${problem}`);
    return undefined;
  }

  #isName(name: string, place: ConfigPath): boolean {
    const problem = streamNameProblem(name);
    if (problem === null) return true;
    this.#refuse("VALUE_INVALID", place, `\`${formatConfigPath(place)}\` cannot be a name: ${problem}`);
    return false;
  }

  #isTaken({ name, at, isText }: StreamEntry): boolean {
    const first = this.#names.get(name);
    if (first === undefined) {
      this.#names.set(name, at);
      return false;
    }
    const message = `the stream \`${name}\` is declared already, at ${this.#source.nameOf(first)}`;
    this.findings.push(settingError("CONFIG_INCOHERENT", isText ? at : [...at, "name"], message));
    return true;
  }

  #refusePattern(text: string, at: ConfigPath): null {
    const hint = "name each table in an entry of its own";
    return this.#refuse(
      "CONFIG_INCOHERENT",
      at,
      `\`${text}\` is a pattern of tables, which cannot be used in \`streams\` yet`,
      { hint },
    );
  }

  #refuse(
    code: Finding["code"],
    at: ConfigPath,
    message: string,
    details: Parameters<typeof settingError>[3] = {},
  ): null {
    this.findings.push(settingError(code, at, message, details));
    return null;
  }
}

function isPattern(text: string): boolean {
  return text.startsWith("!") || text.includes("*");
}

function pathProblem(path: string, raw: RawMap): string | null {
  if (raw.endpoint !== undefined)
    return "is added to the base's endpoint, and the entry has an `endpoint` too";
  if (/^[a-z][a-z0-9+.-]*:/i.test(path)) return "an address of its own is an `endpoint`";
  if (path.startsWith("//")) return "begins with `//`, which is another host; an address is an `endpoint`";
  const [steps = ""] = path.split(/[?#]/);
  const climbs = steps.split("/").some((step) => /^(?:\.|%2e){1,2}$/i.test(step));
  return climbs ? "`.` or `..` cannot be a step of a path" : null;
}

/** The entry in the shape of a document of one stream. */
function patchOf({ name: _name, path: _path, filters, output, deadline, ...input }: RawMap): EntryPatch {
  return {
    input,
    ...(filters === undefined ? {} : { filters }),
    ...(output === undefined ? {} : { output }),
    ...(deadline === undefined ? {} : { deadline }),
  };
}
