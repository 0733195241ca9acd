import type pg from "pg";
import { messageOf, TidemarkError } from "../../errors.ts";
import { roleCodes, type SqlRole } from "../roles.ts";

/**
 * Poolers such as PgBouncer answer in the server's place. In session mode they lend each connection one
 * session of the server. In transaction mode they lend another one for each transaction: settings
 * then stay behind on other people's connections, and prepared statements and temporary tables are gone.
 */

/** How often both connections are asked, in turn, before their sessions are taken to stay. */
const rounds = 8;

/** What is asked of a connection here; a `pg` client and one of a pool answer it. */
export type AskedClient = Pick<pg.ClientBase, "query">;

export interface PoolerParts {
  readonly role: SqlRole;
  /** Host, port and database, for messages. */
  readonly place: string;
  /** Opens another connection to the same address. */
  readonly connect: () => Promise<AskedClient & { end(): Promise<void> }>;
}

/** The server session that a connection has now. */
export async function sessionOf(client: AskedClient): Promise<number> {
  const { rows } = await client.query<{ pid: number }>("SELECT pg_backend_pid() AS pid");
  return Number(rows[0]?.pid);
}

/** The session that the server named when the connection was made; a pooler names one of its own. */
export function namedSession(client: object): number | null {
  return "processID" in client && typeof client.processID === "number" ? client.processID : null;
}

/**
 * Throws, by role, where a pooler gives each transaction another session. Two connections are asked in
 * turn for their sessions, the second inside a transaction: sessions that stay never meet.
 */
export async function refuseChangingSessions(
  client: AskedClient,
  session: number,
  { role, place, connect }: PoolerParts,
): Promise<void> {
  let beside: (AskedClient & { end(): Promise<void> }) | null = null;
  try {
    beside = await connect();
    for (let round = 0; round < rounds; round++) {
      await beside.query("BEGIN");
      const other = await sessionOf(beside);
      const again = await sessionOf(client);
      await beside.query("ROLLBACK");
      if (other === session || again !== session) throw changingSessions(role, place);
    }
  } catch (error) {
    if (/pooling mode/i.test(messageOf(error))) throw changingSessions(role, place, error);
    // A pool whose sessions are all taken gives no second one; each transaction is then looked at.
    if (!/timeout/i.test(messageOf(error))) throw error;
  } finally {
    await beside?.end().catch(() => {});
  }
}

/** Why a connection cannot be used whose sessions change. */
export function changingSessions(role: SqlRole, place: string, cause?: unknown): TidemarkError {
  return new TidemarkError(
    roleCodes[role].unavailable,
    `${place} is a pooler that gives each transaction another session of the server, as PgBouncer does in transaction mode; Tidemark needs a session of its own`,
    {
      cause,
      hint: "Use the pooler in session mode (PgBouncer: `pool_mode = session`), or the database's own address and port.",
      recoverable: false,
    },
  );
}
