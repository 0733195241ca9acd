import { type Clock, systemClock } from "../../clock.ts";

/** How long to wait, at the most, for another connection's write transaction. */
export const busyTimeoutMs = 30_000;
const longestPauseMs = 50;

/** Whether another connection holds what is needed, so that the same call may succeed in a moment. */
export function isBusy(error: unknown): boolean {
  const code = sqliteCode(error);
  return code === 5 || code === 6;
}

/**
 * Retries while another connection holds the database, without blocking this process: the other transaction may be one
 * that this process has to end. Throws what the last attempt threw.
 */
export async function whenFree<T>(
  attempt: () => T,
  { waitMs = busyTimeoutMs, clock = systemClock }: { waitMs?: number; clock?: Clock } = {},
): Promise<T> {
  const start = clock.elapsed();
  for (let pause = 1; ; pause = Math.min(pause * 2, longestPauseMs)) {
    try {
      return attempt();
    } catch (error) {
      if (!isBusy(error) || clock.elapsed() - start > waitMs) throw error;
    }
    await clock.sleep(pause);
  }
}

/** The primary result code of what SQLite threw, by Node or by better-sqlite3; null for anything else. */
export function sqliteCode(error: unknown): number | null {
  if (!(error instanceof Error)) return null;
  if ("errcode" in error && typeof error.errcode === "number") return error.errcode & 0xff;
  const name =
    "code" in error && typeof error.code === "string" ? /^SQLITE_([A-Z]+)/.exec(error.code)?.[1] : undefined;
  return name === undefined ? null : (codes.get(name) ?? 0xff);
}

/** The primary codes that are distinguished, by the names that better-sqlite3 gives. */
const codes = new Map([
  ["ERROR", 1],
  ["BUSY", 5],
  ["LOCKED", 6],
  ["CORRUPT", 11],
  ["CONSTRAINT", 19],
  ["NOTADB", 26],
]);
