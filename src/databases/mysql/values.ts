import type { FieldPacket } from "mysql2";
import { ExactNumber, exactNumber, negativeZero } from "../../model/exact-number.ts";
import { parseJson } from "../../model/json.ts";
import { shortestSingle } from "../../model/single.ts";
import type { ColumnKind } from "../port.ts";

/** The driver's column properties that are used here. */
export type ColumnPacket = Pick<FieldPacket, "name"> & {
  readonly columnType?: number | undefined;
  readonly columnLength?: number | undefined;
  readonly characterSet?: number | undefined;
  readonly extendedFormat?: string | undefined;
  readonly extendedTypeName?: string | undefined;
};

/** How values of one type are read: the kind of column, and the conversion of the driver's value. */
interface Reading {
  readonly kind: ColumnKind;
  /** The name of the type, by which bounds are written. */
  readonly type: string;
  readonly restore: ((value: unknown) => unknown) | null;
}

const integer: Reading = { kind: "integer", type: "integer", restore: number };
const float: Reading = { kind: "float", type: "float", restore: signedZero };
const decimal: Reading = { kind: "decimal", type: "decimal", restore: shortened };
const text: Reading = { kind: "text", type: "text", restore: null };
/** A type of MariaDB's own, which comes as text. */
const uuid: Reading = { kind: "text", type: "uuid", restore: null };
const bytes: Reading = { kind: "bytes", type: "bytes", restore: bytesAsText };
const json: Reading = { kind: "json", type: "json", restore: parsed };
const date: Reading = { kind: "date", type: "date", restore: null };
/** `BIT(1)` holds nothing but 0 and 1. */
const oneBit: Reading = { kind: "boolean", type: "boolean", restore: (value) => truth(bits(value)) };

/** By the protocol's type numbers. */
const readings: ReadonlyMap<number, Reading> = new Map([
  [0, decimal],
  [1, integer],
  [2, integer],
  [3, integer],
  [4, { ...float, restore: single }],
  [5, float],
  // The session's zone is UTC, and a TIMESTAMP is a moment; a DATETIME means what is declared where it is used.
  [7, { kind: "timestamp", type: "timestamp", restore: (value) => localTime(value, "Z") }],
  [8, integer],
  [9, integer],
  [10, date],
  [11, text],
  [12, { kind: "timestamp", type: "datetime", restore: (value) => localTime(value, "") }],
  [13, integer],
  [14, date],
  [16, { ...integer, restore: bits }],
  [242, json],
  [245, json],
  [246, decimal],
  [255, bytes],
]);

const bit = 16;
const binaryCharacterSet = 63;

/** How the values of a column are read, by what the server says of it. */
export function readingOf(column: ColumnPacket): Reading {
  const { columnType, columnLength, characterSet, extendedFormat, extendedTypeName } = column;
  // MariaDB keeps JSON as text that it has checked.
  if (extendedFormat === "json") return json;
  if (extendedTypeName === "uuid") return uuid;
  // BOOLEAN is TINYINT(1), which holds numbers up to 127: it is read as the numbers that it holds.
  if (columnType === bit && columnLength === 1) return oneBit;
  const reading = readings.get(columnType ?? 0);
  if (reading !== undefined) return reading;
  return characterSet === binaryCharacterSet ? bytes : text;
}

const kindsOfTypes: ReadonlyMap<string, ColumnKind> = new Map<string, ColumnKind>([
  ...["tinyint", "smallint", "mediumint", "int", "bigint", "year"].map((type) => [type, "integer"] as const),
  ["decimal", "decimal"],
  ["float", "float"],
  ["double", "float"],
  ["date", "date"],
  ["timestamp", "timestamp"],
  ["datetime", "timestamp"],
  ["json", "json"],
  ...["time", "uuid", "inet4", "inet6"].map((type) => [type, "text"] as const),
]);

/** The same by what `information_schema` says of a column: its bare type, and the whole of it. */
export function kindOfDataType(
  base: string,
  { type, hasCharacters }: { readonly type: string; readonly hasCharacters: boolean },
): ColumnKind {
  if (base === "bit") return type === "bit(1)" ? "boolean" : "integer";
  return kindsOfTypes.get(base) ?? (hasCharacters ? "text" : "bytes");
}

function number(value: unknown): unknown {
  return typeof value === "string" ? exactNumber(value) : value;
}

/** A double has a zero with a sign, which JSON writes only where it is asked to. */
function signedZero(value: unknown): unknown {
  return Object.is(value, -0) ? negativeZero : value;
}

/** The servers write all the places that a DECIMAL has, as zeros where nothing is. */
function shortened(value: unknown): unknown {
  if (typeof value !== "string") return value;
  return exactNumber(value.includes(".") ? value.replace(/\.?0+$/, "") : value);
}

/** The shortest decimal that a single-precision number is; as a double it would show digits it never had. */
function single(value: unknown): unknown {
  if (typeof value !== "number") return value;
  if (value === 0) return signedZero(value);
  return shortestSingle(value);
}

function truth(value: unknown): unknown {
  return value === 0 ? false : value === 1 ? true : value;
}

function bits(value: unknown): unknown {
  if (!(value instanceof Uint8Array)) return value;
  const integer = value.reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
  return integer <= Number.MAX_SAFE_INTEGER ? Number(integer) : new ExactNumber(integer.toString());
}

/** Bytes as PostgreSQL writes them: `\x` and two hexadecimal digits a byte. */
function bytesAsText(value: unknown): unknown {
  if (!(value instanceof Uint8Array)) return value;
  return `\\x${Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString("hex")}`;
}

function parsed(value: unknown): unknown {
  if (typeof value !== "string") return value;
  try {
    return parseJson(value);
  } catch {
    return value;
  }
}

const moment = /^(\d{4}-(?!00)\d\d-(?!00)\d\d) (\d\d:\d\d:\d\d)(?:(\.\d*[1-9])0*|\.0+)?$/;

/** `2024-02-29 12:00:00.500000` as `2024-02-29T12:00:00.5`; dates with zeros in them stay as they are. */
function localTime(value: unknown, zone: string): unknown {
  if (typeof value !== "string") return value;
  return value.replace(
    moment,
    (_, day: string, time: string, fraction = "") => `${day}T${time}${fraction}${zone}`,
  );
}
