import { TidemarkError } from "../../errors.ts";
import type { SourceRecord } from "../../model/record.ts";
import { tableNameParts } from "../names.ts";
import type { ColumnKind } from "../port.ts";
import type { FieldColumn } from "../table/column.ts";
import { lastOfEachKey } from "../table/key-text.ts";
import { commentMarker } from "../table/marker.ts";
import { notNewer } from "../table/newest-row.ts";
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
import { postgresRules } from "./column-rules.ts";
import { CopyIn } from "./copy.ts";
import { postgresFault } from "./record-faults.ts";
import { columnLiteral, requireText } from "./row-values.ts";
import type { PostgresSession } from "./session.ts";
import { inexactKeysOf, postgresTexts } from "./table-keys.ts";
import { kindOfType } from "./values.ts";

/**
 * Rows a statement. `INSERT … SELECT FROM unnest` of one array a column took 5,000 narrow rows in 12 ms
 * (append) and 34 ms (upsert) where rows as parameters took 31 and 42, and JSON 17 and 43; an upsert by
 * COPY and a temporary table took as long. `CopyIn` is for rows that replace none.
 */
const rowsAStatement = 5_000;

/** Types of keys in which two texts are one value only if they are one text. */
const plainKeyTypes = new Set(["text", "character varying", "bigint", "integer", "smallint", "boolean"]);

/**
 * The columns of a table, by its OID. A type without length is worded as one that takes any: `bpchar`
 * and `"bit"`, since `character` and `bit` by themselves hold a single character or bit. What a domain
 * is made of is found through every domain on the way, and so is what an array's elements are. With `money` comes
 * an amount as the server writes it.
 */
const columnsOfTable = `
  SELECT a.attname AS name, format_type(a.atttypid, -1) AS type, b.oid AS base,
         CASE b.oid WHEN 790 THEN 'money ' || 1234567.89::numeric::money::text
                    WHEN 791 THEN 'money ' || 1234567.89::numeric::money::text || '[]'
                    ELSE COALESCE(element.declared || '[]', format_type(b.oid, b.modifier)) END AS declared,
         b.typcategory = 'A' AS "array", b.typcategory = 'A' OR b.typtype = 'c' OR b.typdelim <> ',' AS apart,
         a.attgenerated <> '' AS computed, a.attidentity = 'a' AS identity
    FROM pg_attribute a CROSS JOIN LATERAL (
      WITH RECURSIVE step(oid, modifier, depth) AS (
        SELECT a.atttypid, a.atttypmod, 0
        UNION ALL
        SELECT d.typbasetype, d.typtypmod, step.depth + 1
          FROM step JOIN pg_type d ON d.oid = step.oid WHERE d.typtype = 'd'
      )
      SELECT t.oid, step.modifier, t.typcategory, t.typtype, t.typdelim, t.typelem
        FROM step JOIN pg_type t ON t.oid = step.oid ORDER BY step.depth DESC LIMIT 1
    ) b LEFT JOIN LATERAL (
      WITH RECURSIVE step(oid, modifier, depth) AS (
        SELECT e.oid, b.modifier, 0 FROM pg_type e WHERE e.oid = b.typelem AND e.typarray = b.oid
        UNION ALL
        SELECT d.typbasetype, d.typtypmod, step.depth + 1
          FROM step JOIN pg_type d ON d.oid = step.oid WHERE d.typtype = 'd'
      )
      SELECT format_type(step.oid, step.modifier) AS declared FROM step ORDER BY step.depth DESC LIMIT 1
    ) element ON true
   WHERE a.attrelid = $1 AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum`;

/** An arbitrary lock number that other programs are unlikely to use. */
const schemaLock = "7203488105441";

/** Tables in PostgreSQL. */
export class PostgresTableStore implements TableStore {
  readonly rules = postgresRules;
  readonly changesInTransaction = true;
  readonly #connection: PostgresSession;
  readonly #copyIn: CopyIn;
  #spills = 0;
  #defersConstraints = false;
  #inTransaction = false;

  constructor(connection: PostgresSession) {
    this.#connection = connection;
    this.#copyIn = new CopyIn(connection);
  }

  async begin(): Promise<void> {
    await this.#connection.begin();
    this.#inTransaction = true;
  }

  async commit(): Promise<void> {
    let command: string;
    this.#inTransaction = false;
    try {
      command = await this.#connection.commit();
    } catch (error) {
      throw this.#connection.errorOf(error, "COMMIT");
    }
    // COMMIT rolls back a failed transaction without an error.
    this.#copyIn.ended({ committed: command === "COMMIT" });
    if (command !== "COMMIT") {
      throw new TidemarkError(
        "OUTPUT_FAILED",
        `the database undid the transaction (${command}) instead of committing it`,
      );
    }
  }

  async rollback(): Promise<void> {
    this.#inTransaction = false;
    this.#copyIn.ended({ committed: false });
    await this.#connection.rollback();
  }

  /** The server ends the session of a process that stopped in the middle of a commit. */
  async limitWaits(leaseSeconds: number): Promise<void> {
    const lease = leaseSeconds * 1000;
    await this.#connection.execute(`SET idle_in_transaction_session_timeout = ${lease}`);
    await this.#connection.execute(`SET lock_timeout = ${lease + 5_000}`);
  }

  /** The lock ends with the transaction. */
  async changeTables(work: () => Promise<void>): Promise<void> {
    await this.#connection.query(`SELECT pg_advisory_xact_lock(${schemaLock})`);
    await work();
  }

  async describe(table: string): Promise<TableDescription | null> {
    const { dialect } = this.#connection;
    const name = dialect.table(table);
    const [found] = await this.#connection.query(
      `SELECT c.oid, obj_description(c.oid, 'pg_class') AS comment, c.relkind IN ('r', 'p') AND NOT c.relhasrules AS plain,
              EXISTS (SELECT 1 FROM pg_trigger t WHERE t.tgrelid = c.oid AND t.tginitdeferred) AS deferred
         FROM pg_class c WHERE c.oid = to_regclass($1)`,
      [name],
    );
    if (found === undefined) return null;
    this.#copyIn.found(table, found.plain === true);
    this.#defersConstraints = found.deferred === true;
    const oid = Number(found.oid);
    const columns = await this.#connection.query(columnsOfTable, [oid]);
    const keys = await this.#connection.query(
      `SELECT array_agg(a.attname::text ORDER BY a.attnum) AS columns
         FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey[0:i.indnkeyatts - 1])
        WHERE i.indrelid = $1 AND i.indisunique AND i.indimmediate AND i.indisvalid
          AND i.indpred IS NULL AND i.indexprs IS NULL
        GROUP BY i.indexrelid`,
      [oid],
    );
    return {
      columns: columns.map((column) => ({
        name: String(column.name),
        kind: kindOfType(Number(column.base)),
        type: String(column.type),
        declared: String(column.declared),
        array: column.array === true,
        apart: column.apart === true,
        computed: column.computed === true,
        identity: column.identity === true,
      })),
      ours: String(found.comment ?? "").startsWith(commentMarker),
      uniqueKeys: keys.map((key) => (Array.isArray(key.columns) ? key.columns.map(String) : [])),
    };
  }

  async create(table: string, columns: readonly FieldColumn[], key: readonly string[]): Promise<void> {
    const { dialect } = this.#connection;
    const name = dialect.table(table);
    const lines = columns.map((column) => `${dialect.identifier(column.name)} ${column.type}`);
    if (key.length > 0) lines.push(`PRIMARY KEY (${this.#names(key)})`);
    await this.#connection.execute(`CREATE TABLE ${name} (${lines.join(", ")})`);
    await this.#connection.execute(
      `COMMENT ON TABLE ${name} IS '${commentMarker}; as long as this comment says so, its columns may be given wider types.'`,
    );
    this.#copyIn.made(table);
  }

  async addColumns(table: string, columns: readonly FieldColumn[]): Promise<void> {
    if (columns.length === 0) return;
    const { dialect } = this.#connection;
    const adds = columns.map(({ name, type }) => `ADD COLUMN ${dialect.identifier(name)} ${type}`);
    await this.#connection.execute(`ALTER TABLE ${dialect.table(table)} ${adds.join(", ")}`);
  }

  async widen(table: string, widenings: readonly Widening[]): Promise<void> {
    if (widenings.length === 0) return;
    const { dialect } = this.#connection;
    const changes = widenings.map(({ column: { name, type, kind }, from }) => {
      const quoted = dialect.identifier(name);
      // A truth value becomes 1 or 0 by way of `integer` alone.
      const value = from.kind === "boolean" && kind !== "text" ? `${quoted}::integer` : quoted;
      return `ALTER COLUMN ${quoted} TYPE ${type} USING ${value}::${type}`;
    });
    await this.#connection.execute(`ALTER TABLE ${dialect.table(table)} ${changes.join(", ")}`);
  }

  async insert(target: Target, records: readonly SourceRecord[]): Promise<number> {
    const leftOut = this.#inTransaction ? await this.#copyIn.insert(target, records) : null;
    if (leftOut !== null) return leftOut;
    const sql = this.#insertSql(target);
    const keyFields = target.columns.filter(({ name }) => target.key.includes(name));
    let without = 0;
    for (let from = 0; from < records.length; from += rowsAStatement) {
      const part = lastOfEachKey(records.slice(from, from + rowsAStatement), keyFields);
      const literals = target.columns.map((column) => columnLiteral(part, column));
      for (const literal of literals) requireText(literal);
      const taken = await this.#connection.execute(sql, literals);
      if (countsRows(target)) without += part.length - taken;
    }
    return without;
  }

  faultOf(error: TidemarkError): RecordFault | null {
    return postgresFault(error);
  }

  async savepoint<T>(work: () => Promise<T>): Promise<T> {
    await this.#connection.execute("SAVEPOINT tidemark_part");
    try {
      const result = await work();
      await this.#connection.execute("RELEASE SAVEPOINT tidemark_part");
      return result;
    } catch (error) {
      const isOfRows = error instanceof TidemarkError && postgresFault(error) !== null;
      if (isOfRows) await this.#connection.execute("ROLLBACK TO SAVEPOINT tidemark_part");
      throw error;
    }
  }

  async checkConstraints(): Promise<void> {
    if (this.#defersConstraints) await this.#connection.execute("SET CONSTRAINTS ALL IMMEDIATE");
  }

  inexactKeys(table: string, key: readonly string[]): Promise<readonly InexactKey[]> {
    return inexactKeysOf(this.#connection, table, key);
  }

  async storedKey(target: Target, record: SourceRecord): Promise<Readonly<Record<string, string>> | null> {
    const { dialect } = this.#connection;
    const keys = target.columns.filter(({ name }) => target.key.includes(name));
    const collations = new Map(target.inexact?.map(({ column, collation }) => [column, collation]));
    const shown = keys.map(({ name }) => `${dialect.identifier(name)}::text AS ${dialect.identifier(name)}`);
    const conditions = keys.map(({ name, type }, at) => {
      const collation = collations.get(name);
      const value = `($${at + 1}::${type}[])[1]${collation === undefined ? "" : ` COLLATE ${collation}`}`;
      return `${dialect.identifier(name)} = ${value}`;
    });
    const literals = keys.map((column) => columnLiteral([record], column));
    const sql = `SELECT ${shown.join(", ")} FROM ${dialect.table(target.table)} WHERE ${conditions.join(" AND ")}`;
    const [row] = await this.#connection.query(sql, literals);
    return row === undefined
      ? null
      : Object.fromEntries(Object.entries(row).map(([name, text]) => [name, String(text)]));
  }

  /** Reads the value of each column as the statement does, to see which of them the server cannot read. */
  async fieldAtFault(error: TidemarkError, target: Target, record: SourceRecord): Promise<string | null> {
    const { sqlState } = error.details ?? {};
    if (typeof sqlState !== "string" || !/^(?:22|42|3F|0A|XX)/.test(sqlState)) return null;
    for (const column of target.columns) {
      const list = travelsAsText(column) ? "text" : column.type;
      const sql = `SELECT ($1::${list}[])[1]::${column.type} AS value`;
      try {
        await this.savepoint(() => this.#connection.query(sql, [columnLiteral([record], column)]));
      } catch (found) {
        if (!(found instanceof TidemarkError) || postgresFault(found) === null) throw found;
        return column.field;
      }
    }
    return null;
  }

  #insertSql(target: Target): string {
    const { dialect } = this.#connection;
    const { columns } = target;
    const arrays = columns.map(
      (column, at) => `$${at + 1}::${travelsAsText(column) ? "text" : column.type}[]`,
    );
    const values = columns.map((column, at) =>
      travelsAsText(column) ? `v.c${at}::${column.type}` : `v.c${at}`,
    );
    const names = columns.map((_, at) => `c${at}`);
    return `INSERT INTO ${dialect.table(target.table)} (${this.#names(columns.map(({ name }) => name))})${overriding(columns)}
      SELECT ${values.join(", ")} FROM unnest(${arrays.join(", ")}) AS v(${names.join(", ")})${this.#onConflict(target)}`;
  }

  async createSpill(target: Target): Promise<Target> {
    const { dialect } = this.#connection;
    const table = `pg_temp._tidemark_spill_${++this.#spills}`;
    const lines = target.columns.map(({ name, type }) => `${dialect.identifier(name)} ${type}`);
    lines.push(`${waitingOrder} bigint GENERATED ALWAYS AS IDENTITY`);
    // Kept unique while it fills, since what is moved in one statement may not have a key twice.
    const key = this.movesWhole(target) ? target.key : [];
    if (key.length > 0) lines.push(`UNIQUE (${this.#names(key)})`);
    await this.#connection.execute(`CREATE TABLE ${dialect.table(table)} (${lines.join(", ")})`);
    return { table, columns: target.columns, key };
  }

  async insertWaiting(spill: Target, records: readonly SourceRecord[]): Promise<void> {
    await inTransaction(this, () => this.insert(spill, records));
  }

  movesWhole({ key, columns, inexact }: Target): boolean {
    if (inexact !== undefined) return false;
    return columns.every(({ name, type }) => !key.includes(name) || plainKeyTypes.has(type));
  }

  async dropSpill(spill: Target): Promise<void> {
    await this.#connection.execute(`DROP TABLE ${this.#connection.dialect.table(spill.table)}`);
  }

  async moveWaiting(spill: Target, target: Target): Promise<number> {
    const { dialect } = this.#connection;
    const moved = { ...target, columns: columnsOf(spill, target) };
    const columns = this.#names(moved.columns.map(({ name }) => name));
    const kinds = new Map(target.columns.map(({ name, kind }) => [name, kind]));
    const values = moved.columns.map(({ name, kind }) => {
      const column = dialect.identifier(name);
      // The column may have become one of numbers since.
      return kind === "boolean" && isNumeric(kinds.get(name)) ? `${column}::integer` : column;
    });
    const from = dialect.table(spill.table);
    const taken = await this.#connection.execute(
      `INSERT INTO ${dialect.table(target.table)} (${columns})${overriding(target.columns)}
        SELECT ${values.join(", ")} FROM ${from} ORDER BY ${waitingOrder}${this.#onConflict(moved)}`,
    );
    if (!countsRows(moved)) return 0;
    const [waiting] = await this.#connection.query(`SELECT count(*)::int AS rows FROM ${from}`);
    return Number(waiting?.rows) - taken;
  }

  #onConflict({ table, key, columns, newest, inexact = [] }: Target): string {
    if (key.length === 0) return "";
    const { dialect } = this.#connection;
    const own = dialect.identifier(tableNameParts(table).at(-1) ?? table);
    const set = columns
      .filter(({ name }) => !key.includes(name))
      .map(({ name }) => `${dialect.identifier(name)} = EXCLUDED.${dialect.identifier(name)}`);
    // If the column treats another row's key as equal, the statement fails; that row is never replaced.
    set.push(
      ...inexact.map(({ column }) => {
        const name = dialect.identifier(column);
        const stored = `${own}.${name}`;
        const isSame = `${stored}::text COLLATE "C" = EXCLUDED.${name}::text COLLATE "C"`;
        return `${name} = CASE WHEN ${isSame} THEN ${stored} ELSE (${stored}::text || (1 / (0 * length(${stored}::text)))::text) END`;
      }),
    );
    if (set.length === 0) return ` ON CONFLICT (${this.#names(key)}) DO NOTHING`;
    const update = ` ON CONFLICT (${this.#names(key)}) DO UPDATE SET ${set.join(", ")}`;
    if (newest === undefined) return update;
    const column = dialect.identifier(newest.column);
    const [stored, incoming] = [`${own}.${column}`, `EXCLUDED.${column}`];
    const isText = columns.some(({ name, kind }) => name === newest.column && kind === "text");
    const ordered = isText
      ? notNewer(newest.order, stored, incoming, postgresTexts)
      : `${stored} <= ${incoming}`;
    return `${update} WHERE ${stored} IS NULL OR ${ordered}`;
  }

  #names(names: readonly string[]): string {
    return names.map((name) => this.#connection.dialect.identifier(name)).join(", ");
  }
}

function isNumeric(kind: ColumnKind | undefined): boolean {
  return kind === "integer" || kind === "decimal" || kind === "float";
}

/** `unnest` would take lists apart into their innermost elements, and composites into their fields. */
function travelsAsText({ array, apart }: FieldColumn): boolean {
  return array || apart === true;
}

/** Whether the server reports each row that it took: `DO NOTHING` does not report existing rows. */
function countsRows({ key, columns, inexact }: Target): boolean {
  return key.length === 0 || inexact !== undefined || columns.some(({ name }) => !key.includes(name));
}

/** An identity column takes the record's own number, as it does from `pg_dump` and from replication. */
function overriding(columns: readonly FieldColumn[]): string {
  return columns.some(({ identity }) => identity === true) ? " OVERRIDING SYSTEM VALUE" : "";
}
