import { z } from "zod";
import type { SqlConnection } from "../../databases/port.ts";
import type { RecordFault } from "../../databases/table/record-fault.ts";
import { type TableStore, type Target, waitingOrder } from "../../databases/table/store.ts";
import { TidemarkError } from "../../errors.ts";
import { parseJson, stringifyJson } from "../../model/json.ts";
import { isRecord, type SourceRecord } from "../../model/record.ts";
import { noteStorageClasses, storageClassesOf, storageClassNames } from "../../model/storage-class.ts";
import { withoutBytes } from "../json-line.ts";

/** The column that keeps a record unchanged, next to its values. */
const wholeRecord = "_tidemark_record";
const rowsAPage = 2_000;

/** A temporary table of the connection where records wait for the commit. */
export interface Spill {
  readonly waiting: Target;
  /** The version of the plan whose columns it has. */
  readonly version: number;
  /** Whether it also keeps the records themselves, so that they can be read back unchanged. */
  readonly keepsRecords: boolean;
}

export async function createSpill(
  store: TableStore,
  target: Target,
  { version, keepsRecords }: Omit<Spill, "waiting">,
): Promise<Spill> {
  const own = {
    name: wholeRecord,
    field: wholeRecord,
    kind: "text",
    type: store.rules.typeOf("text"),
    array: false,
  } as const;
  const columns = keepsRecords ? [...target.columns, own] : target.columns;
  return { waiting: await store.createSpill({ ...target, columns }), version, keepsRecords };
}

/** A record that the temporary table refuses, as the table would. */
interface NotTaken {
  readonly record: SourceRecord;
  readonly error: TidemarkError;
  readonly fault: RecordFault;
}

/** Inserts records, and returns those that it refuses. */
export async function spill(
  store: TableStore,
  place: Spill,
  records: readonly SourceRecord[],
): Promise<NotTaken[]> {
  const { waiting, keepsRecords } = place;
  const rows = keepsRecords
    ? records.map((record) => ({ ...record, [wholeRecord]: packed(record) }))
    : records;
  try {
    await store.insertWaiting(waiting, rows);
    return [];
  } catch (error) {
    const fault = error instanceof TidemarkError ? store.faultOf(error) : null;
    const [record, ...more] = records;
    if (!(error instanceof TidemarkError) || fault === null || record === undefined) throw error;
    if (more.length === 0) return [{ record, error, fault }];
    const middle = Math.ceil(records.length / 2);
    const first = await spill(store, place, records.slice(0, middle));
    return [...first, ...(await spill(store, place, records.slice(middle)))];
  }
}

/**
 * The waiting records, page by page, in order. If the records themselves were not kept, they are rebuilt from the rows:
 * good enough to find the faulty one, but not to be written.
 */
export async function* readSpill(
  connection: SqlConnection,
  { waiting, keepsRecords }: Spill,
): AsyncGenerator<readonly SourceRecord[]> {
  const { dialect } = connection;
  const order = dialect.identifier(waitingOrder);
  const sql = dialect.fragments.limited(
    `SELECT * FROM ${dialect.table(waiting.table)} WHERE ${order} > ${dialect.placeholder(1)} ORDER BY ${order}`,
    rowsAPage,
  );
  for (let after = 0; ; ) {
    const rows = await connection.query(sql, [after]);
    if (rows.length === 0) return;
    after = Number(rows.at(-1)?.[waitingOrder]);
    yield rows.map((row) => (keepsRecords ? unpacked(row[wholeRecord]) : recordOf(row, waiting)));
  }
}

function recordOf(row: Readonly<Record<string, unknown>>, { columns }: Target): SourceRecord {
  return Object.fromEntries(columns.map(({ name, field }) => [field, row[name]]));
}

/** A record as text, with the names of the fields that hold bytes, and how the source stores some of them. */
function packed(record: SourceRecord): string {
  const bytes = Object.keys(record).filter((field) => record[field] instanceof Uint8Array);
  return stringifyJson([withoutBytes(record), bytes, [...(storageClassesOf(record) ?? [])]]);
}

function unpacked(text: unknown): SourceRecord {
  const [record, bytes, classes] = listOf(parseJson(String(text)));
  if (!isRecord(record)) throw new Error("a record that waited cannot be read back");
  const whole: Record<string, unknown> = { ...record };
  for (const field of listOf(bytes)) {
    const value = whole[String(field)];
    if (typeof value === "string") whole[String(field)] = Buffer.from(value, "base64");
  }
  const noted = classesSchema.parse(classes ?? []);
  if (noted.length > 0) noteStorageClasses(whole, new Map(noted));
  return whole;
}

const classesSchema = z.array(z.tuple([z.string(), z.enum(storageClassNames)]));

function listOf(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}
