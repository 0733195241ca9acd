import { TidemarkError } from "../../errors.ts";
import type { SourceRecord } from "../../model/record.ts";
import { tableNameParts } from "../../sql/dialects.ts";
import type { ColumnKind } from "../../sql/port.ts";
import type { PostgresConnection } from "../../sql/postgres/connection.ts";
import { kindOfType } from "../../sql/postgres/types.ts";
import { CopyIn } from "./postgres-copy.ts";
import { columnLiteral, lastOfEachKey } from "./postgres-literals.ts";
import { postgresRules } from "./postgres-rules.ts";
import { refusedRecord } from "./refused-record.ts";
import type { FieldColumn, TableDescription, TableStore, Target, Widening } from "./table-store.ts";

/** The table's comment; it goes with the table wherever that goes. */
const marker = "Made by Tidemark";

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
 * is made of is found through every domain on the way. With `money` comes an amount as the server writes it.
 */
const columnsOfTable = `
  SELECT a.attname AS name, format_type(a.atttypid, -1) AS type, b.oid AS base,
         CASE b.oid WHEN 790 THEN 'money ' || 1234567.89::numeric::money::text
                    WHEN 791 THEN 'money ' || 1234567.89::numeric::money::text || '[]'
                    ELSE format_type(b.oid, b.modifier) END AS declared,
         b.typcategory = 'A' AS "array", b.typcategory = 'A' OR b.typtype = 'c' OR b.typdelim <> ',' AS apart,
         a.attgenerated <> '' AS computed, a.attidentity = 'a' AS identity
    FROM pg_attribute a CROSS JOIN LATERAL (
      WITH RECURSIVE step(oid, modifier, depth) AS (
        SELECT a.atttypid, a.atttypmod, 0
        UNION ALL
        SELECT d.typbasetype, d.typtypmod, step.depth + 1
          FROM step JOIN pg_type d ON d.oid = step.oid WHERE d.typtype = 'd'
      )
      SELECT t.oid, step.modifier, t.typcategory, t.typtype, t.typdelim
        FROM step JOIN pg_type t ON t.oid = step.oid ORDER BY step.depth DESC LIMIT 1
    ) b
   WHERE a.attrelid = $1 AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum`;

/** Any number that other programs are unlikely to lock by. */
const schemaLock = "7203488105441";

/** Tables in PostgreSQL. */
export class PostgresTableStore implements TableStore {
  readonly rules = postgresRules;
  readonly changesInTransaction = true;
  readonly #connection: PostgresConnection;
  readonly #copyIn: CopyIn;
  #spills = 0;
  #inTransaction = false;

  constructor(connection: PostgresConnection) {
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
    // A transaction in which something failed is undone by COMMIT, without an error.
    if (command !== "COMMIT") {
      throw new TidemarkError(
        "OUTPUT_FAILED",
        `the database undid the transaction (${command}) instead of committing it`,
      );
    }
  }

  async rollback(): Promise<void> {
    this.#inTransaction = false;
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
      `SELECT c.oid, obj_description(c.oid, 'pg_class') AS comment, c.relkind IN ('r', 'p') AND NOT c.relhasrules AS plain
         FROM pg_class c WHERE c.oid = to_regclass($1)`,
      [name],
    );
    if (found === undefined) return null;
    this.#copyIn.found(table, found.plain === true);
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
      ours: String(found.comment ?? "").startsWith(marker),
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
      `COMMENT ON TABLE ${name} IS '${marker}; as long as this comment says so, its columns may be given wider types.'`,
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

  async insert(target: Target, records: readonly SourceRecord[]): Promise<void> {
    if (this.#inTransaction && (await this.#copyIn.insert(target, records))) return;
    const sql = this.#insertSql(target);
    const keys = target.columns.filter(({ name }) => target.key.includes(name));
    const keyFields = keys.map(({ field }) => field);
    const plain = keys.every(({ type }) => plainKeyTypes.has(type));
    for (let from = 0; from < records.length; from += rowsAStatement) {
      const part = lastOfEachKey(records.slice(from, from + rowsAStatement), keyFields);
      await (plain ? this.#insertPart(sql, target, part) : this.#insertWithTwins(sql, target, part));
    }
  }

  async #insertPart(sql: string, target: Target, records: readonly SourceRecord[]): Promise<void> {
    const literals = target.columns.map((column) => columnLiteral(records, column));
    try {
      await this.#connection.execute(sql, literals);
    } catch (error) {
      throw error instanceof TidemarkError ? refusedRecord(error, target, records[0] ?? null) : error;
    }
  }

  /**
   * Where the database may take two keys for one that are not the same text (`2024-01-01T00:00Z` and
   * `2024-01-01 00:00+00`, words in another case), and refuses a statement that has both, the records
   * go in by halves, down to one by one.
   */
  async #insertWithTwins(sql: string, target: Target, records: readonly SourceRecord[]): Promise<void> {
    const savepoint = this.#inTransaction && records.length > 1;
    if (savepoint) await this.#connection.execute("SAVEPOINT tidemark_part");
    try {
      await this.#insertPart(sql, target, records);
    } catch (error) {
      const twins = error instanceof TidemarkError && error.details?.sqlState === "21000";
      if (!twins || records.length === 1) throw error;
      if (savepoint) await this.#connection.execute("ROLLBACK TO SAVEPOINT tidemark_part");
      const half = records.length >> 1;
      await this.#insertWithTwins(sql, target, records.slice(0, half));
      await this.#insertWithTwins(sql, target, records.slice(half));
    }
    if (savepoint) await this.#connection.execute("RELEASE SAVEPOINT tidemark_part");
  }

  #insertSql(target: Target): string {
    const { dialect } = this.#connection;
    const { columns } = target;
    const asText = ({ array, apart }: FieldColumn) => array || apart === true;
    const arrays = columns.map((column, at) => `$${at + 1}::${asText(column) ? "text" : column.type}[]`);
    const values = columns.map((column, at) => (asText(column) ? `v.c${at}::${column.type}` : `v.c${at}`));
    const names = columns.map((_, at) => `c${at}`);
    return `INSERT INTO ${dialect.table(target.table)} (${this.#names(columns.map(({ name }) => name))})${overriding(columns)}
      SELECT ${values.join(", ")} FROM unnest(${arrays.join(", ")}) AS v(${names.join(", ")})${this.#onConflict(target)}`;
  }

  async createSpill(target: Target): Promise<Target> {
    const { dialect } = this.#connection;
    const table = `pg_temp._tidemark_spill_${++this.#spills}`;
    const lines = target.columns.map(({ name, type }) => `${dialect.identifier(name)} ${type}`);
    // Kept unique while it fills, since what is moved in one statement may not have a key twice.
    if (target.key.length > 0) lines.push(`UNIQUE (${this.#names(target.key)})`);
    await this.#connection.execute(`CREATE TABLE ${dialect.table(table)} (${lines.join(", ")})`);
    return { table, columns: target.columns, key: target.key };
  }

  async insertWaiting(spill: Target, records: readonly SourceRecord[]): Promise<void> {
    await this.insert(spill, records);
  }

  async moveWaiting(spill: Target, target: Target): Promise<void> {
    const { dialect } = this.#connection;
    const columns = this.#names(spill.columns.map(({ name }) => name));
    const kinds = new Map(target.columns.map(({ name, kind }) => [name, kind]));
    const values = spill.columns.map(({ name, kind }) => {
      const column = dialect.identifier(name);
      // The column may have become one of numbers since.
      return kind === "boolean" && isNumeric(kinds.get(name)) ? `${column}::integer` : column;
    });
    const conflict = this.#onConflict({ ...target, columns: spill.columns });
    try {
      await this.#connection.execute(
        `INSERT INTO ${dialect.table(target.table)} (${columns})${overriding(target.columns)} SELECT ${values.join(", ")} FROM ${dialect.table(spill.table)}${conflict}`,
      );
    } catch (error) {
      throw error instanceof TidemarkError ? refusedRecord(error, target, null) : error;
    }
    await this.#connection.execute(`DROP TABLE ${dialect.table(spill.table)}`);
  }

  #onConflict({ table, key, columns, newest }: Target): string {
    if (key.length === 0) return "";
    const { dialect } = this.#connection;
    const set = columns
      .filter(({ name }) => !key.includes(name))
      .map(({ name }) => `${dialect.identifier(name)} = EXCLUDED.${dialect.identifier(name)}`);
    if (set.length === 0) return ` ON CONFLICT (${this.#names(key)}) DO NOTHING`;
    const update = ` ON CONFLICT (${this.#names(key)}) DO UPDATE SET ${set.join(", ")}`;
    if (newest === undefined) return update;
    const column = dialect.identifier(newest);
    const stored = `${dialect.identifier(tableNameParts(table).at(-1) ?? table)}.${column}`;
    return `${update} WHERE ${stored} IS NULL OR ${stored} <= EXCLUDED.${column}`;
  }

  #names(names: readonly string[]): string {
    return names.map((name) => this.#connection.dialect.identifier(name)).join(", ");
  }
}

function isNumeric(kind: ColumnKind | undefined): boolean {
  return kind === "integer" || kind === "decimal";
}

/** An identity column takes the record's own number, as it does from `pg_dump` and from replication. */
function overriding(columns: readonly FieldColumn[]): string {
  return columns.some(({ identity }) => identity === true) ? " OVERRIDING SYSTEM VALUE" : "";
}
