import { z } from "zod";
import { TidemarkError } from "../../../errors.ts";
import type { Position } from "../../../model/position.ts";
import type { SqlConnection } from "../../port.ts";

/**
 * The origin of a horizon: the cluster and its timeline, the database and the table. Transaction ids of another origin
 * are meaningless here.
 */
const clusterSchema = z.strictObject({
  system: z.string(),
  timeline: z.string(),
  database: z.string(),
  table: z.string(),
});
type Cluster = z.infer<typeof clusterSchema>;

const noteSchema = z.strictObject({ xmin: clusterSchema });

const clusterQuery = `
SELECT (SELECT system_identifier::text FROM pg_catalog.pg_control_system()) AS system,
       CASE WHEN pg_is_in_recovery()
            THEN (SELECT timeline_id FROM pg_catalog.pg_control_checkpoint())
            ELSE ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::int
       END::text AS timeline,
       (SELECT oid::text FROM pg_catalog.pg_database WHERE datname = current_database()) AS database,
       COALESCE(to_regclass($1)::oid::text, '') AS "table"`;

/** The note that says whose horizon a position has. */
export async function clusterNote(connection: SqlConnection, table: string): Promise<string> {
  const [row] = await connection.query(clusterQuery, [connection.dialect.table(table)]);
  const cluster = clusterSchema.parse(row);
  if (cluster.table === "") {
    throw new TidemarkError("QUERY_FAILED", `the table ${table} does not exist`, {
      hint: "Check its name and schema, and that the user may see it.",
    });
  }
  return JSON.stringify({ xmin: cluster });
}

const differences: Readonly<Record<keyof Cluster, string>> = {
  system: "this is another database cluster",
  timeline: "the server was restored, or a standby has taken over, and transactions may have been lost",
  database: "this is another database, or one made anew under the same name",
  table: "this is another table, or one that took the place of the former",
};

/**
 * Throws `SOURCE_REPLACED` where the position has another origin, since rows could then be lost silently. A position
 * without a note, as an operator sets it, is accepted.
 */
export function assertSameCluster(position: Position, note: string, name: string): void {
  if (position.watermark === null || position.note === undefined) return;
  const [then, now] = [position.note, note].map((text) => noteSchema.safeParse(parsed(text)).data?.xmin);
  if (then === undefined) {
    throw replaced(name, "the stream was read by another kind of cursor", position.watermark);
  }
  for (const [what, why] of Object.entries(differences)) {
    if (partOf(then, what) !== partOf(now, what)) throw replaced(name, why, position.watermark);
  }
}

function partOf(cluster: Cluster | undefined, what: string): unknown {
  return Object.entries(cluster ?? {}).find(([key]) => key === what)?.[1];
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** For a server whose transactions have not come as far as the stream has. */
export function assertNotEarlier(name: string, next: bigint, position: Position): void {
  if (position.watermark === null || next >= BigInt(position.watermark)) return;
  throw replaced(
    name,
    `its next transaction is ${next}, and the stream has read up to ${position.watermark}: it was set back to an earlier state`,
    position.watermark,
  );
}

function replaced(name: string, why: string, watermark: string): TidemarkError {
  return new TidemarkError("SOURCE_REPLACED", `${name} is not what was read before: ${why}`, {
    hint: `Read everything again with --full-refresh. Where nothing was lost, go on with: tidemark state set CONNECTOR STREAM ${watermark} --reason "…"`,
  });
}
