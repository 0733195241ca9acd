import { z } from "zod";
import { isLong, warnOfHolder } from "../../commit-safe/waiting.ts";
import type { SqlConnection, Warn } from "../../port.ts";
import { thisDatabase } from "../commit-safe/this-database.ts";

/** The state of a database's transactions, by their 64-bit ids. */
export interface Horizon {
  /** Every transaction below it that may have written to this database has ended. */
  readonly below: bigint;
  /** The id that the next transaction gets. */
  readonly next: bigint;
}

const snapshotQuery = `
SELECT pg_snapshot_xmin(s)::text AS oldest, pg_snapshot_xmax(s)::text AS next,
       COALESCE((SELECT array_agg(x::text) FROM pg_snapshot_xip(s) x), '{}') AS open,
       pg_is_in_recovery() AS standby
  FROM pg_current_snapshot() s`;

const snapshotSchema = z.object({
  oldest: z.coerce.bigint(),
  next: z.coerce.bigint(),
  open: z.array(z.coerce.bigint()),
  standby: z.boolean(),
});

/**
 * Finds the horizon: the lowest id of a transaction that is still open in this database. What began later has a higher
 * one, and so has every subtransaction.
 *
 * Transactions of other databases are ignored where the role may see them; a standby's snapshots do not tell one
 * transaction from another.
 */
export async function findHorizon(connection: SqlConnection, warn: Warn): Promise<Horizon> {
  const elsewhere = await transactionsElsewhere(connection);
  const [row] = await connection.query(snapshotQuery);
  const { oldest, next, open, standby } = snapshotSchema.parse(row);
  if (standby) return { below: oldest, next };
  let below = next;
  for (const id of open) if (id < below && !elsewhere.has(lowerHalf(id))) below = id;
  if (below < next) await warnOfTransaction(connection, below, warn);
  return { below, next };
}

const sessionsElsewhereQuery = `
SELECT pid || ' ' || backend_start::text AS session
  FROM pg_catalog.pg_stat_activity
 WHERE backend_start IS NOT NULL
   AND (datid <> ${thisDatabase} OR backend_type = 'autovacuum worker')`;

const locksQuery = `
SELECT l.transactionid::text AS id, l.pid, p.database <> current_database() AS elsewhere
  FROM pg_catalog.pg_locks l LEFT JOIN pg_catalog.pg_prepared_xacts p ON p.transaction = l.transactionid
 WHERE l.locktype = 'transactionid' AND l.mode = 'ExclusiveLock' AND l.granted`;

const lockSchema = z.object({ id: z.string(), pid: z.int().nullable(), elsewhere: z.boolean().nullable() });

/**
 * The ids, as 32 bits, of transactions that surely belong to other databases: a session has one
 * database as long as it lives, and those counted here were seen both before and after their locks.
 */
async function transactionsElsewhere(connection: SqlConnection): Promise<ReadonlySet<string>> {
  const before = await sessionsElsewhere(connection);
  const locks = (await connection.query(locksQuery)).map((row) => lockSchema.parse(row));
  if (locks.length === 0) return new Set();
  const after = await sessionsElsewhere(connection);
  const pids = new Set(
    [...before].filter((session) => after.has(session)).map((session) => session.split(" ")[0]),
  );
  return new Set(
    locks
      .filter(({ pid, elsewhere }) => (pid === null ? elsewhere === true : pids.has(String(pid))))
      .map(({ id }) => id),
  );
}

async function sessionsElsewhere(connection: SqlConnection): Promise<Set<string>> {
  const rows = await connection.query(sessionsElsewhereQuery);
  return new Set(rows.map(({ session }) => String(session)));
}

function lowerHalf(id: bigint): string {
  return String(BigInt.asUintN(32, id));
}

const holderQuery = `
SELECT COALESCE('the prepared transaction ' || p.gid,
                'pid ' || l.pid || ' (' || COALESCE(NULLIF(a.application_name, ''), 'a session') || ', user ' || COALESCE(a.usename, 'unknown') || ')') AS who,
       COALESCE(p.prepared, a.xact_start) AS since, now() AS now
  FROM pg_catalog.pg_locks l
  LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid = l.pid
  LEFT JOIN pg_catalog.pg_prepared_xacts p ON p.transaction = l.transactionid
 WHERE l.locktype = 'transactionid' AND l.mode = 'ExclusiveLock' AND l.transactionid::text = $1`;

async function warnOfTransaction(connection: SqlConnection, id: bigint, warn: Warn): Promise<void> {
  const [row] = await connection.query(holderQuery, [lowerHalf(id)]);
  if (typeof row?.since !== "string" || typeof row.now !== "string") return;
  if (isLong(row.since, row.now)) warnOfHolder(warn, String(row.who), row.since);
}
