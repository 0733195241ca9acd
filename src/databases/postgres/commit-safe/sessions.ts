import { z } from "zod";
import { compareCursorValues, readCursorValue } from "../../../model/cursor.ts";
import { isoFormat } from "../../../model/timestamp.ts";
import type { SqlConnection } from "../../port.ts";
import { readersPrefix } from "../../readers.ts";
import { Unbounded } from "../../unbounded.ts";
import { thisDatabase } from "./this-database.ts";

/** A session in whose transaction rows may yet be written with times from `since` on. */
export interface OpenSession {
  readonly pid: number;
  readonly since: string;
  /** A description for messages. */
  readonly who: string;
}

export interface OpenSessions {
  /** The server's time before anything was looked at. */
  readonly observed: string;
  readonly sessions: readonly OpenSession[];
}

const waitingQuery = `
SELECT now() AS observed,
       COALESCE(array_agg(pid || ' ' || backend_start::text), '{}') AS waiting
  FROM pg_catalog.pg_stat_activity
 WHERE datid = ${thisDatabase} AND wait_event_type IN ('Client', 'Activity', 'Extension', 'Timeout')
   AND (wait_event = 'ClientRead' OR backend_type <> 'client backend')`;

/** Sessions that the role may not inspect have only a pid and a user. */
const sessionsQuery = `
SELECT pid, pid || ' ' || backend_start::text AS session, usename AS "user", application_name AS application,
       backend_type AS kind, state, backend_xid IS NOT NULL AS writes, usesysid IS NULL AS internal,
       backend_start AS began, xact_start AS transaction, query_start AS query, state_change AS changed,
       pg_has_role('pg_read_all_stats', 'USAGE')
         OR COALESCE(pg_has_role(usesysid, 'USAGE'), false) AS visible
  FROM pg_catalog.pg_stat_activity
 WHERE datid = ${thisDatabase} AND pid <> pg_backend_pid()`;

const instant = z.string().transform((text) => readCursorValue("timestamp_utc", text, isoFormat));
const waitingSchema = z.object({ observed: instant, waiting: z.array(z.string()) });
const time = instant.nullable();
const sessionSchema = z.object({
  pid: z.int(),
  session: z.string().nullable(),
  user: z.string().nullable(),
  application: z.string().nullable(),
  kind: z.string().nullable(),
  state: z.string().nullable(),
  writes: z.boolean(),
  internal: z.boolean(),
  began: time,
  transaction: time,
  query: time,
  changed: time,
  visible: z.boolean(),
});
type Session = z.infer<typeof sessionSchema>;

/**
 * The sessions of this database that may write with a time before now, and since when.
 *
 * A transaction's time is that of the message which began it, taken before anything of the transaction is visible. So a
 * session without a transaction only counts as idle if it was seen waiting for its client after `observed`: what it
 * begins after that has a later time. Otherwise it counts as having begun a transaction when its last one ended.
 *
 * Throws `Unbounded` where the role may not see other sessions.
 */
export async function openSessions(connection: SqlConnection): Promise<OpenSessions> {
  for (let attempt = 1; ; attempt++) {
    const seen = await lookOnce(connection);
    // A session between two messages is rarely there at the next attempt.
    if (!seen.mayBeIncomplete || attempt === mostAttempts) return seen;
  }
}

const mostAttempts = 3;

async function lookOnce(connection: SqlConnection): Promise<OpenSessions & { mayBeIncomplete: boolean }> {
  const [first] = await connection.query(waitingQuery);
  const { observed, waiting } = waitingSchema.parse(first);
  const idle = new Set(waiting);
  const rows = (await connection.query(sessionsQuery)).map((row) => sessionSchema.parse(row));
  const writers = rows.filter((row) => !isNoWriter(row));
  assertVisible(writers);
  const sessions: OpenSession[] = [];
  let mayBeIncomplete = false;
  for (const row of writers) {
    const since = openSince(row, idle);
    if (since === null) continue;
    if (row.transaction === null && isEarlier(since, observed)) mayBeIncomplete = true;
    sessions.push({ pid: row.pid, since, who: describeSession(row) });
  }
  return { observed, sessions, mayBeIncomplete };
}

/** Backends that never write table rows, or that belong to another listed session. */
const noWriters = new Set(["autovacuum worker", "autovacuum launcher", "parallel worker"]);

function isNoWriter({ kind, internal, visible, writes, application }: Session): boolean {
  if (!visible) return internal;
  if (kind === "walsender") return !writes;
  return noWriters.has(kind ?? "") || (application?.startsWith(readersPrefix) ?? false);
}

function assertVisible(sessions: readonly Session[]): void {
  const hidden = sessions.filter(({ visible }) => !visible);
  if (hidden.length > 0) {
    const users = [...new Set(hidden.map(({ user }) => user ?? "an unknown user"))].join(", ");
    throw new Unbounded(
      `the role may not see since when transactions of ${users} are open`,
      "GRANT pg_read_all_stats TO the role that the input connects as.",
    );
  }
  if (sessions.some(({ state }) => state === "disabled")) {
    throw new Unbounded(
      "a session has `track_activities` off, and so does not say since when its transaction is open",
      "Set `track_activities = on` for it.",
    );
  }
}

function openSince(row: Session, waiting: ReadonlySet<string>): string | null {
  const { session, state, began, transaction, query, changed } = row;
  if (transaction !== null) return transaction;
  if (session !== null && waiting.has(session)) return null;
  // A session that is still being set up takes its first message later.
  if (state === null && row.kind === "client backend") return null;
  return (state === "active" ? query : changed) ?? began;
}

function describeSession({ pid, user, application, state, kind }: Session): string {
  const name = application === null || application === "" ? (kind ?? "a session") : application;
  return `pid ${pid} (${name}, user ${user ?? "unknown"}, ${state ?? "no state"})`;
}

/** The session that has been open for longest; null where none is. */
export function oldest({ sessions }: OpenSessions): OpenSession | null {
  return sessions.reduce<OpenSession | null>(
    (first, session) => (first === null || isEarlier(session.since, first.since) ? session : first),
    null,
  );
}

function isEarlier(a: string, b: string): boolean {
  return compareCursorValues("timestamp_utc", a, b) < 0;
}
