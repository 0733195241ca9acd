import { z } from "zod";
import type { SqlConnection } from "../../port.ts";
import { oidArray, type Relations } from "../relations.ts";
import { thisDatabase } from "./this-database.ts";

/** A prepared transaction, whose rows stay uncommitted until it is committed or rolled back. */
export interface PreparedTransaction {
  readonly transaction: string;
  readonly since: string;
  readonly who: string;
}

const rowSchema = z.object({
  transaction: z.string(),
  gid: z.string(),
  owner: z.string(),
  prepared: z.string(),
});

/** A prepared transaction writes no more, so only one with a lock on the tables that are read matters. */
const lockedBy = `
   AND EXISTS (SELECT FROM pg_catalog.pg_locks own JOIN pg_catalog.pg_locks held USING (virtualtransaction)
                WHERE own.locktype = 'transactionid' AND own.transactionid = p.transaction AND own.pid IS NULL
                  AND held.pid IS NULL AND held.locktype = 'relation' AND held.database = ${thisDatabase}
                  AND held.mode = 'RowExclusiveLock' AND held.relation = ANY ($1::text::oid[]))`;

/** The prepared transactions that may hold rows of these relations, or of any where they are not known. */
export async function preparedTransactions(
  connection: SqlConnection,
  relations: Relations | null,
): Promise<PreparedTransaction[]> {
  const rows = await connection.query(
    `SELECT p.transaction::text AS transaction, p.gid, p.owner::text AS owner, p.prepared
       FROM pg_catalog.pg_prepared_xacts p
      WHERE p.database = current_database()${relations === null ? "" : lockedBy}
      ORDER BY p.prepared`,
    relations === null ? [] : [oidArray(relations.oids)],
  );
  return rows.map((row) => {
    const { transaction, gid, owner, prepared } = rowSchema.parse(row);
    return { transaction, since: prepared, who: `the prepared transaction ${gid} of ${owner}` };
  });
}
