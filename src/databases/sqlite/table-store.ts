import type { SQLInputValue, StatementSync } from "node:sqlite";
import { TidemarkError } from "../../errors.ts";
import type { SourceRecord } from "../../model/record.ts";
import { quoted } from "../names.ts";
import type { SqlRow } from "../port.ts";
import type { FieldColumn, TableColumn } from "../table/column.ts";
import { textMarker } from "../table/marker.ts";
import type { RecordFault } from "../table/record-fault.ts";
import {
  columnsOf,
  type InexactKey,
  type TableDescription,
  type TableStore,
  type Target,
  type Widening,
  waitingOrder,
} from "../table/store.ts";
import { affinityOf } from "./affinity.ts";
import { sqliteRules } from "./column-rules.ts";
import {
  brokenKey,
  brokenKeyError,
  explainedCommit,
  type ForeignKey,
  foreignKeysOf,
} from "./foreign-keys.ts";
import { sqliteFault } from "./record-faults.ts";
import { type Encoder, encode, encoderOf } from "./row-values.ts";
import type { SqliteSession } from "./session.ts";
import { inexactKeysOf, nameOf, onConflict } from "./table-keys.ts";
import { kindOfDeclaredType } from "./values.ts";
import { rebuildTable } from "./widening.ts";
import { takeWriteTurn } from "./write-lock.ts";

/**
 * How many parameters a statement has at most. Rows go in several a statement, which takes half the
 * time of one by one: 1.5 million narrow rows a second against 0.8 (one core, file in WAL mode).
 */
const parametersAStatement = 256;
const rowsAStatement = 32;

const replacing = /\bON\s+CONFLICT\s+REPLACE\b/i;

interface Insertion {
  readonly encoders: readonly Encoder[];
  readonly many: StatementSync;
  readonly manyRows: number;
  readonly one: StatementSync;
  readonly countsRows: boolean;
}

/** Tables in SQLite, by prepared statements that work at once. */
export class SqliteTableStore implements TableStore {
  readonly rules = sqliteRules;
  readonly changesInTransaction = true;
  readonly #connection: SqliteSession;
  readonly #insertions = new WeakMap<Target, Insertion>();
  /** Tables with a conflict clause that deletes other rows, or puts a default in the place of NULL. */
  readonly #replacing = new Set<string>();
  /** Those that the rows of the transaction are looked at for; null as long as SQLite alone looks at them. */
  #foreignKeys: Map<string, ForeignKey[]> | null = null;
  #endTurn: (() => void) | null = null;
  #spills = 0;

  constructor(connection: SqliteSession) {
    this.#connection = connection;
  }

  async begin(): Promise<void> {
    this.#foreignKeys = null;
    const endTurn = await takeWriteTurn(this.#connection.identity);
    try {
      this.#exec("BEGIN IMMEDIATE");
      this.#endTurn = endTurn;
    } catch (error) {
      endTurn();
      throw error;
    }
  }

  async commit(): Promise<void> {
    try {
      this.#exec("COMMIT");
    } catch (error) {
      throw explainedCommit(error);
    }
    this.#endTurn?.();
    this.#endTurn = null;
  }

  /**
   * SQLite looks at deferred foreign keys at the end of the transaction alone, and then names no row. From here
   * on each row's keys are looked up as it is written.
   */
  async checkConstraints(): Promise<void> {
    this.#foreignKeys = new Map();
  }

  async rollback(): Promise<void> {
    const { handle } = this.#connection;
    if (handle.isOpen && handle.isTransaction) handle.exec("ROLLBACK");
    this.#endTurn?.();
    this.#endTurn = null;
  }

  /** There is one bound for all, set with the connection. */
  async limitWaits(): Promise<void> {}

  /** A write transaction keeps every other writer out by itself. */
  changeTables(work: () => Promise<void>): Promise<void> {
    return work();
  }

  async describe(table: string): Promise<TableDescription | null> {
    const { schema, name } = nameOf(table);
    const rows = await this.#connection.query(
      "SELECT name, type, pk, hidden FROM pragma_table_xinfo(?1, ?2) WHERE hidden <> 1",
      [name, schema],
    );
    if (rows.length === 0) return null;
    const [made] = await this.#connection.query(
      `SELECT sql FROM ${quoted(schema)}.sqlite_schema WHERE type = 'table' AND lower(name) = lower(?1)`,
      [name],
    );
    const primary = rows.filter(({ pk }) => Number(pk) > 0).map((row) => String(row.name));
    const indexed = await this.#connection.query(
      `SELECT i.name AS "index", c.name AS "column" FROM pragma_index_list(?1, ?2) i
        JOIN pragma_index_info(i.name, ?2) c WHERE i."unique" = 1 AND i.partial = 0 ORDER BY i.name, c.seqno`,
      [name, schema],
    );
    const byIndex = Map.groupBy(indexed, (row) => String(row.index));
    const sql = String(made?.sql ?? "");
    if (replacing.test(sql)) this.#replacing.add(table);
    return {
      columns: rows.map((row) => ({
        ...tableColumn(String(row.name), String(row.type)),
        ...filledColumn(row, primary),
        // 2 and 3 are columns that are computed, when they are read or when they are written.
        computed: Number(row.hidden) > 1,
      })),
      ours: sql.includes(textMarker),
      uniqueKeys: [
        ...(primary.length > 0 ? [primary] : []),
        ...[...byIndex.values()]
          // The column of an expression has no name, and no key can be told by it.
          .filter((columns) => columns.every(({ column }) => column !== null))
          .map((columns) => columns.map(({ column }) => String(column))),
      ],
    };
  }

  async create(table: string, columns: readonly FieldColumn[], key: readonly string[]): Promise<void> {
    const lines = columns.map(
      ({ name, type }) => `${quoted(name)} ${type}${key.includes(name) ? " NOT NULL" : ""}`,
    );
    if (key.length > 0) lines.push(`PRIMARY KEY (${key.map(quoted).join(", ")})`);
    this.#exec(
      `CREATE TABLE ${this.#connection.dialect.table(table)} ( ${textMarker}\n  ${lines.join(",\n  ")}\n)`,
    );
  }

  async addColumns(table: string, columns: readonly FieldColumn[]): Promise<void> {
    for (const { name, type } of columns) {
      this.#exec(`ALTER TABLE ${this.#connection.dialect.table(table)} ADD COLUMN ${quoted(name)} ${type}`);
    }
  }

  async widen(table: string, widenings: readonly Widening[]): Promise<void> {
    try {
      rebuildTable(this.#connection.handle, nameOf(table), widenings);
    } catch (error) {
      throw this.#connection.errorOf(error);
    }
  }

  async insert(target: Target, records: readonly SourceRecord[]): Promise<number> {
    const { encoders, many, manyRows, one, countsRows } = this.#insertion(target);
    const width = encoders.length;
    const params: SQLInputValue[] = new Array(manyRows * width);
    let taken = 0;
    let done = 0;
    const last = records.length - (records.length % manyRows);
    while (done < last) {
      let at = 0;
      for (let row = 0; row < manyRows; row++)
        at = encode(records[done + row], target.columns, encoders, params, at);
      taken += this.#run(many, params);
      done += manyRows;
    }
    const single: SQLInputValue[] = new Array(width);
    for (; done < records.length; done++) {
      encode(records[done], target.columns, encoders, single, 0);
      taken += this.#run(one, single);
    }
    if (this.#foreignKeys !== null) this.#lookUpReferences(target, records, this.#foreignKeys);
    return countsRows ? records.length - taken : 0;
  }

  #lookUpReferences(
    target: Target,
    records: readonly SourceRecord[],
    known: Map<string, ForeignKey[]>,
  ): void {
    const { table, columns } = target;
    const keys = known.get(table) ?? foreignKeysOf(this.#connection.handle, nameOf(table));
    known.set(table, keys);
    if (keys.length === 0) return;
    const { encoders } = this.#insertion(target);
    const places: number[] = [];
    let first: ForeignKey | null = null;
    for (const [place, record] of records.entries()) {
      const broken = brokenKey(keys, (name) => {
        const at = columns.findIndex((column) => column.name.toLowerCase() === name.toLowerCase());
        return columns[at] === undefined ? undefined : encoders[at]?.(record[columns[at].field]);
      });
      if (broken === null) continue;
      first ??= broken;
      places.push(place);
    }
    if (first !== null) throw brokenKeyError(nameOf(table).name, first, places);
  }

  #run(statement: StatementSync, params: readonly SQLInputValue[]): number {
    try {
      return Number(statement.run(...params).changes);
    } catch (error) {
      throw this.#connection.errorOf(error);
    }
  }

  faultOf(error: TidemarkError): RecordFault | null {
    return sqliteFault(error);
  }

  async savepoint<T>(work: () => Promise<T>): Promise<T> {
    this.#exec("SAVEPOINT tidemark_part");
    try {
      const result = await work();
      this.#exec("RELEASE tidemark_part");
      return result;
    } catch (error) {
      const isOfRows = error instanceof TidemarkError && sqliteFault(error) !== null;
      // A trigger may have undone the whole transaction.
      if (isOfRows && this.#connection.handle.isTransaction)
        this.#exec("ROLLBACK TO tidemark_part; RELEASE tidemark_part");
      throw error;
    }
  }

  inexactKeys(table: string, key: readonly string[]): Promise<readonly InexactKey[]> {
    return inexactKeysOf(this.#connection, nameOf(table), key);
  }

  async storedKey(target: Target, record: SourceRecord): Promise<Readonly<Record<string, string>> | null> {
    const keys = target.columns.filter(({ name }) => target.key.includes(name));
    const collations = new Map(target.inexact?.map(({ column, collation }) => [column, collation]));
    const conditions = keys.map(({ name }) => {
      const collation = collations.get(name);
      return `${quoted(name)}${collation === undefined ? "" : ` COLLATE ${collation}`} = ?`;
    });
    const params: SQLInputValue[] = [];
    encode(
      record,
      keys,
      keys.map((column) => encoderOf(column, target.key)),
      params,
      0,
    );
    const shown = keys.map(({ name }) => `CAST(${quoted(name)} AS TEXT) AS ${quoted(name)}`);
    const row = this.#prepare(
      `SELECT ${shown.join(", ")} FROM ${this.#connection.dialect.table(target.table)} WHERE ${conditions.join(" AND ")}`,
    ).get(...params);
    if (row === undefined) return null;
    return Object.fromEntries(Object.entries(row).map(([name, value]) => [name, String(value)]));
  }

  #insertion(target: Target): Insertion {
    const known = this.#insertions.get(target);
    if (known !== undefined) return known;
    const { columns } = target;
    const manyRows = Math.max(1, Math.min(rowsAStatement, Math.floor(parametersAStatement / columns.length)));
    const into = `${this.#insertInto(target)} (${columns.map(({ name }) => quoted(name)).join(", ")})`;
    const row = `(${columns.map(() => "?").join(", ")})`;
    const conflict = onConflict(target);
    const prepare = (rows: number) =>
      this.#prepare(`${into} VALUES ${Array(rows).fill(row).join(", ")}${conflict}`);
    const insertion: Insertion = {
      encoders: columns.map((column) => encoderOf(column, target.key)),
      manyRows,
      many: prepare(manyRows),
      one: prepare(1),
      countsRows: this.#countsRows(target),
    };
    this.#insertions.set(target, insertion);
    return insertion;
  }

  /** A clause of the statement goes before those of the table. */
  #insertInto({ table }: Target): string {
    const orAbort = this.#replacing.has(table) ? " OR ABORT" : "";
    return `INSERT${orAbort} INTO ${this.#connection.dialect.table(table)}`;
  }

  /** In the connection's temporary database, so that the file stays free for other writers. */
  async createSpill(target: Target): Promise<Target> {
    const table = `temp._tidemark_spill_${++this.#spills}`;
    const columns = target.columns.map(({ name, type }) => `${quoted(name)} ${type}`);
    columns.push(`${quoted(waitingOrder)} INTEGER PRIMARY KEY`);
    this.#exec(`CREATE TABLE ${this.#connection.dialect.table(table)} (${columns.join(", ")})`);
    return { table, columns: target.columns, key: [] };
  }

  async insertWaiting(spill: Target, records: readonly SourceRecord[]): Promise<void> {
    this.#exec("BEGIN");
    try {
      await this.insert(spill, records);
      this.#exec("COMMIT");
    } catch (error) {
      await this.rollback();
      throw error;
    }
  }

  async moveWaiting(spill: Target, target: Target): Promise<number> {
    const { dialect } = this.#connection;
    const moved = { ...target, columns: columnsOf(spill, target) };
    const columns = moved.columns.map(({ name }) => quoted(name)).join(", ");
    const statement = this.#prepare(`${this.#insertInto(target)} (${columns})
        SELECT ${columns} FROM ${dialect.table(spill.table)} WHERE true
        ORDER BY ${quoted(waitingOrder)}${onConflict(moved)}`);
    const taken = this.#run(statement, []);
    if (!this.#countsRows(moved)) return 0;
    const rows = this.#prepare(`SELECT count(*) AS rows FROM ${dialect.table(spill.table)}`).get()?.rows;
    return Number(rows) - taken;
  }

  movesWhole(): boolean {
    return true;
  }

  async dropSpill(spill: Target): Promise<void> {
    this.#exec(`DROP TABLE ${this.#connection.dialect.table(spill.table)}`);
  }

  /** Whether SQLite reports each row that it took: not existing rows, nor what a view's trigger does. */
  #countsRows({ table, key, columns, inexact }: Target): boolean {
    const { schema, name } = nameOf(table);
    const isView = this.#prepare(
      `SELECT 1 FROM ${quoted(schema)}.sqlite_schema WHERE type = 'view' AND lower(name) = lower(?)`,
    ).get(name);
    if (isView !== undefined) return false;
    return key.length === 0 || inexact !== undefined || columns.some((column) => !key.includes(column.name));
  }

  #exec(sql: string): void {
    try {
      this.#connection.handle.exec(sql);
    } catch (error) {
      throw this.#connection.errorOf(error, sql);
    }
  }

  #prepare(sql: string): StatementSync {
    try {
      return this.#connection.handle.prepare(sql);
    } catch (error) {
      throw this.#connection.errorOf(error, sql);
    }
  }
}

function tableColumn(name: string, type: string): TableColumn {
  const kind = kindOfDeclaredType(type) ?? (affinityOf(type) === "numeric" ? "decimal" : "text");
  return { name, kind, type, array: false };
}

/** The row's own number. */
function filledColumn({ name, type }: SqlRow, primary: readonly string[]): Pick<TableColumn, "nullBecomes"> {
  const isNumber = primary.length === 1 && primary[0] === name && String(type).toUpperCase() === "INTEGER";
  return isNumber ? { nullBecomes: "the row's next number (INTEGER PRIMARY KEY)" } : {};
}
