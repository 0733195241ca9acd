import { setTimeout as delay } from "node:timers/promises";
import type pg from "pg";
import type { CopyStreamQuery } from "pg-copy-streams";
import type Cursor from "pg-cursor";
import type { TidemarkError } from "../../errors.ts";
import { postgresDialect } from "../dialects.ts";
import type { Column, SqlConnection, SqlRow, SqlValue } from "../port.ts";
import type { SqlRole } from "../roles.ts";
import { refuseTwins } from "../twins.ts";
import { loadPostgresDriver, type PostgresDriver } from "./driver.ts";
import { isConnectionLoss, postgresError } from "./errors.ts";
import { identityExpression } from "./identity.ts";
import { kindOfType, typeReaders } from "./types.ts";

const connectMilliseconds = 10_000;

/** Every value comes in one text form, whatever the server's, database's or user's settings are. */
const sessionSettings = [
  "SET TimeZone = 'UTC'",
  "SET DateStyle = 'ISO, YMD'",
  "SET IntervalStyle = 'iso_8601'",
  "SET bytea_output = 'hex'",
  "SET extra_float_digits = 1",
].join("; ");

interface Origin {
  readonly url: string;
  readonly role: SqlRole;
  readonly applicationName: string;
  /** Host, port and database, for messages. */
  readonly place: string;
  readonly driver: PostgresDriver;
}

/** Opens a connection to PostgreSQL; see `openSql`. */
export async function openPostgres(
  url: string,
  role: SqlRole,
  applicationName = "tidemark",
): Promise<PostgresConnection> {
  const driver = await loadPostgresDriver();
  const origin: Origin = { url, role, applicationName, place: placeOf(url), driver };
  const client = newClient(origin);
  try {
    await client.connect();
    await client.query(sessionSettings);
    return new PostgresConnection(client, origin, await identityOf(client, origin.place));
  } catch (error) {
    await endQuietly(client);
    throw postgresError(error, role, origin.place);
  }
}

function newClient({ url, applicationName, driver }: Origin): pg.Client {
  const client = new driver.Client({
    connectionString: url,
    // The server cuts longer names by itself, with a notice.
    application_name: applicationName.slice(0, 63),
    connectionTimeoutMillis: connectMilliseconds,
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
    types: typeReaders,
  });
  // A connection lost between two calls is reported by the next call; without a listener it would
  // end the process.
  client.on("error", () => {});
  return client;
}

function placeOf(url: string): string {
  const { hostname, port, pathname, searchParams } = new URL(url);
  const host = searchParams.get("host") ?? (hostname === "" ? "localhost" : decodeURIComponent(hostname));
  return `postgres://${host}:${port === "" ? "5432" : port}${pathname}`;
}

async function identityOf(client: pg.Client, place: string): Promise<string> {
  try {
    const { rows } = await client.query<{ identity: string }>(`SELECT ${identityExpression} AS identity`);
    return rows[0]?.identity ?? place;
  } catch (error) {
    if (isConnectionLoss(error)) throw error;
    // Some databases that speak PostgreSQL's protocol do not know their start; then the address has to do.
    return place;
  }
}

async function endQuietly(client: pg.Client): Promise<void> {
  try {
    await client.end();
  } catch {
    // It was never open, or is gone already.
  }
}

/** A connection to PostgreSQL by `pg`. */
export class PostgresConnection implements SqlConnection {
  readonly dialect = postgresDialect;
  readonly identity: string;
  readonly handle: pg.Client;
  readonly #origin: Origin;

  constructor(client: pg.Client, origin: Origin, identity: string) {
    this.handle = client;
    this.#origin = origin;
    this.identity = identity;
  }

  /** What a driver's error means here, for code that uses `handle` itself. */
  errorOf(thrown: unknown, sql?: string): TidemarkError {
    return postgresError(thrown, this.#origin.role, this.#origin.place, sql);
  }

  async query(sql: string, params: readonly SqlValue[] = []): Promise<SqlRow[]> {
    return (await this.#run(sql, params)).rows;
  }

  async execute(sql: string, params: readonly SqlValue[] = []): Promise<number> {
    return (await this.#run(sql, params)).rowCount ?? 0;
  }

  async #run(sql: string, params: readonly SqlValue[]): Promise<pg.QueryResult<Record<string, unknown>>> {
    try {
      return await this.handle.query(sql, params.length === 0 ? undefined : [...params]);
    } catch (error) {
      throw this.errorOf(error, sql);
    }
  }

  /** Sends rows, in the text form of `COPY … FROM STDIN`, and waits until the server has taken them all. */
  async copyIn(copy: CopyStreamQuery, sql: string, rows: string): Promise<void> {
    try {
      await new Promise<void>((resolve, reject) => {
        this.handle.query(copy).once("error", reject).once("finish", resolve).end(rows);
      });
    } catch (error) {
      throw this.errorOf(error, sql);
    }
  }

  async *stream(
    sql: string,
    params: readonly SqlValue[],
    options: { pageSize: number; signal?: AbortSignal },
  ): AsyncGenerator<{ columns: readonly Column[]; rows: SqlRow[] }> {
    const { pageSize, signal } = options;
    signal?.throwIfAborted();
    let waiting = false;
    // Whether the cursor's last read failed.
    let failed = false;
    let cancelling: Promise<void> | undefined;
    const onAbort = () => {
      if (waiting) cancelling ??= this.#cancelWhile(() => waiting);
    };
    const cursor = new this.#origin.driver.Cursor(sql, [...params], { types: typeReaders });
    await this.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
    try {
      signal?.addEventListener("abort", onAbort);
      this.handle.query(cursor);
      for (;;) {
        signal?.throwIfAborted();
        waiting = true;
        failed = true;
        const { columns, rows } = await readPage(cursor, pageSize).finally(() => {
          waiting = false;
        });
        failed = false;
        refuseTwins(columns.map(({ name }) => name));
        if (rows.length > 0) yield { columns, rows };
        if (rows.length < pageSize) return;
      }
    } catch (error) {
      if (signal?.aborted) throw signal.reason;
      throw this.errorOf(error, sql);
    } finally {
      signal?.removeEventListener("abort", onAbort);
      await cancelling;
      await this.#endRead(failed ? null : cursor);
    }
  }

  /**
   * Ends the read on our side and the server's; what goes wrong here was reported before. A cursor that
   * failed is closed already, and closing it again would wait for an answer that has come and gone.
   */
  async #endRead(cursor: Cursor | null): Promise<void> {
    try {
      await cursor?.close();
      await this.handle.query("ROLLBACK");
    } catch {
      // The connection is gone, and the read with it.
    }
  }

  /**
   * Has the server break off what this connection waits for, by a connection of its own. It asks
   * again until the wait is over, since a query that has not quite begun is not cancelled.
   */
  async #cancelWhile(waiting: () => boolean): Promise<void> {
    const messenger = newClient(this.#origin);
    try {
      await messenger.connect();
      const pid = "processID" in this.handle ? Number(this.handle.processID) : 0;
      while (waiting()) {
        await messenger.query("SELECT pg_cancel_backend($1)", [pid]);
        await delay(100);
      }
    } catch {
      // The query then runs to its end, and what it brings is not used.
    } finally {
      await endQuietly(messenger);
    }
  }

  async parameterTypes(sql: string): Promise<readonly string[]> {
    try {
      // In one transaction a pooler keeps all of it on one session.
      await this.handle.query("BEGIN READ ONLY");
      await this.handle.query(`PREPARE tidemark_types AS ${sql}`);
      const { rows } = await this.handle.query<{ types: string[] }>(
        "SELECT parameter_types::text[] AS types FROM pg_prepared_statements WHERE name = 'tidemark_types'",
      );
      await this.handle.query("DEALLOCATE tidemark_types");
      return rows[0]?.types ?? [];
    } catch (error) {
      throw this.errorOf(error, sql);
    } finally {
      await this.handle.query("ROLLBACK").catch(() => {});
    }
  }

  async columns(table: string): Promise<readonly Column[] | null> {
    const rows = await this.query(
      `SELECT a.attname AS name, COALESCE(NULLIF(t.typbasetype, 0), t.oid) AS type
         FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
        WHERE a.attrelid = to_regclass($1) AND a.attnum > 0 AND NOT a.attisdropped
        ORDER BY a.attnum`,
      [this.dialect.table(table)],
    );
    if (rows.length === 0) return null;
    return rows.map(({ name, type }) => ({ name: String(name), kind: kindOfType(Number(type)) }));
  }

  async now(): Promise<number> {
    const [row] = await this.query("SELECT floor(extract(epoch FROM clock_timestamp()) * 1000) AS now");
    return Number(row?.now);
  }

  async close(): Promise<void> {
    await endQuietly(this.handle);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

function readPage(
  cursor: Cursor<Record<string, unknown>>,
  pageSize: number,
): Promise<{ columns: readonly Column[]; rows: SqlRow[] }> {
  return new Promise((resolve, reject) => {
    cursor.read(pageSize, (error, rows, result) => {
      if (error) return reject(error);
      const fields = rows.length === 0 ? [] : result.fields;
      resolve({
        columns: fields.map(({ name, dataTypeID }) => ({ name, kind: kindOfType(dataTypeID) })),
        rows,
      });
    });
  });
}
