import type { CursorField } from "../../engine/ports.ts";
import { type SourceRecord, valueAt } from "../../model/record.ts";
import { timestampFormName } from "../../model/timestamp-form.ts";
import { endsWithOffset, offsetName } from "./offset-bounds.ts";

/** Stores the forms of a stream's records. */
export interface FormsKept {
  readonly known: ReadonlySet<string>;
  learn(fact: string): void;
}

/** The most forms that are kept; a source that writes every record in another form exceeds it. */
const mostForms = 48;

/** Stored in place of form names when there are too many. */
const anyForm = "*";

/**
 * The forms in which records write their cursors: number of digits, offset, leading zeros. A bound is sent in the same
 * form, since a source may compare texts. Forms are stored with the stream as facts:
 * `form:timestamp:0000-00-00T00:00:00.000Z`, `form:id:000000`.
 */
export class SourceForms {
  readonly #kept: FormsKept;
  readonly #watchers: readonly Watcher[];

  constructor(cursors: readonly CursorField[], kept: FormsKept) {
    this.#kept = kept;
    this.#watchers = cursors.flatMap((field) => {
      const nameOf = namerOf(field);
      if (nameOf === null || field.path === null) return [];
      return [new Watcher(field, field.path, nameOf, (name) => this.#learn(field, name))];
    });
  }

  /** Adds the forms of a page's records. */
  see(records: readonly SourceRecord[]): void {
    for (const watcher of this.#watchers) watcher.see(records);
  }

  /** The names of the forms seen so far; empty where none is known, or too many are. */
  of(field: CursorField): readonly string[] {
    const prefix = prefixOf(field);
    const names: string[] = [];
    for (const fact of this.#kept.known) if (fact.startsWith(prefix)) names.push(fact.slice(prefix.length));
    return names.includes(anyForm) ? [] : names;
  }

  #learn(field: CursorField, name: string): void {
    const prefix = prefixOf(field);
    if (this.#kept.known.has(`${prefix}${name}`)) return;
    const count = this.of(field).length;
    this.#kept.learn(`${prefix}${count >= mostForms ? anyForm : name}`);
  }
}

function prefixOf({ role }: CursorField): string {
  return `form:${role}:`;
}

/** The function that names a value's form; null for cursors with only one form. */
function namerOf({ type, format }: CursorField): ((text: string) => string | null) | null {
  if (type === "numeric_id") return numberFormName;
  if (type !== "timestamp_utc") return null;
  if (format.kind === "iso8601") return timestampFormName;
  if (format.kind !== "pattern") return numberFormName;
  return endsWithOffset(format) ? offsetName : null;
}

const numberSyntax = /^(0*)((?:[1-9]\d*)?)(?:\.(\d+))?$/;

/** `000000` for a number of six digits that begins with zeros, `#.00` for one with two decimals; else null. */
function numberFormName(text: string): string | null {
  const match = numberSyntax.exec(text);
  if (match === null) return null;
  const [, zeros = "", digits = "", decimals = ""] = match;
  const width = zeros.length + digits.length;
  const isPadded = zeros.length > (digits === "" ? 1 : 0);
  if ((!isPadded && decimals === "") || width > 64 || decimals.length > 64) return null;
  const whole = isPadded ? "0".repeat(width) : "#";
  return decimals === "" ? whole : `${whole}.${"0".repeat(decimals.length)}`;
}

/** Reads one field of every record; a known form costs only a few comparisons. */
class Watcher {
  readonly #field: CursorField;
  readonly #path: NonNullable<CursorField["path"]>;
  readonly #nameOf: (text: string) => string | null;
  readonly #learn: (name: string) => void;
  readonly #known = new Set<number>();
  readonly #knownWithOffset = new Set<string>();
  #last = 0;
  #lastEnd = "";

  constructor(
    field: CursorField,
    path: NonNullable<CursorField["path"]>,
    nameOf: (text: string) => string | null,
    learn: (name: string) => void,
  ) {
    this.#field = field;
    this.#path = path;
    this.#nameOf = nameOf;
    this.#learn = learn;
  }

  see(records: readonly SourceRecord[]): void {
    const { type, format } = this.#field;
    const isTime = type === "timestamp_utc";
    for (const record of records) {
      const raw = valueAt(record, this.#path);
      if (typeof raw !== "string" || raw === "") continue;
      if (isTime && format.kind === "iso8601") this.#seeIso(raw);
      else if (isTime && format.kind === "pattern") this.#seeEnd(raw);
      else if (raw.charCodeAt(0) === digitZero || raw.includes(".")) this.#take(raw);
    }
  }

  #seeEnd(text: string): void {
    if (this.#lastEnd !== "" && text.endsWith(this.#lastEnd)) return;
    this.#lastEnd = this.#nameOf(text) ?? "";
    this.#take(text);
  }

  #seeIso(text: string): void {
    const shape = shapeOf(text);
    if (shape === this.#last) return;
    if (shape < 0) {
      this.#seeOffset(text);
      return;
    }
    this.#last = shape;
    if (this.#known.has(shape)) return;
    this.#known.add(shape);
    this.#take(text);
  }

  #seeOffset(text: string): void {
    const sign = signOf(text);
    if (sign < 0) {
      this.#take(text);
      return;
    }
    const key = `${text.length}${text.charAt(10)}${text.charAt(16)}${text.charAt(19)}${text.slice(sign)}`;
    if (this.#knownWithOffset.has(key)) return;
    this.#knownWithOffset.add(key);
    this.#take(text);
  }

  #take(text: string): void {
    const name = this.#nameOf(text);
    if (name !== null) this.#learn(name);
  }
}

const digitZero = 48;
const digitNine = 57;
const upperZ = 90;
const plus = 43;
const minus = 45;

/**
 * A number that is equal for two ISO 8601 texts only if they have the same form; below 0 where the offset must be
 * compared too.
 */
function shapeOf(text: string): number {
  const { length } = text;
  const last = text.charCodeAt(length - 1);
  if (length > 99) return -1;
  if (last !== upperZ && (last < digitZero || last > digitNine || signOf(text) >= 0)) return -1;
  const separator = text.charCodeAt(10) || 0;
  const afterMinutes = text.charCodeAt(16) || 0;
  const afterSeconds = text.charCodeAt(19) || 0;
  const isSpaced = text.charCodeAt(length - 2) === 32 ? 1 : 0;
  const marks = ((separator & 127) << 15) | ((afterMinutes & 127) << 8) | ((afterSeconds & 127) << 1);
  return length * 2 ** 24 + (last === upperZ ? 2 ** 23 : 0) + marks + isSpaced;
}

/** Where a text's numeric offset begins (`+02:00`, `+0200`, `+02`); below 0 where it has none. */
function signOf(text: string): number {
  const { length } = text;
  if (length <= 16) return -1;
  for (const back of [6, 5, 3]) {
    const code = text.charCodeAt(length - back);
    if (code === plus || code === minus) return length - back;
  }
  return -1;
}
