import type pg from "pg";
import { messageOf, TidemarkError } from "../../errors.ts";
import { roleCodes, type SqlRole } from "../roles.ts";

/**
 * Poolers such as PgBouncer answer in the server's place. In session mode they lend each connection one session of the
 * server. In transaction mode each transaction may get another session: settings then leak to other clients, and
 * prepared statements and temporary tables are lost.
 */

/** How often both connections are checked, in turn, before their sessions count as stable. */
const rounds = 8;

/** The part of a connection that is used here; a `pg` client has it, pooled or not. */
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

/** The session id from the connection's start; a pooler sends an id of its own. */
export function namedSession(client: object): number | null {
  return "processID" in client && typeof client.processID === "number" ? client.processID : null;
}

interface Named {
  readonly pid: number;
  readonly start: string | null;
}

const nameQuery =
  "SELECT pg_backend_pid() AS pid, (SELECT backend_start::text FROM pg_stat_activity WHERE pid = pg_backend_pid()) AS start";

/**
 * A session's number and when it began. Behind an address of several servers two sessions may have one number,
 * and in containers the numbers are small.
 */
async function nameOf(client: AskedClient): Promise<string> {
  const { rows } = await client.query<Named>(nameQuery);
  return `${rows[0]?.pid} ${rows[0]?.start ?? ""}`;
}

/**
 * Throws, by role, where a pooler gives each transaction another session. Two connections are asked in
 * turn for their sessions, the second inside a transaction: sessions that stay never meet. A server that
 * gives no numbers to its sessions, or does not say when they began, cannot be asked and is not refused.
 */
export async function assertSessionStays(
  client: AskedClient,
  session: number,
  { role, place, connect }: PoolerParts,
): Promise<void> {
  if (!(session > 0)) return;
  const name = await nameOf(client).catch(() => null);
  if (name === null) return;
  let second: (AskedClient & { end(): Promise<void> }) | null = null;
  try {
    second = await connect();
    for (let round = 0; round < rounds; round++) {
      await second.query("BEGIN");
      const other = await nameOf(second);
      const again = await nameOf(client);
      await second.query("ROLLBACK");
      if (other === name || again !== name) throw changingSessions(role, place);
    }
  } catch (error) {
    if (/pooling mode/i.test(messageOf(error))) throw changingSessions(role, place, error);
    // A pool whose sessions are all taken gives no second one; each transaction is then looked at.
    if (!/timeout/i.test(messageOf(error))) throw error;
  } finally {
    await second?.end().catch(() => {});
  }
}

/** The error for a connection whose sessions change. */
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
