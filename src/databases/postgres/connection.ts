import type pg from "pg";
import type { CopyStreamQuery } from "pg-copy-streams";
import type { TidemarkError } from "../../errors.ts";
import { cancelWhile } from "../cancel.ts";
import type { Catalog } from "../catalog.ts";
import type { Column, SafeBounds, SqlRow, SqlValue, StreamOptions, TransactionReading } from "../port.ts";
import { checkColumns } from "../result-columns.ts";
import type { SqlRole } from "../roles.ts";
import type { TableStore } from "../table/store.ts";
import { type PostgresAddress, postgresAddress } from "./address.ts";
import { connectByTls } from "./connect.ts";
import { postgresDialect } from "./dialect.ts";
import { loadPostgresDriver, type PostgresDriver } from "./driver.ts";
import { isConnectionLoss, postgresError } from "./errors.ts";
import { identityExpression } from "./identity.ts";
import { assertSessionStays, changingSessions, namedSession, sessionOf } from "./pooler.ts";
import { Portal } from "./portal.ts";
import type { PostgresSession } from "./session.ts";
import { kindOfType, typeReaders } from "./values.ts";

const connectMilliseconds = 10_000;
/** How long a pooler may take to lend a second session, by which its mode is found out. */
const secondSessionMilliseconds = 5_000;

/**
 * Session settings that give every value one text form, independent of the settings of the server, the database and the
 * user. Doubles have all their digits on old servers too, `NULL` in the text of an array is no value, and XML may be a
 * fragment.
 */
const sessionSettings = [
  "SET TimeZone = 'UTC'",
  "SET DateStyle = 'ISO, YMD'",
  "SET IntervalStyle = 'iso_8601'",
  "SET bytea_output = 'hex'",
  "SET extra_float_digits = 3",
  "SET array_nulls = on",
  "SET xmloption = content",
];

/**
 * Limits on idle sessions and open transactions, with the version that brought them. A run waits for its
 * other end as long as that takes; what limits a statement stays as the role has it.
 */
const waitingLimits: readonly [setting: string, since: number][] = [
  ["idle_in_transaction_session_timeout", 90_600],
  ["idle_session_timeout", 140_000],
  ["transaction_timeout", 170_000],
];

interface Origin {
  readonly address: PostgresAddress;
  readonly role: SqlRole;
  readonly applicationName: string;
  readonly driver: PostgresDriver;
}

/** The properties of the server and the session. */
interface Facts {
  readonly identity: string;
  /** The session's number at the server. */
  readonly session: number;
  /** As `server_version_num`; 0 where the server does not say. */
  readonly version: number;
  /** Whether the database takes any bytes for a text. */
  readonly hasNoEncoding: boolean;
}

/** Opens a connection to PostgreSQL; see `openSql`. */
export async function openPostgres(
  url: string,
  role: SqlRole,
  applicationName = "tidemark",
): Promise<PostgresConnection> {
  const address = postgresAddress(url);
  const origin: Origin = { address, role, applicationName, driver: await loadPostgresDriver() };
  let client: pg.Client | undefined;
  try {
    client = await connect(origin);
    const facts = await factsOf(client, address.place);
    const pooled = facts.session !== namedSession(client);
    if (pooled) {
      const connectSecond = () => connect(origin, secondSessionMilliseconds);
      await assertSessionStays(client, facts.session, {
        role,
        place: address.place,
        connect: connectSecond,
      });
    }
    // Otherwise the server rejects the whole query for one invalid text, without naming the row.
    const uncheckedTexts = role === "input" && facts.hasNoEncoding;
    const encoding = uncheckedTexts ? ["SET client_encoding = 'SQL_ASCII'"] : [];
    await client.query([...sessionSettings, ...encoding, ...limitsLifted(facts.version)].join("; "));
    return new PostgresConnection(client, origin, { ...facts, pooled, uncheckedTexts });
  } catch (error) {
    if (client !== undefined) await endQuietly(client);
    throw postgresError(error, role, address.place);
  }
}

function connect(origin: Origin, queryMilliseconds = 0): Promise<pg.Client> {
  const { address, applicationName, driver } = origin;
  return connectByTls(address.tls, async (ssl) => {
    const client = new driver.Client({
      connectionString: address.url,
      ssl,
      // The server cuts longer names by itself, with a notice.
      application_name: applicationName.slice(0, 63),
      connectionTimeoutMillis: connectMilliseconds,
      query_timeout: queryMilliseconds,
      keepAlive: true,
      keepAliveInitialDelayMillis: 10_000,
      types: typeReaders,
    });
    // A connection lost between two calls is reported by the next call; without a listener it would
    // end the process.
    client.on("error", () => {});
    try {
      await client.connect();
      return client;
    } catch (error) {
      await endQuietly(client);
      throw error;
    }
  });
}

function limitsLifted(version: number): string[] {
  return waitingLimits.filter(([, since]) => version >= since).map(([setting]) => `SET ${setting} = 0`);
}

async function factsOf(client: pg.Client, place: string): Promise<Facts> {
  try {
    const { rows } = await client.query<{
      identity: string;
      session: number;
      version: string;
      encoding: string;
    }>(
      `SELECT ${identityExpression} AS identity, pg_backend_pid() AS session, current_setting('server_version_num') AS version, current_setting('server_encoding') AS encoding`,
    );
    const [row] = rows;
    if (row !== undefined) {
      const { identity, session, version, encoding } = row;
      return { identity, session, version: Number(version), hasNoEncoding: encoding === "SQL_ASCII" };
    }
  } catch (error) {
    if (isConnectionLoss(error)) throw error;
  }
  // Some databases that speak PostgreSQL's protocol do not know their start; then the address has to do.
  return {
    identity: place,
    session: await sessionOf(client).catch(() => namedSession(client) ?? 0),
    version: 0,
    hasNoEncoding: false,
  };
}

async function endQuietly(client: pg.Client): Promise<void> {
  try {
    await client.end();
  } catch {
    // It was never open, or is gone already.
  }
}

/** A connection to PostgreSQL by `pg`. */
export class PostgresConnection implements PostgresSession {
  readonly dialect = postgresDialect;
  readonly identity: string;
  readonly uncheckedTexts: boolean;
  readonly handle: pg.Client;
  readonly #origin: Origin;
  readonly #session: number;
  readonly #pooled: boolean;
  #inTransaction = false;

  constructor(
    client: pg.Client,
    origin: Origin,
    {
      identity,
      session,
      pooled,
      uncheckedTexts,
    }: Pick<Facts, "identity" | "session"> & { pooled: boolean; uncheckedTexts: boolean },
  ) {
    this.uncheckedTexts = uncheckedTexts;
    this.handle = client;
    this.#origin = origin;
    this.identity = identity;
    this.#session = session;
    this.#pooled = pooled;
  }

  /** What a driver's error means here, for code that uses `handle` itself. */
  errorOf(thrown: unknown, sql?: string): TidemarkError {
    return postgresError(thrown, this.#origin.role, this.#origin.address.place, sql);
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

  /**
   * Sends rows, in the text form of `COPY … FROM STDIN`, and waits until the server has taken them all.
   * Returns how many the table took: a trigger can leave some out.
   */
  async copyIn(copy: CopyStreamQuery, sql: string, rows: string): Promise<number> {
    try {
      await new Promise<void>((resolve, reject) => {
        this.handle.query(copy).once("error", reject).once("finish", resolve).end(rows);
      });
      return copy.rowCount;
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
    let waiting = false;
    let cancelling: Promise<void> | undefined;
    const onAbort = () => {
      if (waiting) cancelling ??= this.#cancelWhile(() => waiting);
    };
    const portal = new Portal(this.handle, sql, params);
    await this.begin("ISOLATION LEVEL REPEATABLE READ READ ONLY");
    try {
      signal?.addEventListener("abort", onAbort);
      for (let first = true; ; first = false) {
        signal?.throwIfAborted();
        waiting = true;
        const { columns, rows } = await portal.next(pageSize).finally(() => {
          waiting = false;
        });
        if (first)
          checkColumns(
            columns.map(({ name }) => name),
            onColumns,
          );
        if (rows.length > 0) yield { columns, rows };
        if (rows.length < pageSize) return;
      }
    } catch (error) {
      if (signal?.aborted) throw signal.reason;
      throw this.errorOf(error, sql);
    } finally {
      signal?.removeEventListener("abort", onAbort);
      await cancelling;
      await this.rollback();
    }
  }

  /** Begins a transaction. With a pooler it checks that the connection still has the same session. */
  async begin(mode = ""): Promise<void> {
    await this.execute(`BEGIN ${mode}`);
    this.#inTransaction = true;
    if (!this.#pooled) return;
    const session = await sessionOf(this.handle).catch((error: unknown) => {
      throw this.errorOf(error);
    });
    if (session === this.#session) return;
    await this.rollback();
    const { role, address } = this.#origin;
    throw changingSessions(role, address.place);
  }

  /** Commits the transaction; returns the server's command tag, which is ROLLBACK if the transaction had failed. */
  async commit(): Promise<string> {
    this.#inTransaction = false;
    return (await this.handle.query("COMMIT")).command;
  }

  /** Rolls back the transaction, if there is one; the server warns of a ROLLBACK without a transaction. */
  async rollback(): Promise<void> {
    if (!this.#inTransaction) return;
    this.#inTransaction = false;
    try {
      await this.handle.query("ROLLBACK");
    } catch {
      // The connection is gone, and the transaction with it.
    }
  }

  #cancelWhile(waiting: () => boolean): Promise<void> {
    return cancelWhile(waiting, async () => {
      const messenger = await connect(this.#origin);
      return {
        cancel: () => messenger.query("SELECT pg_cancel_backend($1)", [this.#session]),
        close: () => endQuietly(messenger),
      };
    });
  }

  async parameterTypes(sql: string): Promise<readonly string[]> {
    try {
      // In one transaction a pooler keeps all of it on one session.
      await this.begin("READ ONLY");
      await this.handle.query(`PREPARE tidemark_types AS ${sql}`);
      const { rows } = await this.handle.query<{ types: string[] }>(
        "SELECT parameter_types::text[] AS types FROM pg_prepared_statements WHERE name = 'tidemark_types'",
      );
      await this.handle.query("DEALLOCATE tidemark_types");
      return rows[0]?.types ?? [];
    } catch (error) {
      throw this.errorOf(error, sql);
    } finally {
      await this.rollback();
    }
  }

  async columns(table: string): Promise<readonly Column[] | null> {
    const rows = await this.query(
      // A domain may be based on another domain.
      `SELECT a.attname AS name,
              (WITH RECURSIVE step AS (
                 SELECT a.atttypid AS oid
                 UNION ALL
                 SELECT t.typbasetype FROM step JOIN pg_type t ON t.oid = step.oid WHERE t.typbasetype <> 0
               )
               SELECT oid FROM step JOIN pg_type t USING (oid) WHERE t.typbasetype = 0) AS type
         FROM pg_attribute a
        WHERE a.attrelid = to_regclass($1) AND a.attnum > 0 AND NOT a.attisdropped
        ORDER BY a.attnum`,
      [this.dialect.table(table)],
    );
    if (rows.length === 0) return null;
    return rows.map(({ name, type }) => ({ name: String(name), kind: kindOfType(Number(type)) }));
  }

  async catalog(): Promise<Catalog> {
    const { postgresCatalog } = await import("./catalog.ts");
    return postgresCatalog(this);
  }

  async tableStore(): Promise<TableStore> {
    const { PostgresTableStore } = await import("./table-store.ts");
    return new PostgresTableStore(this);
  }

  async safeBounds(): Promise<SafeBounds> {
    const { postgresSafeBounds } = await import("./commit-safe/safe-bounds.ts");
    return postgresSafeBounds(this);
  }

  async transactions(): Promise<TransactionReading> {
    const { readingByXmin } = await import("./xmin/read.ts");
    return readingByXmin(this);
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
