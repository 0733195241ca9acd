import pg from "pg";
import { expect } from "vitest";

/** Resolves when another session waits for a lock that this one holds. */
export async function untilAwaited(url: string, holder: pg.Client): Promise<void> {
  const { rows } = await holder.query<{ pid: number }>("SELECT pg_backend_pid() AS pid");
  // Asked by another: inside a transaction the list of sessions stays as it was first seen.
  const watcher = new pg.Client({ connectionString: url });
  await watcher.connect();
  try {
    const waiting = "SELECT count(*)::int AS n FROM pg_stat_activity WHERE $1 = ANY (pg_blocking_pids(pid))";
    await expect
      .poll(async () => (await watcher.query(waiting, [rows[0]?.pid])).rows[0]?.n)
      .toBeGreaterThan(0);
  } finally {
    await watcher.end();
  }
}
