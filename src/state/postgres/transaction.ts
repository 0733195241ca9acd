import { TidemarkError } from "../../errors.ts";
import type { OpenTransaction } from "../../sql/port.ts";
import { identityExpression } from "../../sql/postgres/identity.ts";
import type { StateDatabase } from "./database.ts";
import { sqlState, stateError } from "./errors.ts";
import { isConnection, Session } from "./session.ts";
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
  async join(transaction: OpenTransaction): Promise<Session> {
    if (!isConnection(transaction)) throw noTransaction("it is no `pg` client");
    const session = new Session(transaction, this.#database.place);
    await refuseUnlessOpen(transaction, session);
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

  /** The server may have been started anew since a connection of ours last asked. */
  #identityNow(): Promise<string> {
    return this.#database.lend(true, identityOf);
  }
}

async function identityOf(session: Session): Promise<string> {
  const [row] = await session.run(askIdentity, {});
  return String(row?.identity);
}

/**
 * A client that knows its transaction's status says so for nothing. Others, and one that has its
 * BEGIN still to send, are asked for a savepoint, which only a transaction can have.
 */
async function refuseUnlessOpen(connection: object, session: Session): Promise<void> {
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

function noTransaction(why: string): TidemarkError {
  return new TidemarkError(
    "ARGUMENT_INVALID",
    `the transaction cannot be used: ${why}; PostgreSQL state takes a \`pg\` client after BEGIN`,
  );
}
