import { randomBytes } from "node:crypto";
import { closeSync, existsSync, linkSync, mkdirSync, openSync, readSync, rmSync, statSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { TidemarkError } from "../../errors.ts";
import { migrate } from "./schema.ts";

const busyTimeoutMs = 30_000;

/**
 * Opens the state database at a path and brings its tables up to date; makes it, and its folder,
 * where there is none. Throws `STATE_UNREADABLE` for a file that is no database, is cut short or is
 * empty: what was there once is never started over (promise P10).
 */
export function openStateFile(path: string): DatabaseSync {
  const file = resolve(path);
  if (!existsSync(file)) createStateFile(file);
  refuseCutFile(file);
  return withDatabase(file, (db) => {
    migrate(db, file);
    return db;
  });
}

/**
 * Makes the file whole under another name and only then links it into place, so that no process
 * ever finds a half-made one; an empty file is therefore always a damaged one.
 */
function createStateFile(file: string): void {
  mkdirSync(dirname(file), { recursive: true });
  const draft = `${file}.new-${process.pid}-${randomBytes(4).toString("hex")}`;
  try {
    const db = withDatabase(draft, (made) => {
      migrate(made, file);
      return made;
    });
    db.exec("PRAGMA wal_checkpoint(TRUNCATE)");
    db.close();
    linkSync(draft, file);
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) throw error;
  } finally {
    for (const suffix of ["", "-wal", "-shm"]) rmSync(draft + suffix, { force: true });
  }
}

function withDatabase(file: string, use: (db: DatabaseSync) => DatabaseSync): DatabaseSync {
  let db: DatabaseSync | undefined;
  try {
    db = new DatabaseSync(file, { timeout: busyTimeoutMs });
    db.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;");
    return use(db);
  } catch (error) {
    db?.close();
    throw stateFileError(error, file);
  }
}

/** A database says in its header how many pages it has; without a write-ahead log the file has them. */
function refuseCutFile(file: string): void {
  const { size } = statSync(file);
  if (size === 0) throw unreadable(file, "the file is empty");
  const log = statSync(`${file}-wal`, { throwIfNoEntry: false });
  if (log !== undefined && log.size > 0) return;
  const header = Buffer.alloc(100);
  const handle = openSync(file, "r");
  try {
    if (readSync(handle, header, 0, 100, 0) < 100) throw unreadable(file, "the file is cut short");
  } finally {
    closeSync(handle);
  }
  if (header.toString("latin1", 0, 15) !== "SQLite format 3")
    throw unreadable(file, "it is not an SQLite database");
  const pageSize = header.readUInt16BE(16) === 1 ? 65_536 : header.readUInt16BE(16);
  if (size < pageSize * header.readUInt32BE(28)) throw unreadable(file, "the file is cut short");
}

/** What SQLite throws, as a `TidemarkError`; others pass as they are. */
export function stateFileError(error: unknown, file: string): unknown {
  if (!(error instanceof Error) || !("errcode" in error) || typeof error.errcode !== "number") return error;
  const primary = error.errcode & 0xff;
  if (primary === 5 || primary === 6) {
    return new TidemarkError(
      "STATE_UNAVAILABLE",
      `${file}: another process held the database for over ${busyTimeoutMs / 1000} s`,
      {
        cause: error,
      },
    );
  }
  if (primary === 11 || primary === 26) return unreadable(file, error.message, error);
  return new TidemarkError("STATE_UNAVAILABLE", `${file}: ${error.message}`, { cause: error });
}

function unreadable(file: string, why: string, cause?: unknown): TidemarkError {
  return new TidemarkError("STATE_UNREADABLE", `${file}: the state cannot be read: ${why}`, {
    cause,
    hint: "Restore the file from a backup. To start over on purpose, move it away first.",
  });
}
