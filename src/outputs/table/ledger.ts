import { z } from "zod";
import { tableNameParts } from "../../databases/dialects.ts";
import type { SqlConnection } from "../../databases/port.ts";
import type { Commit, CommitPosition, OutputContext, PartitionMove } from "../../engine/ports.ts";
import { TidemarkError } from "../../errors.ts";
import { parseJson } from "../../model/json.ts";
import { decodePosition, encodePosition } from "../../model/position.ts";
import { formatStreamKey } from "../../model/stream-key.ts";
import { partitionScope } from "../partition-scope.ts";
import { longestIdentity, storedText } from "../stored-identity.ts";
import { type LedgerWords, ledgerWords } from "./ledger-words.ts";
import { ownTablePrefix } from "./schema.ts";

/** What the ledger holds of a stream. */
export interface LedgerEntry {
  /** The newest epoch that claimed the stream; only it may commit. */
  readonly epoch: number;
  /** The last commit; null before the first. */
  readonly commitPosition: CommitPosition | null;
  /** How many records were ever written. */
  readonly records: number;
  /** Which fields were ever written. */
  readonly fields: readonly string[];
}

/** What a commit adds to the ledger. */
export interface LedgerChange {
  readonly records: number;
  readonly fields: readonly string[];
  readonly updatedAt: string;
}

const rowSchema = z.object({
  epoch: z.int(),
  sequence: z.int().nullable(),
  position_epoch: z.int().nullable(),
  position: z.string().nullable(),
  records: z.int(),
  fields: z.string(),
});

const fieldsSchema = z.array(z.string());

type LedgerKey = readonly [connector: string, stream: string, scope: string];

/**
 * The output's own record of where each stream stands, in two tables beside the rows:
 * `_tidemark_positions`, with the newest commit and the epoch that may make the next (a row more for each partition), and
 * `_tidemark_delivered`, with the identities delivered in windows that are not finished. All of it
 * changes in the transactions that write the rows.
 */
export class Ledger {
  readonly #connection: SqlConnection;
  readonly #words: LedgerWords;
  readonly #stream: string;
  readonly #key: LedgerKey;
  readonly #positions: string;
  readonly #delivered: string;
  readonly #positionsName: string;
  readonly #deliveredName: string;
  readonly #spill: string;

  /** `table` is the table of the rows: the ledger lies in the same schema. */
  constructor(connection: SqlConnection, table: string, context: Pick<OutputContext, "key" | "scope">) {
    const { connector, stream } = context.key;
    const parts = tableNameParts(table).slice(0, -1);
    const beside = (name: string) =>
      [...parts, `${ownTablePrefix}${name}`].map((part) => `"${part.replaceAll('"', '""')}"`).join(".");
    this.#connection = connection;
    this.#words = ledgerWords[connection.dialect.name];
    this.#stream = formatStreamKey(context.key);
    this.#key = [connector, stream, context.scope];
    this.#spill = connection.dialect.identifier("_tidemark_spilled_identities");
    this.#positionsName = beside("positions");
    this.#deliveredName = beside("delivered");
    this.#positions = connection.dialect.table(this.#positionsName);
    this.#delivered = connection.dialect.table(this.#deliveredName);
  }

  /** Whether both tables are there. */
  async exists(): Promise<boolean> {
    const positions = await this.#connection.columns(this.#positionsName);
    return positions !== null && (await this.#connection.columns(this.#deliveredName)) !== null;
  }

  /** Makes the tables that are missing. Called in a transaction that holds the schema's lock. */
  async create(): Promise<void> {
    const { dialect } = this.#connection;
    const text = `${dialect.columnType("text")} NOT NULL`;
    const name = `${dialect.keyType(200)} NOT NULL`;
    const names = `connector ${name}, stream ${name}, lane ${dialect.keyType(this.#words.longestScope ?? 200)} NOT NULL`;
    const integer = dialect.columnType("integer");
    await this.#connection.execute(
      `CREATE TABLE IF NOT EXISTS ${this.#positions} (
        ${names},
        epoch ${integer} NOT NULL, position_epoch ${integer}, sequence ${integer},
        cursor_type ${dialect.columnType("text")}, position ${dialect.columnType("text")},
        records ${integer} NOT NULL, fields ${text},
        updated_at ${dialect.columnType("timestamp")} NOT NULL,
        PRIMARY KEY (connector, stream, lane))`,
    );
    await this.#connection.execute(
      `CREATE TABLE IF NOT EXISTS ${this.#delivered} (
        ${names}, identity ${dialect.keyType(longestIdentity)} NOT NULL,
        PRIMARY KEY (connector, stream, lane, identity))`,
    );
  }

  /** The stream's entry; null where it has none. Throws `STATE_UNREADABLE`, `STATE_TOO_NEW`. */
  async read(): Promise<LedgerEntry | null> {
    return this.#read(this.#key, `stream ${this.#stream}`);
  }

  /** The newest mark of one partition. Throws as `read` does. */
  async partition(partition: string): Promise<CommitPosition | null> {
    const key = this.#keyOf(partition);
    return (await this.#read(key, `partition ${partition} of ${this.#stream}`))?.commitPosition ?? null;
  }

  #keyOf(partition: string): LedgerKey {
    const [connector, stream, scope] = this.#key;
    const { longestScope } = this.#words;
    const own = partitionScope(scope, partition);
    return [connector, stream, longestScope === null ? own : storedText(own, longestScope)];
  }

  async #read(key: LedgerKey, whose: string): Promise<LedgerEntry | null> {
    const [row] = await this.#connection.query(
      `SELECT epoch, sequence, position_epoch, position, records, fields FROM ${this.#positions} WHERE ${this.#where()}`,
      key,
    );
    if (row === undefined) return null;
    const holder = `${this.#positionsName}, ${whose}`;
    const parsed = rowSchema.safeParse(row);
    if (!parsed.success) throw unreadable(holder, z.prettifyError(parsed.error));
    const { epoch, sequence, position_epoch, position, records, fields } = parsed.data;
    const commitPosition =
      position === null || sequence === null || position_epoch === null
        ? null
        : { epoch: position_epoch, sequence, position: decodePosition(position, holder) };
    return { epoch, commitPosition, records, fields: readFields(fields, holder) };
  }

  /** Makes `epoch` the one that may commit. False where the same or a newer one has come before. */
  async claim(epoch: number, now: string): Promise<boolean> {
    const { dialect } = this.#connection;
    const params = [1, 2, 3, 4, 5].map((n) => dialect.placeholder(n));
    let changed = 0;
    for (const statement of this.#words.claim(this.#positions, params)) {
      changed = await this.#connection.execute(statement, [...this.#key, epoch, this.#words.moment(now)]);
    }
    return changed === 1;
  }

  /** Within the commit's transaction: records it. False where another epoch has claimed the stream. */
  async advance(commit: Commit, change: LedgerChange): Promise<boolean> {
    const at = (n: number) => this.#connection.dialect.placeholder(n);
    const changed = await this.#connection.execute(
      `UPDATE ${this.#positions} SET position_epoch = ${at(4)}, sequence = ${at(5)}, cursor_type = ${at(6)},
          position = ${at(7)}, records = records + ${at(8)}, fields = ${at(9)}, updated_at = ${at(10)}
        WHERE ${this.#where()} AND epoch = ${at(4)}`,
      [
        ...this.#key,
        commit.epoch,
        commit.sequence,
        commit.cursorType,
        encodePosition(commit.position),
        change.records,
        JSON.stringify(change.fields),
        this.#words.moment(change.updatedAt),
      ],
    );
    if (changed !== 1) return false;
    for (const move of commit.partitions ?? []) await this.#keep(move, commit, change.updatedAt);
    return true;
  }

  /** Within the commit's transaction: so many of the records that it counted are not in the table. */
  async countLess(records: number): Promise<void> {
    await this.#connection.execute(
      `UPDATE ${this.#positions} SET records = records - ${this.#connection.dialect.placeholder(4)} WHERE ${this.#where()}`,
      [...this.#key, records],
    );
  }

  async #keep({ partition, position }: PartitionMove, commit: Commit, updatedAt: string): Promise<void> {
    const values = [1, 2, 3, 4, 5, 6, 7, 8].map((n) => this.#connection.dialect.placeholder(n));
    const [connector, stream, scope, epoch, sequence, cursorType, encoded, now] = values;
    await this.#connection.execute(
      `INSERT INTO ${this.#positions}
          (connector, stream, lane, epoch, position_epoch, sequence, cursor_type, position, updated_at, records, fields)
        VALUES (${connector}, ${stream}, ${scope}, ${epoch}, ${epoch}, ${sequence}, ${cursorType}, ${encoded}, ${now}, 0, '[]')
        ${this.#words.replacing(["connector", "stream", "lane"], ["epoch", "position_epoch", "sequence", "cursor_type", "position", "updated_at"])}`,
      [
        ...this.#keyOf(partition),
        commit.epoch,
        commit.sequence,
        commit.cursorType,
        encodePosition(position),
        this.#words.moment(updatedAt),
      ],
    );
  }

  /** Whether identities of an unfinished window are on record. */
  async holdsIdentities(): Promise<boolean> {
    const rows = await this.#connection.query(
      `SELECT 1 AS one FROM ${this.#delivered} WHERE ${this.#where()} LIMIT 1`,
      this.#key,
    );
    return rows.length > 0;
  }

  /** Those of the identities that are on record. */
  async findIdentities(identities: readonly string[]): Promise<string[]> {
    const rows = await this.#connection.query(
      `SELECT identity FROM ${this.#delivered} WHERE ${this.#where()} AND identity IN (SELECT v.value FROM ${this.#list(4)})`,
      [...this.#key, JSON.stringify(identities)],
    );
    return rows.map(({ identity }) => String(identity));
  }

  async addIdentities(identities: readonly string[]): Promise<void> {
    await this.#connection.execute(
      `INSERT INTO ${this.#delivered} (connector, stream, lane, identity)
        SELECT ${this.#keyValues()}, v.value FROM ${this.#list(4)} ${this.#words.ignoring("identity")}`,
      [...this.#key, JSON.stringify(identities)],
    );
  }

  /** Takes identities off the record, but for those from one text on and below another, by code point. */
  async dropIdentities(keep?: Commit["keepDelivered"]): Promise<void> {
    const at = (n: number) => this.#connection.dialect.placeholder(n);
    const name = this.#words.byCodePoint("identity");
    const others = keep === undefined ? "" : ` AND NOT (${name} >= ${at(4)} AND ${name} < ${at(5)})`;
    await this.#connection.execute(
      `DELETE FROM ${this.#delivered} WHERE ${this.#where()}${others}`,
      keep === undefined ? this.#key : [...this.#key, keep.from, keep.below],
    );
  }

  /** Makes the place where identities wait for the commit, once there are too many to keep in memory. */
  async createSpill(): Promise<void> {
    await this.#connection.execute(
      `CREATE TEMPORARY TABLE ${this.#spill} (value ${this.#connection.dialect.keyType(longestIdentity)} PRIMARY KEY)`,
    );
  }

  async spillIdentities(identities: readonly string[]): Promise<void> {
    await this.#connection.execute(
      `INSERT INTO ${this.#spill} (value) SELECT v.value FROM ${this.#list(1)} ${this.#words.ignoring("value")}`,
      [JSON.stringify(identities)],
    );
  }

  async findSpilled(identities: readonly string[]): Promise<string[]> {
    const rows = await this.#connection.query(
      `SELECT s.value FROM ${this.#spill} s WHERE s.value IN (SELECT v.value FROM ${this.#list(1)})`,
      [JSON.stringify(identities)],
    );
    return rows.map(({ value }) => String(value));
  }

  /** Within the commit's transaction: puts what was spilled on record, unless the window is finished. */
  async settleSpill(windowFinished: boolean): Promise<void> {
    if (!windowFinished) {
      await this.#connection.execute(
        `INSERT INTO ${this.#delivered} (connector, stream, lane, identity)
          SELECT ${this.#keyValues()}, s.value FROM ${this.#spill} s ${this.#words.ignoring("identity")}`,
        this.#key,
      );
    }
    await this.#connection.execute(`${this.#words.dropTemporary} ${this.#spill}`);
  }

  #where(): string {
    const at = (n: number) => this.#connection.dialect.placeholder(n);
    return `connector = ${at(1)} AND stream = ${at(2)} AND lane = ${at(3)}`;
  }

  #keyValues(): string {
    const at = (n: number) => this.#connection.dialect.placeholder(n);
    return [1, 2, 3].map((n) => this.#words.text(at(n))).join(", ");
  }

  /** The elements of a JSON list given as parameter, as rows `v.value`. */
  #list(parameter: number): string {
    return this.#words.list(this.#connection.dialect.placeholder(parameter));
  }
}

function readFields(text: string, holder: string): string[] {
  try {
    return fieldsSchema.parse(parseJson(text));
  } catch {
    throw unreadable(holder, "`fields` is no list of names");
  }
}

function unreadable(holder: string, why: string): TidemarkError {
  return new TidemarkError(
    "STATE_UNREADABLE",
    `${holder}: the output's record of the stream cannot be read: ${why}`,
  );
}
