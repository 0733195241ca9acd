import { floorCursor } from "../../../model/cursor.ts";
import { type Precision, parsePrecision, precisionNanoseconds } from "../../../model/precision.ts";
import type { CursorColumn } from "../../bounds.ts";
import type { Subject } from "../../port.ts";
import type { PostgresSession } from "../session.ts";

/** The properties of a query's column. */
export interface ColumnType {
  readonly oid: number;
  readonly modifier: number;
}

/** The type of the cursor's column; null where the field is not a column of its own. */
export async function columnType(
  connection: PostgresSession,
  field: CursorColumn,
  { sql, params }: Subject,
): Promise<ColumnType | null> {
  const [column, ...further] = field.path ?? [];
  if (column === undefined || further.length > 0) return null;
  const text = `SELECT ${connection.dialect.identifier(column)} FROM (${sql}\n) AS subject LIMIT 0`;
  try {
    const { fields } = await connection.handle.query({ text, values: [...params], rowMode: "array" });
    const [described] = fields;
    return described === undefined
      ? null
      : { oid: described.dataTypeID, modifier: described.dataTypeModifier };
  } catch (error) {
    throw connection.errorOf(error, text);
  }
}

const timestampOids = new Set([1114, 1184]);
const dateOid = 1082;
const wholeNumberOids = new Set([20, 21, 23]);
const numberOids = new Set([...wholeNumberOids, 1700, 700, 701]);

/** Whether the database compares the column as numbers. */
export function isNumber({ oid }: ColumnType): boolean {
  return numberOids.has(oid);
}

const microsecond = parsePrecision("1us");
export function isDate(column: ColumnType | null): boolean {
  return column?.oid === dateOid;
}

/**
 * The earliest value that a column of times may hold for this moment or a later one: what is stored is
 * rounded to the column's precision, to a second where nothing says it.
 */
export function earliestStored(
  moment: string,
  field: CursorColumn & { readonly precision: Precision },
  column: ColumnType | null,
): string {
  const stored = storedStep(column);
  const coarsest =
    precisionNanoseconds(field.precision) > precisionNanoseconds(stored) ? field.precision : stored;
  return floorCursor("timestamp_utc", moment, coarsest);
}

function storedStep(column: ColumnType | null): Precision {
  // What counts whole units since 1970 has the format's own unit as precision.
  if (column !== null && wholeNumberOids.has(column.oid)) return microsecond;
  if (column === null || !timestampOids.has(column.oid)) return parsePrecision("1s");
  const digits = column.modifier < 0 ? 6 : column.modifier;
  return parsePrecision(["1s", "100ms", "10ms", "1ms", "100us", "10us"][digits] ?? "1us");
}
