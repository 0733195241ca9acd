import type { TidemarkError } from "../../errors.ts";
import type { SourceRecord } from "../../model/record.ts";
import type { ColumnKind } from "../columns.ts";
import type { FieldColumn, TableColumn } from "./column.ts";
import type { NewestBy } from "./newest-row.ts";
import type { RecordFault } from "./record-fault.ts";
import type { ValueCheck } from "./value-checks.ts";

export interface TableDescription {
  readonly columns: readonly TableColumn[];
  /** Whether Tidemark made the table, so that its columns may be given wider types. */
  readonly ours: boolean;
  /** The sets of columns that the table keeps unique. */
  readonly uniqueKeys: readonly (readonly string[])[];
}

/** The rules by which a database creates and widens columns. */
export interface ColumnRules {
  /** The type of a new column of a kind. */
  typeOf(kind: ColumnKind): string;
  /** The same with its length or precision, as the database will declare it. */
  declaredFor(kind: ColumnKind): string;
  /** The kind of a new column that holds the value without loss. */
  kindFor(value: unknown, field: string): ColumnKind;
  /**
   * The kind that a column would have to become to hold the value whole; null where it holds it
   * already. `key` are the names of the key's columns.
   */
  widened(column: FieldColumn, value: unknown, key: readonly string[]): ColumnKind | null;
  /** Which values a column holds whole whatever they are, so that they need no closer look. */
  takes(column: FieldColumn, key: readonly string[]): Takes;
  /**
   * What a column of a type does not hold as it is, and would change or lose; null where it holds everything.
   * Into a column of bytes that is `made` from the source's goes nothing but bytes.
   */
  checkOf(column: FieldColumn, made: boolean): ValueCheck | null;
  /** A text that is equal for two names that are the same name to the database. */
  fold(name: string): string;
  /** Why no column can have this name; null where one can. */
  nameProblem(name: string): string | null;
  /** Whether the database's texts, and its JSON, cannot hold U+0000. */
  readonly refusesNul?: boolean;
  /** Whether a column keeps no blanks at the end of a text, as `char(n)` does. */
  dropsBlanks?(column: TableColumn): boolean;
  /** Whether a column keeps the number 1, the text `1` and such bytes as three values. */
  keepsKindsApart?(column: TableColumn): boolean;
  /** Whether every column takes texts and bytes alike and keeps them apart, whatever its type. */
  readonly keepsStorageClasses?: boolean;
}

/** A column of a key in which the database takes different texts for one. */
export interface InexactKey {
  readonly column: string;
  /** Why, as the end of a sentence: `its collation is utf8mb4_general_ci`. */
  readonly because: string;
  /** How it compares, in the database's own words, where a comparison has to say so. */
  readonly collation?: string;
}

export interface Takes {
  readonly everything: boolean;
  readonly strings: boolean;
  readonly integers: boolean;
  readonly fractions: boolean;
  readonly booleans: boolean;
}

/** Of a column that needs no look at its values, or that the database judges itself. */
export const takesEverything: Takes = {
  everything: true,
  strings: true,
  integers: true,
  fractions: true,
  booleans: true,
};

export interface Widening {
  readonly column: FieldColumn;
  readonly from: TableColumn;
}

/** Where rows go: the table itself, or the place where they wait for the commit. */
export interface Target {
  readonly table: string;
  readonly columns: readonly FieldColumn[];
  /** Names of the columns whose row a record replaces; empty where records are only added. */
  readonly key: readonly string[];
  /** Which rows keep their place since they are higher than the record; absent where any record replaces them. */
  readonly newest?: NewestBy;
  /** Those columns of the key in which another text may find a row. Absent where there are none. */
  readonly inexact?: readonly InexactKey[];
}

/**
 * The output's operations on tables in one database. Calls come one after another. Errors of the database come as
 * `TidemarkError` with `QUERY_FAILED` or `OUTPUT_UNAVAILABLE`.
 */
export interface TableStore {
  readonly rules: ColumnRules;
  begin(): Promise<void>;
  /** Ends the transaction. Throws also where the database undid it instead. */
  commit(): Promise<void>;
  /** Rolls back an open transaction, if there is one; never throws. */
  rollback(): Promise<void>;
  describe(table: string): Promise<TableDescription | null>;
  /**
   * Whether tables are changed within the transaction that writes the rows, and changed back where it is
   * undone. Where not, a change would end the transaction, so that it has to come before it begins.
   */
  readonly changesInTransaction: boolean;
  /**
   * Does the work, which changes tables, while no other writer does the like: within the open
   * transaction where that is where tables are changed, else outside of any.
   */
  changeTables(work: () => Promise<void>): Promise<void>;
  /** Bounds how long this session waits for others' locks, and how long others wait for this one if it stops. */
  limitWaits(leaseSeconds: number): Promise<void>;
  create(table: string, columns: readonly FieldColumn[], key: readonly string[]): Promise<void>;
  addColumns(table: string, columns: readonly FieldColumn[]): Promise<void>;
  widen(table: string, widenings: readonly Widening[]): Promise<void>;
  /**
   * Of two records of one key the later stays. Returns how many rows the table left out, as by a trigger.
   * Throws an error with a `faultOf` where the table does not take one of the records.
   */
  insert(target: Target, records: readonly SourceRecord[]): Promise<number>;
  /** The fault of a row that caused an error; null where the error is about something else. */
  faultOf(error: TidemarkError): RecordFault | null;
  /** Runs the work in a savepoint of the open transaction, and rolls it back where it throws. */
  savepoint<T>(work: () => Promise<T>): Promise<T>;
  /** Has constraints that wait for the end of the transaction be checked now, and at each statement from here on. */
  checkConstraints?(): Promise<void>;
  /** Which of the key's columns take different texts for one, by the table as it is. */
  inexactKeys(table: string, key: readonly string[]): Promise<readonly InexactKey[]>;
  /** The key of the row that an upsert of the record would replace, by column, as text; null where there is none. */
  storedKey(target: Target, record: SourceRecord): Promise<Readonly<Record<string, string>> | null>;
  /** The field that the database does not take, where its error does not say. Within a transaction. */
  fieldAtFault?(error: TidemarkError, target: Target, record: SourceRecord): Promise<string | null>;
  /** Creates a temporary table of this connection, where rows for the target wait. */
  createSpill(target: Target): Promise<Target>;
  /** As `insert`, into such a place, in a transaction of its own: all of the records or none. */
  insertWaiting(spill: Target, records: readonly SourceRecord[]): Promise<void>;
  /**
   * Whether what waits can be moved as a whole. Where not, since one statement would meet a row twice, it is
   * read back and inserted.
   */
  movesWhole(target: Target): boolean;
  /** Moves the rows of a temporary table to the table, in order. Returns and throws as `insert` does. */
  moveWaiting(spill: Target, target: Target): Promise<number>;
  /** Removes such a temporary table, outside of any transaction. */
  dropSpill(spill: Target): Promise<void>;
}

/** The column that keeps the order in which records came to wait. */
export const waitingOrder = "_tidemark_order";

/** The columns of a place that rows can be moved from: those that the target has. */
export function columnsOf(spill: Target, target: Target): readonly FieldColumn[] {
  const names = new Set(target.columns.map(({ name }) => name));
  return spill.columns.filter(({ name }) => names.has(name));
}

/** As `changeTables`, where no transaction is open. */
export function changeTablesAlone(store: TableStore, work: () => Promise<void>): Promise<void> {
  const change = () => store.changeTables(work);
  return store.changesInTransaction ? inTransaction(store, change) : change();
}

/** Does the work in a transaction of its own, undone where the work fails. */
export async function inTransaction<T>(store: TableStore, work: () => Promise<T>): Promise<T> {
  await store.begin();
  try {
    const result = await work();
    await store.commit();
    return result;
  } catch (error) {
    await store.rollback();
    throw error;
  }
}
