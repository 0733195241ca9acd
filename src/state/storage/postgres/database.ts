import type pg from "pg";
import { loadDriver } from "../../../databases/driver.ts";
import { type PostgresAddress, postgresAddress } from "../../../databases/postgres/address.ts";
import { connectByTls } from "../../../databases/postgres/connect.ts";
import { isConnectionLoss } from "../../../databases/postgres/errors.ts";
import { identityExpression } from "../../../databases/postgres/identity.ts";
import { assertSessionStays, namedSession, sessionOf } from "../../../databases/postgres/pooler.ts";
import { PreparedConnection } from "../../../databases/postgres/prepared.ts";
import { registerPassword } from "../../../databases/server-url.ts";
import { isTidemarkError, TidemarkError } from "../../../errors.ts";
import { encodePassword } from "../../../model/web-address.ts";
import { storeClosed } from "../../refusals.ts";
import { connectError, sqlState, stateError } from "./errors.ts";
import { type Runner, Session } from "./session.ts";
import type { Row, Statement, Value } from "./statement.ts";

const mostConnections = 10;
const connectMilliseconds = 10_000;
const statementMilliseconds = 30_000;
const diskFull = "53100";
/** How long a pooler may take to lend a second session, by which its mode is found out. */
const secondSessionMilliseconds = 5_000;

/**
 * What every connection of ours is set to. Rows are always found by an index: a plan that was made
 * while a table was small must not go on reading the whole of it when it has grown.
 */
const greeting = `SELECT
  set_config('statement_timeout', '${statementMilliseconds}', false),
  set_config('default_transaction_isolation', 'read committed', false),
  set_config('enable_seqscan', 'off', false),
  set_config('jit', 'off', false),
  ${identityExpression} AS identity,
  current_schema() AS schema`;

/** The connections to the database that holds the state. */
export class StateDatabase implements Runner {
  /** Host, port and database, for messages. */
  readonly place: string;
  readonly #pool: pg.Pool;
  readonly #connectSecond: () => Promise<pg.Client>;
  readonly #greeted = new WeakMap<pg.PoolClient, PreparedConnection>();
  #identity = "";
  #schema: string | null = null;
  #closed = false;
  /** Whether a statement found the disk full, and no statement that needs room has succeeded since. */
  ranFull = false;

  private constructor(pool: pg.Pool, place: string, connectSecond: () => Promise<pg.Client>) {
    this.#pool = pool;
    this.place = place;
    this.#connectSecond = connectSecond;
  }

  /** Connects once, so that an address that cannot work is known at once. */
  static async open(url: string): Promise<StateDatabase> {
    const address = addressOf(url);
    const { Client, Pool } = await loadPg();
    const settings = {
      connectionString: address.url,
      application_name: "tidemark state",
      connectionTimeoutMillis: connectMilliseconds,
      // Longer than the server's own limit: it is for servers that answer no more.
      query_timeout: statementMilliseconds + connectMilliseconds,
      keepAlive: true,
    };
    return connectByTls(address.tls, async (ssl) => {
      const pool = new Pool({
        ...settings,
        ssl,
        max: mostConnections,
        idleTimeoutMillis: 30_000,
        allowExitOnIdle: true,
      });
      // A connection lost while it is idle is replaced when it is needed; without a listener it would
      // end the process.
      pool.on("error", () => {});
      const connectSecond = async () => {
        const client = new Client({ ...settings, ssl, query_timeout: secondSessionMilliseconds });
        client.on("error", () => {});
        await client.connect();
        return client;
      };
      const database = new StateDatabase(pool, address.place, connectSecond);
      try {
        await database.lend(true, async () => {});
        return database;
      } catch (error) {
        await database.close();
        throw error;
      }
    });
  }

  /** Names the database, as the newest connection reported it. It changes when the server restarts. */
  get identity(): string {
    return this.#identity;
  }

  /** The schema in which the tables are made and found. */
  get schema(): string {
    if (this.#schema !== null) return this.#schema;
    throw new TidemarkError(
      "STATE_UNAVAILABLE",
      `${this.place}: none of the schemas in the search path exists`,
      {
        hint: "Create the schema, or name one that exists: postgres://…?options=-csearch_path%3Dtidemark",
        recoverable: false,
      },
    );
  }

  /** Runs one statement, which must be idempotent. */
  run<P extends string>(statement: Statement<P>, values: Readonly<Record<P, Value>>): Promise<Row[]> {
    return this.lend(true, (session) => session.run(statement, values));
  }

  /**
   * Runs work in a transaction, which is rolled back when the work throws. With `repeatable` it is
   * run once more where the connection was lost, even if the commit may have gone through.
   */
  transact<T>(repeatable: boolean, work: (session: Session) => Promise<T>, mode = ""): Promise<T> {
    return this.lend(repeatable, async (session) => {
      await session.script(`BEGIN ${mode}`);
      try {
        const result = await work(session);
        await session.script("COMMIT");
        return result;
      } catch (error) {
        await session.script("ROLLBACK").catch(() => {});
        throw error;
      }
    });
  }

  /** Lends a connection to the work; once more, with `repeatable`, where it turns out to be broken. */
  async lend<T>(repeatable: boolean, work: (session: Session) => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      const { client, connection } = await this.#connect();
      try {
        const result = await work(new Session(connection, this.place));
        client.release();
        return result;
      } catch (error) {
        const broken = isConnectionLoss(error);
        client.release(broken);
        this.noteFailure(error);
        if (!broken || !repeatable || attempt > 1) throw stateError(error, this.place);
      }
    }
  }

  /** Of a statement on a connection of ours, or of a caller's. */
  noteFailure(error: unknown): void {
    if (sqlState(error) === diskFull) this.ranFull = true;
  }

  async #connect(): Promise<{ client: pg.PoolClient; connection: PreparedConnection }> {
    if (this.#closed) throw storeClosed(this.place);
    let client: pg.PoolClient | undefined;
    try {
      client = await this.#pool.connect();
      const connection = this.#greeted.get(client) ?? (await this.#greet(client));
      return { client, connection };
    } catch (error) {
      client?.release(true);
      throw this.#closed ? storeClosed(this.place) : connectError(error, this.place);
    }
  }

  async #greet(client: pg.PoolClient): Promise<PreparedConnection> {
    // As the pool's own: while a connection is lent, the pool does not listen.
    client.on("error", () => {});
    // Checked before any setting is made, since behind a pooler the setting would affect other clients.
    const session = await sessionOf(client);
    if (session !== namedSession(client)) {
      const { place } = this;
      await assertSessionStays(client, session, { role: "state", place, connect: this.#connectSecond });
    }
    const { rows } = await client.query<{ identity: string; schema: string | null }>(greeting);
    const [row] = rows;
    if (row !== undefined) {
      this.#identity = row.identity;
      this.#schema ??= row.schema;
    }
    const connection = new PreparedConnection(client);
    this.#greeted.set(client, connection);
    return connection;
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#pool.end();
  }
}

/** Where the URL leads. Its password is registered as a secret here. */
function addressOf(url: string): PostgresAddress {
  const problem = registerPassword(url);
  if (problem !== null) {
    throw new TidemarkError(
      "STATE_URL_INVALID",
      `the PostgreSQL URL of the state cannot be used: ${problem}`,
      {
        hint: `Use postgres://user@host:5432/database, with the password behind the user's name and a colon. ${encodePassword}`,
      },
    );
  }
  try {
    return postgresAddress(url);
  } catch (error) {
    if (!isTidemarkError(error, "ARGUMENT_INVALID")) throw error;
    throw new TidemarkError("STATE_URL_INVALID", error.message, { cause: error, hint: error.hint });
  }
}

async function loadPg(): Promise<typeof pg> {
  return loadDriver(async () => (await import("pg")).default, "state on PostgreSQL needs", "pg");
}
