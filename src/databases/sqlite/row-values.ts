import type { SQLInputValue } from "node:sqlite";
import { ExactNumber, negativeZero } from "../../model/exact-number.ts";
import type { SourceRecord } from "../../model/record.ts";
import { type StorageClass, storageClassesOf } from "../../model/storage-class.ts";
import type { FieldColumn } from "../table/column.ts";
import { nullFault, ownFault } from "../table/record-fault.ts";
import { asInt64, isNumberWord, textOfValue } from "../table/values.ts";
import { affinityOf } from "./affinity.ts";
import { isRowNumber } from "./column-rules.ts";

export type Encoder = (value: unknown) => SQLInputValue;

/** Puts a record's values into the parameters from the given place on, and returns the place behind them. */
export function encode(
  record: SourceRecord | undefined,
  columns: readonly FieldColumn[],
  encoders: readonly Encoder[],
  params: SQLInputValue[],
  from: number,
): number {
  if (record === undefined) return from;
  let at = from;
  const classes = storageClassesOf(record);
  for (let index = 0; index < encoders.length; index++) {
    const column = columns[index];
    const encoder = encoders[index];
    if (column === undefined || encoder === undefined) continue;
    const stored = classes?.get(column.field);
    const given = record[column.field];
    const value = stored === undefined ? encoder(given) : (asStored(given, stored, column) ?? encoder(given));
    if (value === null && column.nullBecomes !== undefined) throw nullFault(column);
    // It would be stored as U+FFFD.
    if (typeof value === "string" && !value.isWellFormed())
      throw ownFault("a text holds half of a surrogate pair", column.name, "");
    params[at++] = value;
  }
  return at;
}

/** A value that its source stores otherwise than it looks, stored so here too; null where its column decides. */
function asStored(value: unknown, stored: StorageClass, { kind, type }: FieldColumn): SQLInputValue {
  if (typeof value !== "string") return null;
  switch (stored) {
    case "bytes":
      return bytesOf(value);
    case "raw":
      return value;
    case "text":
      return kind === "json" ? null : value;
    default:
      return affinityOf(type) === "text" ? null : Number(value);
  }
}

/** How a value of the column is bound. Text columns get text, since the driver binds numbers as doubles. */
export function encoderOf(column: FieldColumn, key: readonly string[]): Encoder {
  const { kind } = column;
  const affinity = affinityOf(column.type);
  if (kind === "json" || affinity === "text") {
    const asIs = kind !== "json";
    return (value) => {
      if (value === null || value === undefined) return null;
      return asIs && typeof value === "string" ? value : textOfValue(value, kind);
    };
  }
  const ofNumbers = affinity !== "none";
  const keepsDoubles = affinity !== "none" && !isRowNumber(column, key);
  return (value) => {
    switch (typeof value) {
      case "string":
        if (kind === "bytes") return bytesOf(value) ?? value;
        return ofNumbers && isNumberWord(value) ? Number(value) : value;
      case "number":
        return keepsDoubles || !Number.isSafeInteger(value) ? value : BigInt(value);
      case "boolean":
        return value ? 1 : 0;
      default: {
        if (value === null || value === undefined) return null;
        if (value === negativeZero) return -0;
        const integer = asInt64(value);
        if (integer !== null) return integer;
        return value instanceof ExactNumber ? value.text : textOfValue(value, kind);
      }
    }
  };
}

function bytesOf(text: string): Uint8Array | null {
  return /^\\x(?:[0-9a-f]{2})*$/i.test(text) ? Buffer.from(text.slice(2), "hex") : null;
}
