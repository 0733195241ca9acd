import type { OpenTransaction } from "../../../databases/port.ts";
import { identityExpression } from "../../../databases/postgres/identity.ts";
import { TidemarkError } from "../../../errors.ts";
import { noTransaction, statementsOf } from "../../statement-runner.ts";
import type { StateDatabase } from "./database.ts";
import { sqlState, stateError } from "./errors.ts";
import { ForeignSession } from "./foreign-session.ts";
import { isConnection, type Runner, Session } from "./session.ts";
import { statement } from "./statement.ts";

const askIdentity = statement("identity", [], `SELECT ${identityExpression} AS identity`);

/** Callers' connections, while a transaction of theirs is to hold the state's change as well. */
export class Transactions {
  readonly #database: StateDatabase;
  /** Which database a connection is on never changes. */
  readonly #identities = new WeakMap<object, string>();

  constructor(database: StateDatabase) {
    this.#database = database;
  }

  /** Throws `ARGUMENT_INVALID` for what is no connection to the state's database with an open transaction. */
  async join(transaction: OpenTransaction): Promise<Runner> {
    const session = this.#sessionOf(transaction);
    await assertInTransaction(transaction, session);
    const identity = this.#identities.get(transaction) ?? (await identityOf(session));
    if (identity !== this.#database.identity && identity !== (await this.#identityNow())) {
      throw new TidemarkError(
        "ARGUMENT_INVALID",
        `the transaction is on another database (${identity}), and the state is in ${this.#database.place}`,
        { hint: "Open the connection on the state's own database, so that one commit covers both." },
      );
    }
    this.#identities.set(transaction, identity);
    return session;
  }

  #sessionOf(transaction: OpenTransaction): Session | ForeignSession {
    const { place } = this.#database;
    const run = statementsOf(transaction);
    if (run !== null) return new ForeignSession(run, place);
    if (isConnection(transaction)) return new Session(transaction, place);
    throw noTransaction("it is no `pg` client after BEGIN, and nothing else that runs a statement");
  }

  /** The server may have restarted since one of our connections last read its identity. */
  #identityNow(): Promise<string> {
    return this.#database.lend(true, identityOf);
  }
}

async function identityOf(session: Runner): Promise<string> {
  const [row] = await session.run(askIdentity, {});
  return String(row?.identity);
}

/**
 * A client that tracks its transaction status needs no query. For other clients, and for one whose BEGIN is still
 * queued, a savepoint is set, which works only inside a transaction.
 */
async function assertInTransaction(connection: object, session: Session | ForeignSession): Promise<void> {
  if (
    "getTransactionStatus" in connection &&
    typeof connection.getTransactionStatus === "function" &&
    connection.getTransactionStatus() === "T"
  ) {
    return;
  }
  try {
    await session.script("SAVEPOINT tidemark");
    await session.script("RELEASE SAVEPOINT tidemark");
  } catch (error) {
    if (sqlState(error) !== "25P01") throw stateError(error, session.place);
    throw noTransaction("it has not begun");
  }
}
