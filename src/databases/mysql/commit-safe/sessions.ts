import { z } from "zod";
import { isTidemarkError } from "../../../errors.ts";
import { parseTimestamp } from "../../../model/timestamp.ts";
import type { Transaction } from "../../commit-safe/id-source.ts";
import type { SqlConnection } from "../../port.ts";
import { Unbounded } from "../../unbounded.ts";

/** A transaction, or a statement, that may yet write rows with times from `since` on. */
export interface MysqlTransaction extends Transaction {
  readonly since: string;
  /** Whether it has no session: it was prepared (XA), and waits to be committed or rolled back. */
  readonly detached: boolean;
}

export interface MysqlTransactions {
  /** The server's time before anything was looked at. */
  readonly observed: string;
  readonly open: readonly MysqlTransaction[];
}

const rowSchema = z.object({
  thread: z.coerce.number(),
  what: z.enum(["transaction", "statement"]),
  since: z.coerce.number(),
  user: z.string().nullable(),
});

/** Statements that only read add no rows, however long they take. */
const reading = "^[[:space:](]*(select|show|set|use|explain|describe|kill|analyze|fetch|ping)";

/**
 * Transactions by `innodb_trx`, which says when each one began in whole seconds of the server's own
 * zone; of an hour that the clocks show twice it is taken to be the first. Statements too: what waits for
 * a table before its first row has its time already, and no transaction.
 */
const openQuery = `
SELECT t.trx_mysql_thread_id AS thread, 'transaction' AS what, p.user AS user,
       UNIX_TIMESTAMP(t.trx_started)
         - IF(FROM_UNIXTIME(UNIX_TIMESTAMP(t.trx_started) - 3600) = t.trx_started, 3600, 0) AS since
  FROM information_schema.innodb_trx t
  LEFT JOIN information_schema.processlist p ON p.id = t.trx_mysql_thread_id
 WHERE t.trx_is_read_only = 0 AND t.trx_autocommit_non_locking = 0
   AND t.trx_mysql_thread_id <> CONNECTION_ID()
UNION ALL
SELECT p.id, 'statement', p.user, UNIX_TIMESTAMP() - p.time - 1
  FROM information_schema.processlist p
 WHERE p.command IN ('Query', 'Execute') AND p.id <> CONNECTION_ID()
   AND NOT LOWER(COALESCE(p.info, '')) REGEXP '${reading}'
   AND p.id NOT IN (SELECT trx_mysql_thread_id FROM information_schema.innodb_trx)`;

/** A replica applies what was committed elsewhere, with the times that it had there. */
const replicaQuery = `
SELECT @@global.read_only = 1 OR EXISTS (
  SELECT 1 FROM information_schema.processlist
   WHERE user = 'system user' AND command IN ('Slave_IO', 'Slave_SQL', 'Slave_worker', 'Connect')) AS replica`;

/** Throws `Unbounded` on a replica, and where the user may not see the others' transactions. */
export async function checkMysql(connection: SqlConnection): Promise<void> {
  const [row] = await connection.query(replicaQuery);
  if (row?.replica !== 1) return;
  throw new Unbounded(
    "this server is a replica, or can only be read, and does not know what is open on its primary",
    "Read from the primary, or declare `settle`.",
  );
}

/** Throws as `checkMysql` does. */
export async function openMysqlTransactions(connection: SqlConnection): Promise<MysqlTransactions> {
  const observed = await mysqlNow(connection);
  // The times are those of the server's own zone.
  await connection.execute("SET SESSION time_zone = 'SYSTEM'");
  try {
    const rows = await connection.query(openQuery);
    return { observed, open: rows.map(transactionOf) };
  } catch (error) {
    if (!isTidemarkError(error, "QUERY_FAILED") || error.details?.error !== accessDenied) throw error;
    const [row] = await connection.query("SELECT CURRENT_USER() AS user");
    throw new Unbounded(
      `the user ${row?.user} may not see other sessions' transactions`,
      "GRANT PROCESS ON *.* TO it, or declare `settle`.",
    );
  } finally {
    await connection.execute("SET SESSION time_zone = '+00:00'");
  }
}

const accessDenied = "ER_SPECIFIC_ACCESS_DENIED_ERROR";

function transactionOf(row: unknown): MysqlTransaction {
  const { thread, what, since, user } = rowSchema.parse(row);
  const detached = thread === 0;
  return {
    transaction: detached ? `-1/${since}` : `${thread}/${what === "statement" ? what : since}`,
    since: parseTimestamp(Math.floor(since), { kind: "epoch_s", timezone: "UTC" }),
    who: detached ? "a prepared transaction (XA RECOVER)" : `session ${thread} of user ${user ?? "unknown"}`,
    detached,
  };
}

/** The server's time, as a cursor value. */
export async function mysqlNow(connection: SqlConnection): Promise<string> {
  const [row] = await connection.query("SELECT CAST(UNIX_TIMESTAMP(NOW(6)) * 1000000 AS UNSIGNED) AS now");
  return parseTimestamp(row?.now, { kind: "epoch_us", timezone: "UTC" });
}
