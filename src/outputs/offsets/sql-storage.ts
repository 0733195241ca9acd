import { z } from "zod";
import { tableNameParts } from "../../databases/names.ts";
import type { SqlConnection, SqlFragments, SqlValue } from "../../databases/port.ts";
import { TidemarkError } from "../../errors.ts";
import { parseJson } from "../../model/json.ts";
import { formatStreamKey, type StreamKey } from "../../model/stream-key.ts";
import type { CommitRow, OffsetsStorage, StoredOffsets } from "./port.ts";
import { SqlIdentities } from "./sql-identities.ts";
import { longestIdentity, storedText } from "./stored-identity.ts";

/** What a stream has written so far, stored with each commit. */
export interface Written {
  /** With a commit, how many records it adds; else, how many there are in all. */
  readonly records: number;
  /** Which fields were ever written. */
  readonly fields: readonly string[];
}

export interface SqlStorageParts {
  readonly connection: SqlConnection;
  /** The table of the rows. The offset tables are in the same schema. */
  readonly table: string;
  /** The prefix of the tables' names. */
  readonly prefix: string;
  readonly key: StreamKey;
  /** The time in milliseconds since 1970, as information for people. */
  readonly now: () => number;
}

const offsetsRow = z.object({
  epoch: z.int(),
  sequence: z.int().nullable(),
  position_epoch: z.int().nullable(),
  position: z.string().nullable(),
});
const writtenRow = z.object({ records: z.int(), fields: z.string() });
const fieldsSchema = z.array(z.string());

/** The column `lane` holds the scope, and `epoch` the fence. The names come from the first version. */
const keyColumns = ["connector", "stream", "lane"] as const;
const committedColumns = ["position_epoch", "sequence", "cursor_type", "position", "updated_at"] as const;

/**
 * Sink offsets in two tables of the rows' own database: `PREFIXpositions`, a row for each scope, and
 * `PREFIXdelivered`, with the delivered identities.
 */
export class SqlOffsetsStorage implements OffsetsStorage<Written> {
  readonly name: string;
  readonly identities: SqlIdentities;
  readonly #connection: SqlConnection;
  readonly #sql: SqlFragments;
  readonly #key: StreamKey;
  readonly #now: () => number;
  /** The table, quoted. */
  readonly #positions: string;
  readonly #deliveredName: string;
  readonly #delivered: string;

  constructor({ connection, table, prefix, key, now }: SqlStorageParts) {
    const schema = tableNameParts(table).slice(0, -1);
    const named = (name: string) =>
      [...schema, `${prefix}${name}`].map((part) => `"${part.replaceAll('"', '""')}"`).join(".");
    this.#connection = connection;
    this.#sql = connection.dialect.fragments;
    this.#key = key;
    this.#now = now;
    this.name = named("positions");
    this.#deliveredName = named("delivered");
    this.#positions = connection.dialect.table(this.name);
    this.#delivered = connection.dialect.table(this.#deliveredName);
    this.identities = new SqlIdentities(connection, this.#delivered, (scope) => this.#keyOf(scope));
  }

  /** Whether both tables are there. */
  async exists(): Promise<boolean> {
    const positions = await this.#connection.columns(this.name);
    return positions !== null && (await this.#connection.columns(this.#deliveredName)) !== null;
  }

  /** Makes the tables that are missing. Called in a transaction that holds the schema's lock. */
  async create(): Promise<void> {
    const { dialect } = this.#connection;
    const text = `${dialect.columnType("text")} NOT NULL`;
    const name = `${dialect.keyType(200)} NOT NULL`;
    const names = `connector ${name}, stream ${name}, lane ${dialect.keyType(this.#sql.longestKeyText ?? 200)} NOT NULL`;
    const integer = dialect.columnType("integer");
    await this.#connection.execute(
      this.#sql.createTable(
        this.#positions,
        `${names},
        epoch ${integer} NOT NULL, position_epoch ${integer}, sequence ${integer},
        cursor_type ${dialect.columnType("text")}, position ${dialect.columnType("text")},
        records ${integer} NOT NULL, fields ${text},
        updated_at ${dialect.columnType("timestamp")} NOT NULL,
        PRIMARY KEY (${keyColumns.join(", ")})`,
      ),
    );
    await this.#connection.execute(
      this.#sql.createTable(
        this.#delivered,
        `${names}, identity ${dialect.keyType(longestIdentity)} NOT NULL,
        PRIMARY KEY (${keyColumns.join(", ")}, identity)`,
      ),
    );
  }

  async read(scope: string): Promise<StoredOffsets | null> {
    const row = await this.#row(scope, "epoch, sequence, position_epoch, position", offsetsRow);
    if (row === null) return null;
    const { epoch: fence, sequence, position_epoch: epoch, position } = row;
    if (epoch === null || sequence === null || position === null) return { fence, committed: null };
    return { fence, committed: { epoch, sequence, position } };
  }

  /** The counts of the scope so far. */
  async written(scope: string): Promise<Written> {
    const row = await this.#row(scope, "records, fields", writtenRow);
    if (row === null) return { records: 0, fields: [] };
    try {
      return { records: row.records, fields: fieldsSchema.parse(parseJson(row.fields)) };
    } catch {
      throw this.#unreadable(scope, "`fields` is no list of names");
    }
  }

  async #row<T>(scope: string, columns: string, shape: z.ZodType<T>): Promise<T | null> {
    const [row] = await this.#connection.query(
      `SELECT ${columns} FROM ${this.#positions} WHERE ${this.#where()}`,
      this.#keyOf(scope),
    );
    if (row === undefined) return null;
    const parsed = shape.safeParse(row);
    if (!parsed.success) throw this.#unreadable(scope, z.prettifyError(parsed.error));
    return parsed.data;
  }

  async raiseFence(scope: string, epoch: number): Promise<boolean> {
    // If the row exists, the first statement changes nothing; the second locks the row and returns whether it changed
    // it.
    await this.#insert(scope, { epoch: 0, records: 0, fields: "[]", updated_at: this.#moment() }, []);
    const [at4, at5] = [4, 5].map((n) => this.#connection.dialect.placeholder(n));
    const changed = await this.#connection.execute(
      `UPDATE ${this.#positions} SET epoch = ${at4}, updated_at = ${at5} WHERE ${this.#where()} AND epoch < ${at4}`,
      [...this.#keyOf(scope), epoch, this.#moment()],
    );
    return changed === 1;
  }

  async commit(scope: string, row: CommitRow, { records, fields }: Written): Promise<boolean> {
    const at = (n: number) => this.#connection.dialect.placeholder(n);
    const changed = await this.#connection.execute(
      `UPDATE ${this.#positions} SET position_epoch = ${at(4)}, sequence = ${at(5)}, cursor_type = ${at(6)},
          position = ${at(7)}, updated_at = ${at(8)}, records = records + ${at(9)}, fields = ${at(10)}
        WHERE ${this.#where()} AND epoch = ${at(4)}`,
      [
        ...this.#keyOf(scope),
        row.epoch,
        row.sequence,
        row.cursorType,
        row.position,
        this.#moment(),
        records,
        JSON.stringify(fields),
      ],
    );
    return changed === 1;
  }

  /** In the commit's transaction: corrects the count by the records that are not in the table. */
  async countLess(scope: string, records: number): Promise<void> {
    const less = this.#connection.dialect.placeholder(4);
    await this.#connection.execute(
      `UPDATE ${this.#positions} SET records = records - ${less} WHERE ${this.#where()}`,
      [...this.#keyOf(scope), records],
    );
  }

  async commitPartition(scope: string, row: CommitRow): Promise<void> {
    const { epoch, sequence, cursorType: cursor_type, position } = row;
    const values = {
      epoch,
      position_epoch: epoch,
      sequence,
      cursor_type,
      position,
      updated_at: this.#moment(),
    };
    await this.#insert(scope, { ...values, records: 0, fields: "[]" }, ["epoch", ...committedColumns]);
  }

  async #insert(
    scope: string,
    values: Readonly<Record<string, SqlValue>>,
    replaced: readonly string[],
  ): Promise<void> {
    const columns = [...keyColumns, ...Object.keys(values)];
    const params = columns.map((_, at) => this.#connection.dialect.placeholder(at + 1));
    await this.#connection.execute(
      this.#sql.insert({
        ...{ table: this.#positions, columns, key: keyColumns, replaced },
        rows: `VALUES (${params.join(", ")})`,
      }),
      [...this.#keyOf(scope), ...Object.values(values)],
    );
  }

  #keyOf(scope: string): readonly string[] {
    const { longestKeyText } = this.#sql;
    const { connector, stream } = this.#key;
    return [connector, stream, longestKeyText === null ? scope : storedText(scope, longestKeyText)];
  }

  #where(): string {
    return keyColumns
      .map((name, at) => `${name} = ${this.#connection.dialect.placeholder(at + 1)}`)
      .join(" AND ");
  }

  #moment(): string {
    return this.#sql.moment(new Date(this.#now()).toISOString());
  }

  #unreadable(scope: string, why: string): TidemarkError {
    const whose = scope === "" ? "" : `${scope} of `;
    return new TidemarkError(
      "STATE_UNREADABLE",
      `${this.name}, ${whose}stream ${formatStreamKey(this.#key)}: the output's offsets cannot be read: ${why}`,
    );
  }
}
