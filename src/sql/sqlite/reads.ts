import type { DatabaseSync, SQLInputValue, SQLOutputValue, StatementSync } from "node:sqlite";
import { noteStorageClasses, type StorageClass } from "../../model/storage-class.ts";
import type { Column, ColumnKind, SqlRow, StreamOptions } from "../port.ts";
import { checkColumns } from "../result-columns.ts";
import { kindOfDeclaredType, type Restorer, readable, restorerOf, storageClassOf } from "./values.ts";

/** What each column of a row is called, and what turns its value back into what was stored. */
type RowShape = readonly (readonly [name: string, restore: Restorer | null, kind: ColumnKind | null])[];

/** A statement that reads, and how its rows become ours. */
export interface ReadStatement {
  readonly statement: StatementSync;
  readonly columns: readonly Column[];
  rowOf(values: readonly SQLOutputValue[]): SqlRow;
}

/** Prepares a statement that reads. The last `hidden` columns are the reader's own, and not in the rows. */
export function prepareRead(
  database: DatabaseSync,
  sql: string,
  onColumns: StreamOptions["onColumns"],
  hidden = 0,
): ReadStatement {
  const statement = prepareExact(database, sql);
  const described = statement.columns();
  const shown = described.slice(0, described.length - hidden);
  checkColumns(
    shown.map(({ name }) => name),
    onColumns,
  );
  const columns: Column[] = [];
  const shape: [string, Restorer | null, ColumnKind | null][] = [];
  for (const { name, type } of shown) {
    const kind = kindOfDeclaredType(type);
    if (kind !== null) columns.push({ name, kind });
    shape.push([name, restorerOf(kind), kind]);
  }
  return { statement, columns, rowOf: (values) => rowOf(values, shape) };
}

function prepareExact(database: DatabaseSync, sql: string): StatementSync {
  const statement = database.prepare(sql);
  statement.setReadBigInts(true);
  // Arrays come twice as fast as the driver's objects, and leave objects of the ordinary kind to us.
  statement.setReturnArrays(true);
  return statement;
}

/** The values of a row, as the driver gives them where arrays are asked for; its types only know objects. */
export function valuesOf(row: unknown): readonly SQLOutputValue[] {
  return row as SQLOutputValue[];
}

function rowOf(values: readonly SQLOutputValue[], shape: RowShape): SqlRow {
  const row: Record<string, unknown> = {};
  let classes: Map<string, StorageClass> | null = null;
  for (let at = 0; at < shape.length; at++) {
    const column = shape[at];
    const value = values[at];
    if (column === undefined || value === undefined) continue;
    const plain = typeof value === "string" ? value : readable(value);
    const restored = column[1] === null ? plain : column[1](plain);
    row[column[0]] = restored;
    const isRaw = column[2] === "json" && typeof value === "string" && restored === value;
    const stored = isRaw ? "raw" : storageClassOf(value, column[2]);
    if (stored === null) continue;
    classes ??= new Map();
    classes.set(column[0], stored);
  }
  if (classes !== null) noteStorageClasses(row, classes);
  return row;
}

/**
 * Whether a read keeps writers from committing for as long as it lasts: with a rollback journal it does, with a
 * write-ahead log it does not.
 */
export function readsKeepWritersOut(database: DatabaseSync): boolean {
  const row = database.prepare("PRAGMA journal_mode").get();
  return row?.journal_mode !== "wal" && row?.journal_mode !== "memory";
}

/**
 * Runs a query into a temporary table, in one go, and prepares a statement that reads that instead: from then on
 * the file is free for writers. Null for a statement that cannot be copied so (a PRAGMA).
 */
export function copyResult(
  database: DatabaseSync,
  sql: string,
  params: readonly SQLInputValue[],
): { readonly statement: StatementSync; drop(): void } | null {
  if (!/^(?:\s|--[^\n]*\n|\/\*[\s\S]*?\*\/)*(?:SELECT|WITH|VALUES)\b/i.test(sql)) return null;
  const table = `temp.tidemark_read_${++copies}`;
  unguarded(database, () => database.prepare(`CREATE TEMP TABLE ${table.slice(5)} AS ${sql}`).run(...params));
  return {
    statement: prepareExact(database, `SELECT * FROM ${table} ORDER BY rowid`),
    drop: () => unguarded(database, () => database.exec(`DROP TABLE ${table}`)),
  };
}

let copies = 0;

/** A connection that only reads may not make temporary tables either. */
function unguarded(database: DatabaseSync, work: () => void): void {
  const guarded = database.prepare("PRAGMA query_only").get()?.query_only === 1;
  if (guarded) database.exec("PRAGMA query_only = OFF");
  try {
    work();
  } finally {
    if (guarded) database.exec("PRAGMA query_only = ON");
  }
}
