import { z } from "zod";
import type { Transaction } from "../../commit-safe/id-source.ts";
import type { SqlConnection } from "../../port.ts";
import { readersPrefix } from "../../readers.ts";
import { oidArray } from "../relations.ts";
import { thisDatabase } from "./this-database.ts";

const rowSchema = z.object({
  transaction: z.string(),
  pid: z.int().nullable(),
  user: z.string().nullable(),
  application: z.string().nullable(),
});

const holder = `DISTINCT l.virtualtransaction AS transaction, l.pid, a.usename AS "user", a.application_name AS application
  FROM pg_catalog.pg_locks l LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid = l.pid`;

/**
 * Transactions that have taken a value from one of these sequences, or have written to one of these tables. Both take a
 * lock that lasts until they end, including prepared transactions; the locks are visible to every role.
 */
export async function holdersOf(
  connection: SqlConnection,
  relations: readonly string[],
): Promise<Transaction[]> {
  const rows = await connection.query(
    `SELECT ${holder}
      WHERE l.locktype = 'relation' AND l.mode = 'RowExclusiveLock' AND l.database = ${thisDatabase}
        AND l.relation = ANY ($1::text::oid[]) AND l.pid IS DISTINCT FROM pg_backend_pid()`,
    [oidArray(relations)],
  );
  return rows.map(transactionOf);
}

/**
 * All open transactions of this database but those of other readers: each backend's by its virtual
 * id, which it has from its first statement on, and what is prepared by the lock on its id.
 */
export async function openTransactions(connection: SqlConnection): Promise<Transaction[]> {
  const rows = await connection.query(
    `SELECT ${holder} LEFT JOIN pg_catalog.pg_prepared_xacts p ON l.pid IS NULL AND p.transaction = l.transactionid
      WHERE (l.locktype = 'virtualxid' AND l.mode = 'ExclusiveLock' AND l.pid <> pg_backend_pid()
             AND (a.pid IS NULL OR a.datid = ${thisDatabase})
             AND (a.usesysid IS NOT NULL OR a.pid IS NULL)
             AND (a.backend_type IS NULL OR a.backend_type <> 'parallel worker')
             AND (a.backend_type IS DISTINCT FROM 'walsender' OR a.backend_xid IS NOT NULL)
             AND (a.application_name IS NULL OR NOT starts_with(a.application_name, $1)))
         OR (l.locktype = 'transactionid' AND l.pid IS NULL AND COALESCE(p.database = current_database(), true))`,
    [readersPrefix],
  );
  return rows.map(transactionOf);
}

function transactionOf(row: unknown): Transaction {
  const { transaction, pid, user, application } = rowSchema.parse(row);
  if (pid === null) return { transaction, who: "a prepared transaction" };
  const name = application === null || application === "" ? "a session" : application;
  return { transaction, who: `pid ${pid} (${name}, user ${user ?? "unknown"})` };
}
