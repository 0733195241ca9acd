import { sqliteCode } from "../../databases/sqlite/busy.ts";
import { messageOf, TidemarkError } from "../../errors.ts";
import { passesOnDisk } from "../passing-failure.ts";

/** SQLite errors that may be temporary: read-only, I/O error, disk full, cannot open. */
const passingInSqlite: ReadonlySet<unknown> = new Set([8, 10, 13, 14]);

/**
 * The failure of a file or of its sink offsets: `OUTPUT_UNAVAILABLE` where it may be temporary, so that the run is
 * retried, and otherwise `OUTPUT_FAILED`.
 */
export function fileFailure(path: string, cause: unknown): TidemarkError {
  const message = `${path}: ${messageOf(cause)}`;
  if (isFolder(cause)) {
    const hint = "Give `path` the name of a file, such as `./out/orders.jsonl`.";
    return new TidemarkError("OUTPUT_FAILED", `${path} is a folder`, { cause, hint });
  }
  if (!mayPass(cause)) return new TidemarkError("OUTPUT_FAILED", message, { cause });
  return new TidemarkError("OUTPUT_UNAVAILABLE", message, {
    cause,
    hint: "Check that the disk has room and can be written; the next run goes on from the last checkpoint.",
  });
}

function isFolder(cause: unknown): boolean {
  return cause instanceof Error && "code" in cause && cause.code === "EISDIR";
}

function mayPass(cause: unknown): boolean {
  const sqlite = sqliteCode(cause);
  if (sqlite !== null) return passingInSqlite.has(sqlite);
  return passesOnDisk(cause);
}
