import type { Connection, FieldPacket, ResultSetHeader, TypeCast } from "mysql2";
import { z } from "zod";
import type { TidemarkError } from "../../errors.ts";
import { cancelWhile } from "../cancel.ts";
import type { Catalog } from "../catalog.ts";
import type {
  Column,
  SafeBounds,
  SqlConnection,
  SqlDialect,
  SqlRow,
  SqlValue,
  StreamOptions,
} from "../port.ts";
import { checkColumns } from "../result-columns.ts";
import type { SqlRole } from "../roles.ts";
import type { TableStore } from "../table/store.ts";
import { mysqlAddress, placeOf } from "./address.ts";
import { connect, endQuietly, type Origin } from "./connect.ts";
import { mysqlDialect } from "./dialect.ts";
import { loadMysqlDriver } from "./driver.ts";
import { isConnectionLoss, mysqlError } from "./errors.ts";
import { withoutParameters, withParameters } from "./literals.ts";
import { RowReader, shapesAsBytes } from "./row-reader.ts";
import { type ColumnPacket, readingOf } from "./values.ts";

/** A timeout longer than any run, so that a run with a slow source keeps its connection. */
const wholeDay = 86_400;

/**
 * A server can have sessions speak another character set than the driver asks for: by its `init_connect`, or
 * by `skip_character_set_client_handshake`. The collation is the driver's.
 */
const characterSet = "SET NAMES utf8mb4 COLLATE utf8mb4_unicode_ci";

/**
 * Every value comes and goes in one form, whatever the server's or the user's settings are. A value that does not fit
 * is refused instead of cut, and 0 in a numbered column is 0. No result is cut to a number of rows, and NULL is
 * compared as NULL. The server waits for slow readers.
 */
const sessionSettings = [
  "time_zone = '+00:00'",
  "sql_mode = 'STRICT_ALL_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_AUTO_VALUE_ON_ZERO,NO_ENGINE_SUBSTITUTION'",
  "sql_select_limit = 18446744073709551615",
  "sql_auto_is_null = 0",
  "sql_big_selects = 1",
  "autocommit = 1",
  "completion_type = 0",
  `net_write_timeout = ${wholeDay}`,
  `net_read_timeout = ${wholeDay}`,
  `wait_timeout = ${wholeDay}`,
];

const noSuchTable = 1146;
const noSuchDatabase = 1049;

const whoItIs = "SELECT CONCAT_WS(':', @@hostname, @@port, @@datadir, DATABASE()), VERSION()";

interface Result {
  readonly rows: readonly (readonly unknown[])[];
  readonly fields: readonly ColumnPacket[];
  readonly changed: number;
}

/** The properties of a prepared statement that are missing in the driver's types. */
const statementSchema = z.object({
  columns: z.array(
    z.object({
      name: z.string(),
      columnType: z.number(),
      columnLength: z.number(),
      characterSet: z.number(),
      extendedFormat: z.string().optional(),
      extendedTypeName: z.string().optional(),
    }),
  ),
});

/** Opens a connection to MySQL or MariaDB; see `openSql`. */
export async function openMysql(
  url: string,
  role: SqlRole,
  applicationName = "tidemark",
): Promise<MysqlConnection> {
  const address = mysqlAddress(url);
  const driver = await loadMysqlDriver();
  const origin: Origin = { address, role, applicationName, place: placeOf(address), driver };
  let raw: Connection | undefined;
  try {
    raw = await connect(origin);
    await ask(raw, characterSet);
    const { rows } = await ask(raw, whoItIs);
    const version = `${rows[0]?.[1]}`;
    await ask(raw, `SET ${sessionSettings.map((setting) => `SESSION ${setting}`).join(", ")}`);
    if (role === "input") await liftLimit(raw, version);
    else await ask(raw, "SET SESSION TRANSACTION READ WRITE");
    return new MysqlConnection(raw, origin, { name: `mysql:${rows[0]?.[0]}`, version });
  } catch (error) {
    if (raw !== undefined) await endQuietly(raw);
    throw mysqlError(error, role, origin.place);
  }
}

/**
 * Lifts the limit that a server or a user has for statements: a server sends a result for as long as it is
 * read, and counts that as the statement's time, also where the output is what takes the time.
 */
async function liftLimit(raw: Connection, version: string): Promise<void> {
  const limit = /mariadb/i.test(version) ? "max_statement_time" : "max_execution_time";
  try {
    await ask(raw, `SET SESSION ${limit} = 0`);
  } catch (error) {
    // Old servers have no such limit.
    if (isConnectionLoss(error)) throw error;
  }
}

/** In the servers' text form the driver's own reading of a DOUBLE is not to the last digit. */
const exactDoubles: TypeCast = (field, next) => {
  if (field.type === "GEOMETRY") return field.buffer();
  if (field.type !== "DOUBLE") return next();
  const text = field.string();
  return text === null ? null : Number(text);
};

function ask(raw: Connection, sql: string): Promise<Result> {
  return new Promise((resolve, reject) => {
    raw.query<ResultSetHeader>({ sql, typeCast: exactDoubles }, (error, result: unknown, fields: unknown) => {
      if (error !== null) reject(withoutStatement(error));
      else if (Array.isArray(result)) resolve({ rows: result, fields: columnPackets(fields), changed: 0 });
      else resolve({ rows: [], fields: [], changed: changedBy(result) });
    });
  });
}

/** The driver adds the whole statement, with all its values, to its errors. */
function withoutStatement(error: object): unknown {
  if ("sql" in error) delete error.sql;
  return error;
}

function columnPackets(fields: unknown): readonly FieldPacket[] {
  return Array.isArray(fields) ? fields : [];
}

function changedBy(result: unknown): number {
  const header = typeof result === "object" && result !== null ? result : {};
  return "affectedRows" in header ? Number(header.affectedRows) : 0;
}

/** A connection to MySQL or MariaDB by `mysql2`. */
export class MysqlConnection implements SqlConnection {
  readonly dialect: SqlDialect;
  readonly identity: string;
  readonly #raw: Connection;
  readonly #origin: Origin;

  constructor(raw: Connection, origin: Origin, database: { name: string; version: string }) {
    this.#raw = raw;
    this.#origin = origin;
    this.identity = database.name;
    this.dialect = mysqlDialect(database.version);
  }

  /** The driver's connection with promises, whose rows come as arrays. */
  get handle(): object {
    return this.#raw.promise();
  }

  /** What a driver's error means here. */
  errorOf(thrown: unknown, sql?: string): TidemarkError {
    return mysqlError(thrown, this.#origin.role, this.#origin.place, sql);
  }

  async query(sql: string, params: readonly SqlValue[] = []): Promise<SqlRow[]> {
    const { rows, fields } = await this.#ask(sql, params);
    const shape = shapeOf(fields);
    return rows.map((row) => rowOf(row, shape));
  }

  async execute(sql: string, params: readonly SqlValue[] = []): Promise<number> {
    return (await this.#ask(sql, params)).changed;
  }

  async #ask(sql: string, params: readonly SqlValue[] = []): Promise<Result> {
    try {
      return await ask(this.#raw, withParameters(sql, params));
    } catch (error) {
      throw this.errorOf(error, sql);
    }
  }

  async *stream(
    sql: string,
    params: readonly SqlValue[],
    options: StreamOptions,
  ): AsyncGenerator<{ columns: readonly Column[]; rows: SqlRow[] }> {
    const { pageSize, signal, onColumns } = options;
    signal?.throwIfAborted();
    const bound = withParameters(sql, params);
    await this.#ask("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ");
    await this.#ask("START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY");
    let reader: RowReader | null = null;
    let cancelling: Promise<void> | undefined;
    const cancel = () => {
      const running = reader;
      if (running !== null) cancelling ??= this.#cancelWhile(() => !running.ended);
    };
    try {
      const described = await this.#describe(bound);
      checkColumns(
        described.map(({ name }) => name),
        onColumns,
      );
      const shaped = described.some(({ columnType }) => columnType === 255);
      signal?.throwIfAborted();
      reader = new RowReader(
        this.#raw,
        { sql: bound, ...(shaped ? { typeCast: shapesAsBytes } : {}) },
        pageSize,
      );
      signal?.addEventListener("abort", cancel);
      for (;;) {
        signal?.throwIfAborted();
        const page = await reader.next();
        signal?.throwIfAborted();
        const shape = shapeOf(reader.fields);
        const columns = shape.map(({ name, kind }) => ({ name, kind }));
        if (page.length > 0) yield { columns, rows: page.map((row) => rowOf(row, shape)) };
        if (page.length < pageSize) return;
      }
    } catch (error) {
      if (signal?.aborted) throw signal.reason;
      throw this.errorOf(error, sql);
    } finally {
      signal?.removeEventListener("abort", cancel);
      if (reader !== null && !reader.ended) {
        cancel();
        await reader.drain();
      }
      await cancelling;
      await this.#endRead(bound);
    }
  }

  /** Errors here were already reported. */
  async #endRead(prepared: string): Promise<void> {
    try {
      this.#raw.unprepare(prepared);
      await ask(this.#raw, "ROLLBACK");
    } catch {
      // The connection is gone, and the read with it.
    }
  }

  /** The columns of a query, without running it. */
  #describe(sql: string): Promise<readonly ColumnPacket[]> {
    return new Promise((resolve, reject) => {
      this.#raw.prepare(sql, (error, statement) => {
        if (error) return reject(error);
        resolve(statementSchema.parse(statement).columns);
      });
    });
  }

  #cancelWhile(reading: () => boolean): Promise<void> {
    return cancelWhile(reading, async () => {
      const messenger = await connect(this.#origin);
      return {
        cancel: () => ask(messenger, `KILL QUERY ${this.#raw.threadId}`),
        close: () => endQuietly(messenger),
      };
    });
  }

  async parameterTypes(
    sql: string,
    compared: readonly (string | null)[],
  ): Promise<readonly (string | null)[]> {
    const prepared = withoutParameters(sql);
    try {
      const columns = await this.#describe(prepared);
      this.#raw.unprepare(prepared);
      return compared.map((name) => {
        const column = columns.find((one) => one.name === name);
        return column === undefined ? null : readingOf(column).type;
      });
    } catch (error) {
      throw this.errorOf(error, sql);
    }
  }

  async columns(table: string): Promise<readonly Column[] | null> {
    try {
      const { fields } = await ask(this.#raw, `SELECT * FROM ${this.dialect.table(table)} LIMIT 0`);
      return shapeOf(fields).map(({ name, kind }) => ({ name, kind }));
    } catch (error) {
      const number = typeof error === "object" && error !== null && "errno" in error ? error.errno : null;
      if (number === noSuchTable || (number === noSuchDatabase && !isConnectionLoss(error))) return null;
      throw this.errorOf(error);
    }
  }

  async catalog(): Promise<Catalog> {
    const { mysqlCatalog } = await import("./catalog.ts");
    return mysqlCatalog(this);
  }

  async tableStore(): Promise<TableStore> {
    const { MysqlTableStore } = await import("./table-store.ts");
    return new MysqlTableStore(this);
  }

  async safeBounds(): Promise<SafeBounds> {
    const { mysqlSafeBounds } = await import("./commit-safe/safe-bounds.ts");
    return mysqlSafeBounds;
  }

  async now(): Promise<number> {
    const { rows } = await this.#ask("SELECT FLOOR(UNIX_TIMESTAMP(NOW(6)) * 1000)");
    return Number(rows[0]?.[0]);
  }

  async close(): Promise<void> {
    await endQuietly(this.#raw);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

type Shape = readonly {
  readonly name: string;
  readonly kind: Column["kind"];
  readonly restore: ((value: unknown) => unknown) | null;
}[];

function shapeOf(fields: readonly ColumnPacket[]): Shape {
  return fields.map((field) => {
    const { kind, restore } = readingOf(field);
    return { name: field.name, kind, restore };
  });
}

function rowOf(values: readonly unknown[], shape: Shape): SqlRow {
  const row: Record<string, unknown> = {};
  for (let at = 0; at < shape.length; at++) {
    const column = shape[at];
    if (column === undefined) continue;
    const value = values[at];
    row[column.name] = column.restore === null || value === null ? value : column.restore(value);
  }
  return row;
}
