import { TidemarkError } from "../../errors.ts";
import type { SourceRecord } from "../../model/record.ts";
import type { ColumnKind, SqlConnection, SqlRow } from "../port.ts";
import type { FieldColumn, TableColumn } from "../table/column.ts";
import { commentMarker } from "../table/marker.ts";
import { type NewestBy, notNewer } from "../table/newest-row.ts";
import type { RecordFault } from "../table/record-fault.ts";
import {
  columnsOf,
  type InexactKey,
  inTransaction,
  type TableDescription,
  type TableStore,
  type Target,
  type Widening,
  waitingOrder,
} from "../table/store.ts";
import { mysqlRules } from "./column-rules.ts";
import { mysqlFault } from "./record-faults.ts";
import { rowWriter } from "./row-values.ts";
import { assertNoOtherKeys, inexactKeysOf, isTable, mysqlTexts, uniqueKeysOf } from "./table-keys.ts";
import { finishWidening, widenColumns, wordOf } from "./widening.ts";

/** How much a statement holds at most, in rows and in characters. */
const rowsAStatement = 2_000;
const charactersAStatement = 1024 * 1024;

/** The server's error number for a statement that is too large. */
const packetTooLarge = 1153;

/** How many characters of text, in four bytes each, an index holds. */
const indexCharacters = 768;

/** How long a connection may be idle while it holds no locks. */
const idleSeconds = 86_400;
/** The lock for schema changes: one writer at a time on the whole server. */
const schemaLock = "tidemark changes a table";

/** Columns of records that wait keep what they hold as it is; the table's own column judges it when it comes there. */
const waitingNumber = "DECIMAL(65,0)";

interface Insertion {
  readonly into: string;
  readonly conflict: string;
  readonly write: (record: SourceRecord) => string;
}

/** Tables in MySQL and MariaDB. */
export class MysqlTableStore implements TableStore {
  readonly rules = mysqlRules;
  readonly changesInTransaction = false;
  readonly #connection: SqlConnection;
  readonly #insertions = new WeakMap<Target, Insertion>();
  #leaseSeconds = idleSeconds;
  #inTransaction = false;
  #spills = 0;

  constructor(connection: SqlConnection) {
    this.#connection = connection;
  }

  /** An isolation level without gap locks, which would block writers of other rows. */
  async limitWaits(leaseSeconds: number): Promise<void> {
    this.#leaseSeconds = leaseSeconds;
    const wait = leaseSeconds + 5;
    await this.#connection.execute(
      `SET SESSION innodb_lock_wait_timeout = ${wait}, SESSION lock_wait_timeout = ${wait}`,
    );
    await this.#connection.execute("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED");
  }

  /** The server ends the session of a process that stopped in the middle of a commit. */
  async begin(): Promise<void> {
    await this.#connection.execute(`SET SESSION wait_timeout = ${this.#leaseSeconds}`);
    await this.#connection.execute("START TRANSACTION");
    this.#inTransaction = true;
  }

  async commit(): Promise<void> {
    this.#inTransaction = false;
    await this.#connection.execute("COMMIT");
    await this.#connection.execute(`SET SESSION wait_timeout = ${idleSeconds}`);
  }

  async rollback(): Promise<void> {
    if (!this.#inTransaction) return;
    this.#inTransaction = false;
    try {
      await this.#connection.execute("ROLLBACK");
      await this.#connection.execute(`SET SESSION wait_timeout = ${idleSeconds}`);
    } catch {
      // Without its connection the server undoes the transaction by itself.
    }
  }

  async changeTables(work: () => Promise<void>): Promise<void> {
    const [row] = await this.#connection.query("SELECT GET_LOCK(?1, ?2) AS taken", [
      schemaLock,
      this.#leaseSeconds + 5,
    ]);
    if (row?.taken !== 1) {
      throw new TidemarkError("OUTPUT_UNAVAILABLE", "another writer is changing tables on the server");
    }
    try {
      await work();
    } finally {
      // If the connection is lost, the lock is released.
      await this.#connection.query("SELECT RELEASE_LOCK(?1) AS released", [schemaLock]).catch(() => []);
    }
  }

  async describe(table: string): Promise<TableDescription | null> {
    const [found] = await this.#connection.query(
      `SELECT t.table_comment AS comment, t.table_type AS type, COALESCE(e.transactions, 'YES') AS transactions, t.engine AS engine
         FROM information_schema.tables t LEFT JOIN information_schema.engines e ON e.engine = t.engine
        WHERE ${isTable("t", table)}`,
    );
    if (found === undefined) return null;
    if (found.type === "BASE TABLE" && found.transactions !== "YES") throw withoutTransactions(table, found);
    const kinds = new Map((await this.#connection.columns(table))?.map(({ name, kind }) => [name, kind]));
    const columns = await this.#connection.query(
      `SELECT c.column_name AS name, c.data_type AS type, c.column_comment AS comment, c.column_type AS declared, c.extra AS extra,
              c.is_nullable AS nullable
         FROM information_schema.columns c WHERE ${isTable("c", table)} ORDER BY c.ordinal_position`,
    );
    if (await finishWidening(this, this.#connection, table, columns)) return this.describe(table);
    const json = await this.#checkedJson(table);
    const ours = String(found.comment).startsWith(commentMarker);
    return {
      columns: columns.map(({ name, type, declared, extra, nullable }) => ({
        name: String(name),
        kind: json.has(String(name))
          ? "json"
          : ours && declared === madeBoolean
            ? "boolean"
            : (kinds.get(String(name)) ?? "text"),
        type: String(type),
        declared: String(declared),
        array: false,
        computed: computedColumn.test(String(extra)),
        ...filledColumn({ type, extra, nullable }),
      })),
      ours,
      uniqueKeys: (await uniqueKeysOf(this.#connection, table))
        .filter(({ whole }) => whole)
        .map(({ columns }) => columns),
    };
  }

  /** Columns of text that a rule of the table keeps JSON in; only MariaDB tells of them by itself. */
  async #checkedJson(table: string): Promise<ReadonlySet<string>> {
    const [row] = await this.#connection.query(`SHOW CREATE TABLE ${this.#connection.dialect.table(table)}`);
    const sql = String(row?.["Create Table"] ?? "");
    const checks = sql.matchAll(/json_valid\(`((?:[^`]|``)+)`\)/gi);
    return new Set([...checks].map(([, name]) => (name ?? "").replaceAll("``", "`")));
  }

  async create(table: string, columns: readonly FieldColumn[], key: readonly string[]): Promise<void> {
    const lines = columns.map((column) =>
      key.includes(column.name)
        ? `${this.#keyDefinition(column, key.length)} NOT NULL`
        : this.definition(column),
    );
    if (key.length > 0) lines.push(`PRIMARY KEY (${this.#names(key)})`);
    await this.#connection.execute(
      `CREATE TABLE ${this.#connection.dialect.table(table)} (${lines.join(", ")})
        ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin
        COMMENT='${commentMarker}; as long as this comment says so, its columns may be given wider types.'`,
    );
  }

  async addColumns(table: string, columns: readonly FieldColumn[]): Promise<void> {
    if (columns.length === 0) return;
    const adds = columns.map((column) => `ADD COLUMN ${this.definition(column)}`);
    await this.#connection.execute(`ALTER TABLE ${this.#connection.dialect.table(table)} ${adds.join(", ")}`);
  }

  async widen(table: string, widenings: readonly Widening[]): Promise<void> {
    if (widenings.length === 0) return;
    const keys = await uniqueKeysOf(this.#connection, table);
    const changes = widenings.map(({ column, from }) => {
      const key = keys.find(({ columns }) => columns.includes(column.name));
      const definition =
        key === undefined
          ? this.definition(column)
          : `${this.#keyDefinition(column, key.columns.length)} NOT NULL`;
      return { name: column.name, definition, from: from.kind, to: column.kind };
    });
    await widenColumns(this.#connection, table, changes);
  }

  /** A column as `CREATE TABLE` and `ALTER TABLE` take it. */
  definition({ name, kind }: Pick<FieldColumn, "name" | "kind">): string {
    const { dialect } = this.#connection;
    const quoted = dialect.identifier(name);
    const check = kind === "json" ? ` CHECK (json_valid(${quoted}))` : "";
    return `${quoted} ${dialect.columnType(kind)}${check}`;
  }

  /** Texts and bytes in a key have a length, so that all of its columns fit into an index. */
  #keyDefinition({ name, kind }: FieldColumn, keyColumns: number): string {
    const { dialect } = this.#connection;
    const characters = Math.floor(indexCharacters / keyColumns);
    if (kind === "text" || kind === "json")
      return `${dialect.identifier(name)} ${dialect.keyType(characters)}`;
    if (kind === "bytes") return `${dialect.identifier(name)} VARBINARY(${characters * 4})`;
    return `${dialect.identifier(name)} ${dialect.columnType(kind)}`;
  }

  async insert(target: Target, records: readonly SourceRecord[]): Promise<number> {
    if (records.length === 0) return 0;
    const insertion = await this.#insertion(target);
    let from = 0;
    while (from < records.length) {
      let rows = "";
      let to = from;
      while (to < records.length && to - from < rowsAStatement && rows.length < charactersAStatement) {
        const record = records[to++];
        if (record !== undefined)
          rows += rows === "" ? insertion.write(record) : `,${insertion.write(record)}`;
      }
      // The last record made the statement too long.
      if (rows.length > 2 * charactersAStatement) await this.#assertNotTooLarge(rows);
      // It would arrive as U+FFFD. One check of the statement is cheaper than one per value.
      if (!rows.isWellFormed())
        throw new TidemarkError("RECORD_INVALID", "a text holds half of a surrogate pair");
      await this.#connection.execute(`${insertion.into}${rows}${insertion.conflict}`);
      from = to;
    }
    // No trigger of MySQL leaves out a row.
    return 0;
  }

  faultOf(error: TidemarkError): RecordFault | null {
    return mysqlFault(error);
  }

  async savepoint<T>(work: () => Promise<T>): Promise<T> {
    await this.#connection.execute("SAVEPOINT tidemark_part");
    try {
      return await work();
    } catch (error) {
      const isOfRows = error instanceof TidemarkError && mysqlFault(error) !== null;
      if (isOfRows) await this.#connection.execute("ROLLBACK TO SAVEPOINT tidemark_part");
      throw error;
    }
  }

  inexactKeys(table: string, key: readonly string[]): Promise<readonly InexactKey[]> {
    return inexactKeysOf(this.#connection, table, key);
  }

  async storedKey(target: Target, record: SourceRecord): Promise<Readonly<Record<string, string>> | null> {
    const { dialect } = this.#connection;
    const keys = target.columns.filter(({ name }) => target.key.includes(name));
    const names = this.#names(keys.map(({ name }) => name));
    const [row] = await this.#connection.query(
      `SELECT ${names} FROM ${dialect.table(target.table)} WHERE (${names}) = ${rowWriter(keys)(record)} LIMIT 1`,
    );
    if (row === undefined) return null;
    return Object.fromEntries(Object.entries(row).map(([name, value]) => [name, String(value)]));
  }

  /** The server would end the connection. */
  async #assertNotTooLarge(rows: string): Promise<void> {
    const [row] = await this.#connection.query("SELECT @@max_allowed_packet AS most");
    const bytes = Buffer.byteLength(rows);
    if (bytes < Number(row?.most) - charactersAStatement) return;
    throw new TidemarkError(
      "QUERY_FAILED",
      `it has about ${bytes} bytes, and the server's \`max_allowed_packet\` is ${row?.most}`,
      {
        hint: "Raise the server's `max_allowed_packet`, or leave out what makes the record so large.",
        details: { errno: packetTooLarge },
      },
    );
  }

  async #insertion(target: Target): Promise<Insertion> {
    const known = this.#insertions.get(target);
    if (known !== undefined) return known;
    if (target.key.length > 0) await assertNoOtherKeys(this.#connection, target);
    const { dialect } = this.#connection;
    const insertion: Insertion = {
      into: `INSERT INTO ${dialect.table(target.table)} (${this.#names(target.columns.map(({ name }) => name))}) VALUES `,
      conflict: this.#onDuplicate(target),
      write: rowWriter(target.columns),
    };
    this.#insertions.set(target, insertion);
    return insertion;
  }

  async createSpill(target: Target): Promise<Target> {
    const { dialect } = this.#connection;
    const table = `"_tidemark_spill_${++this.#spills}"`;
    const lines = target.columns.map(
      ({ name, kind }) => `${dialect.identifier(name)} ${this.#waitingType(kind)}`,
    );
    await this.#connection.execute(
      `CREATE TEMPORARY TABLE ${dialect.table(table)} (${dialect.identifier(waitingOrder)} BIGINT AUTO_INCREMENT PRIMARY KEY, ${lines.join(", ")}) ENGINE=InnoDB`,
    );
    return { table, columns: target.columns, key: [] };
  }

  #waitingType(kind: ColumnKind): string {
    if (kind === "integer" || kind === "boolean") return waitingNumber;
    return this.#connection.dialect.columnType(kind === "float" || kind === "bytes" ? kind : "text");
  }

  async insertWaiting(spill: Target, records: readonly SourceRecord[]): Promise<void> {
    await inTransaction(this, () => this.insert(spill, records));
  }

  async moveWaiting(spill: Target, target: Target): Promise<number> {
    const { dialect } = this.#connection;
    if (target.key.length > 0) await assertNoOtherKeys(this.#connection, target);
    const moved = columnsOf(spill, target);
    const columns = this.#names(moved.map(({ name }) => name));
    const kinds = new Map(target.columns.map(({ name, kind }) => [name, kind]));
    const values = moved.map(({ name, kind }) => {
      const column = dialect.identifier(name);
      // The column may have become text since.
      return kind === "boolean" && kinds.get(name) === "text" ? wordOf(column) : column;
    });
    const onDuplicate = this.#onDuplicate({ ...target, columns: moved });
    await this.#connection.execute(
      `INSERT INTO ${dialect.table(target.table)} (${columns}) SELECT ${values.join(", ")} FROM ${dialect.table(spill.table)}
        ORDER BY ${dialect.identifier(waitingOrder)}${onDuplicate}`,
    );
    return 0;
  }

  movesWhole(): boolean {
    return true;
  }

  async dropSpill(spill: Target): Promise<void> {
    await this.#connection.execute(`DROP TEMPORARY TABLE ${this.#connection.dialect.table(spill.table)}`);
  }

  #onDuplicate({ key, columns, newest, inexact = [] }: Target): string {
    if (key.length === 0) return "";
    const { dialect } = this.#connection;
    const changed = columns.filter(({ name }) => !key.includes(name));
    // The server assigns from left to right, so the column that decides is the last to change.
    const others = (changed.length === 0 ? columns : changed).filter(({ name }) => name !== newest?.column);
    const deciding = changed.filter(({ name }) => name === newest?.column);
    const isNotNewer = newest === undefined ? null : this.#notNewer(newest, columns);
    const set = [...others, ...deciding].map(({ name }) => {
      const quoted = dialect.identifier(name);
      return `${quoted} = ${isNotNewer === null ? `VALUES(${quoted})` : `IF(${isNotNewer}, VALUES(${quoted}), ${quoted})`}`;
    });
    // A row of another key that the column takes for this one fails the statement: it is never replaced.
    const same = inexact.map(({ column }) => {
      const quoted = dialect.identifier(column);
      const isSame = `CAST(${quoted} AS BINARY) = CAST(VALUES(${quoted}) AS BINARY)`;
      return `${quoted} = IF(${isSame}, ${quoted}, (SELECT 1 UNION SELECT 2))`;
    });
    return ` ON DUPLICATE KEY UPDATE ${[...same, ...set].join(", ")}`;
  }

  #notNewer({ column, order }: NewestBy, columns: readonly FieldColumn[]): string {
    const stored = this.#connection.dialect.identifier(column);
    const incoming = `VALUES(${stored})`;
    const isText = columns.some(({ name, kind }) => name === column && kind === "text");
    const ordered = isText ? notNewer(order, stored, incoming, mysqlTexts) : `${stored} <= ${incoming}`;
    return `${stored} IS NULL OR ${ordered}`;
  }

  #names(names: readonly string[]): string {
    return names.map((name) => this.#connection.dialect.identifier(name)).join(", ");
  }
}

/** How the servers write down the columns that are made for truth values. */
const madeBoolean = "tinyint(1)";

/** As `information_schema` says of columns that are computed, or kept by the server for a table's versions. */
const computedColumn = /\b(?:VIRTUAL|STORED|PERSISTENT) GENERATED\b|\bGENERATED ALWAYS AS ROW\b/i;

/** A TIMESTAMP that cannot be NULL takes NULL for now, unless `explicit_defaults_for_timestamp` is on. */
function filledColumn({ type, extra, nullable }: SqlRow): Pick<TableColumn, "nullBecomes"> {
  if (/auto_increment/i.test(String(extra))) return { nullBecomes: "its next number (AUTO_INCREMENT)" };
  return type === "timestamp" && nullable === "NO"
    ? { nullBecomes: "the current time (TIMESTAMP NOT NULL)" }
    : {};
}

function withoutTransactions(table: string, { engine }: SqlRow): TidemarkError {
  return new TidemarkError(
    "CONFIG_INCOHERENT",
    `the table ${table} is kept by ${engine}, which has no transactions, so that rows and position could not be committed together`,
    { hint: `Move it to InnoDB: ALTER TABLE ${table} ENGINE=InnoDB.` },
  );
}
