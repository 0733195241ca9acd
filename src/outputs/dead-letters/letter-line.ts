import { z } from "zod";
import { type DeadLetter, letterStages } from "../../engine/ports.ts";
import { letterId } from "../../engine/refusals/dead-letters.ts";
import { parseJson, stringifyJson } from "../../model/json.ts";
import { isPlainObject } from "../../model/plain-object.ts";
import { isRecord, type SourceRecord } from "../../model/record.ts";
import { noteStorageClasses, storageClassesOf, storageClassNames } from "../../model/storage-class.ts";

/**
 * A letter as a line of JSON, with every digit. Values without a JSON form are written as text, and listed next to the
 * record: `bytes` has the paths of bytes (as base64), `numbers` those of `NaN`, infinities and -0, and `stored` the
 * source's storage type of a field where the value does not show it. A path is a field's name, or a list of steps.
 */
export function letterLine(letter: DeadLetter): string {
  const { record, ...rest } = letter;
  const forms = new Forms();
  const plain = forms.plain(record, []);
  return `${stringifyJson({ ...rest, ...forms.found(), ...storedOf(record), record: plain })}\n`;
}

function storedOf(record: unknown): { readonly stored?: Record<string, string> } {
  const classes = isRecord(record) ? storageClassesOf(record) : undefined;
  return classes === undefined ? {} : { stored: Object.fromEntries(classes) };
}

type FieldPath = readonly string[];

/** Finds values without a JSON form, and records their paths. */
class Forms {
  readonly #bytes: FieldPath[] = [];
  readonly #numbers: FieldPath[] = [];

  found(): Record<string, unknown> {
    return {
      ...(this.#bytes.length === 0 ? {} : { bytes: this.#bytes.map(shortPath) }),
      ...(this.#numbers.length === 0 ? {} : { numbers: this.#numbers.map(shortPath) }),
    };
  }

  plain(value: unknown, at: FieldPath): unknown {
    if (typeof value === "number" && (!Number.isFinite(value) || Object.is(value, -0))) {
      this.#numbers.push(at);
      return Object.is(value, -0) ? "-0" : String(value);
    }
    if (typeof value !== "object" || value === null) return value;
    if (value instanceof Uint8Array) {
      this.#bytes.push(at);
      return Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString("base64");
    }
    if (Array.isArray(value))
      return value.map((element, index) => this.plain(element, [...at, String(index)]));
    return isPlainObject(value)
      ? mapFields(value, (content, field) => this.plain(content, [...at, field]))
      : value;
  }
}

function shortPath(place: FieldPath): string | FieldPath {
  const [only] = place;
  return place.length === 1 && only !== undefined ? only : place;
}

function mapFields(value: object, make: (content: unknown, field: string) => unknown): object {
  // Not by assignment, since a source may send a field called `__proto__`.
  return Object.fromEntries(Object.entries(value).map(([field, content]) => [field, make(content, field)]));
}

const text = z.string().nullable().default(null);
const places = z.array(z.union([z.string().transform((field) => [field]), z.array(z.string())])).default([]);

/** A letter of this version, or of one that did not have all of the fields yet. */
const lineSchema = z.object({
  id: z.string(),
  time: z.string(),
  pipeline: text,
  connector: z.string(),
  stream: z.string(),
  partition: text,
  run: text,
  stage: z.enum(letterStages),
  by: text,
  code: z.string(),
  field: text,
  status: z.number().nullable().default(null),
  reason: z.string(),
  cursor: text,
  bytes: places,
  numbers: places,
  stored: z.record(z.string(), z.enum(storageClassNames)).optional(),
  record: z.unknown(),
});

/** A letter of version 0.1.0, in which `httpRequest` outputs alone had dead letters. */
const firstLineSchema = z
  .strictObject({
    time: z.string(),
    connector: z.string(),
    stream: z.string(),
    run: z.string().nullable(),
    status: z.number().nullable(),
    reason: z.string(),
    record: z.unknown(),
  })
  .transform((line): DeadLetter => {
    const place = { partition: null, stage: "output" } as const;
    const id = letterId(line, { ...place, record: line.record });
    return {
      ...line,
      ...place,
      id,
      pipeline: null,
      by: "httpRequest",
      code: "OUTPUT_FAILED",
      field: null,
      cursor: null,
    };
  });

/**
 * Parses a line to a letter with its record; null for a line that is not a letter. If a line begins with the rest of an
 * interrupted write, it finds the complete letter after that.
 */
export function readLetterLine(line: string): DeadLetter | null {
  const whole = letterOfText(line);
  if (whole !== null) return whole;
  for (const { index } of line.matchAll(beginning)) {
    const letter = index === 0 ? null : letterOfText(line.slice(index));
    if (letter !== null) return letter;
  }
  return null;
}

/** How letters begin, also those of older versions. */
const beginning = /\{"(?:id|time)":"/g;

function letterOfText(json: string): DeadLetter | null {
  const value = jsonOf(json);
  const parsed = lineSchema.safeParse(value);
  if (!parsed.success) return firstLineSchema.safeParse(value).data ?? null;
  const { bytes, numbers, stored, ...letter } = parsed.data;
  let { record } = letter;
  for (const place of bytes) record = replaced(record, place, bytesOf);
  for (const place of numbers) record = replaced(record, place, Number);
  if (stored !== undefined && isRecord(record)) noteStorageClasses(record, new Map(Object.entries(stored)));
  return { ...letter, record };
}

function jsonOf(json: string): unknown {
  try {
    return parseJson(json);
  } catch {
    return null;
  }
}

function bytesOf(value: unknown): unknown {
  return typeof value === "string" ? new Uint8Array(Buffer.from(value, "base64")) : value;
}

function replaced(value: unknown, [step, ...rest]: FieldPath, make: (value: unknown) => unknown): unknown {
  if (step === undefined) return make(value);
  if (Array.isArray(value)) {
    return value.map((element, index) => (String(index) === step ? replaced(element, rest, make) : element));
  }
  if (!isRecord(value)) return value;
  const holder: SourceRecord = value;
  return mapFields(holder, (content, field) => (field === step ? replaced(content, rest, make) : content));
}
