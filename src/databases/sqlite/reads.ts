import type { DatabaseSync, SQLInputValue, SQLOutputValue, StatementSync } from "node:sqlite";
import { noteStorageClasses, type StorageClass } from "../../model/storage-class.ts";
import type { Column, ColumnKind, SqlRow, StreamOptions, UnreadableText } from "../port.ts";
import { checkColumns } from "../result-columns.ts";
import type { SecondLook, TextDecoding } from "./text-bytes.ts";
import { kindOfDeclaredType, type Restorer, readable, restorerOf, storageClassOf } from "./values.ts";

/** What each column of a row is called, and what turns its value back into what was stored. */
type RowShape = readonly (readonly [name: string, restore: Restorer | null, kind: ColumnKind | null])[];

/** A statement that reads, and how its rows become ours. */
export interface ReadStatement {
  readonly statement: StatementSync;
  readonly columns: readonly Column[];
  /** Adds the numbers of columns with possibly invalid texts to `suspect`. */
  rowOf(values: readonly SQLOutputValue[], suspect: number[]): SqlRow;
}

export interface ReadOptions {
  readonly onColumns: StreamOptions["onColumns"];
  readonly decoding: TextDecoding;
  /** How many of the last columns are the reader's own, and not in the rows. */
  readonly hidden?: number;
}

/** Prepares a statement that reads. */
export function prepareRead(
  database: DatabaseSync,
  sql: string,
  { onColumns, decoding, hidden = 0 }: ReadOptions,
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
  return { statement, columns, rowOf: (values, suspect) => rowOf(values, shape, { decoding, suspect }) };
}

/** Steps through rows, and checks those with possibly invalid texts a second time. */
export class ExactRows {
  readonly #rows: Iterator<unknown>;
  readonly #read: ReadStatement;
  readonly #look: SecondLook;
  readonly #onUnreadable: (row: SqlRow, text: UnreadableText) => void;
  #count = 0;
  readonly #suspect: number[] = [];

  /** `rows` are those of the statement that `look` runs again, from the first on. */
  constructor(
    rows: Iterator<unknown>,
    read: ReadStatement,
    look: SecondLook,
    onUnreadable: (row: SqlRow, text: UnreadableText) => void,
  ) {
    this.#rows = rows;
    this.#read = read;
    this.#look = look;
    this.#onUnreadable = onUnreadable;
  }

  /** The next rows; fewer than `most` at the end only. */
  take(most: number): { readonly rows: SqlRow[]; readonly last: readonly SQLOutputValue[] } {
    const page: SqlRow[] = [];
    let values: readonly SQLOutputValue[] = [];
    while (page.length < most) {
      const next = this.#rows.next();
      if (next.done === true) break;
      values = valuesOf(next.value);
      const row = this.#read.rowOf(values, this.#suspect);
      if (this.#suspect.length > 0) this.#lookAt(row, values);
      page.push(row);
      this.#count++;
    }
    return { rows: page, last: values };
  }

  #lookAt(row: SqlRow, values: readonly SQLOutputValue[]): void {
    const found = this.#look.unreadable(this.#count, values, this.#suspect);
    this.#suspect.length = 0;
    if (found !== null) this.#onUnreadable(row, found);
  }

  close(): void {
    this.#look.close();
    this.#rows.return?.();
  }
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

interface TextChecks {
  readonly decoding: TextDecoding;
  readonly suspect: number[];
}

function rowOf(
  values: readonly SQLOutputValue[],
  shape: RowShape,
  { decoding, suspect }: TextChecks,
): SqlRow {
  const row: Record<string, unknown> = {};
  let classes: Map<string, StorageClass> | null = null;
  for (let at = 0; at < shape.length; at++) {
    const column = shape[at];
    const value = values[at];
    if (column === undefined || value === undefined) continue;
    if (typeof value === "string" && decoding.mayBeMalformed(value)) suspect.push(at);
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
): { readonly statement: StatementSync; readonly sql: string; drop(): void } | null {
  if (!/^(?:\s|--[^\n]*\n|\/\*[\s\S]*?\*\/)*(?:SELECT|WITH|VALUES)\b/i.test(sql)) return null;
  const table = `temp.tidemark_read_${++copies}`;
  unguarded(database, () => database.prepare(`CREATE TEMP TABLE ${table.slice(5)} AS ${sql}`).run(...params));
  const copied = `SELECT * FROM ${table} ORDER BY rowid`;
  return {
    statement: prepareExact(database, copied),
    sql: copied,
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
