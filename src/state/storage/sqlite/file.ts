import { randomBytes } from "node:crypto";
import {
  accessSync,
  closeSync,
  constants,
  existsSync,
  linkSync,
  openSync,
  readSync,
  rmSync,
  statSync,
} from "node:fs";
import { dirname, resolve } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { pathToFileURL } from "node:url";
import { busyTimeoutMs, isBusy, sqliteCode } from "../../../databases/sqlite/busy.ts";
import {
  type BetterSqlite3,
  BetterSqliteHandle,
  type SqliteHandle,
} from "../../../databases/sqlite/handle.ts";
import { TidemarkError } from "../../../errors.ts";
import { makeFolder } from "../../../folders.ts";
import { makePrivate, narrow } from "../../../private-files.ts";
import { assertCurrentTables, migrateState } from "./schema.ts";

/**
 * What the write-ahead log is cut back to once it has been copied into the file. A reader that keeps a
 * transaction open makes it grow past this; it is cut after that reader is gone, by the second commit.
 */
const mostLogBytes = 4_194_304;

/**
 * Opens the state database at a path and brings its tables up to date; makes it, and its folder, where there is none.
 * Throws `STATE_UNREADABLE` for a file that is no database, is cut short or is empty: existing state is never started
 * over (promise P10).
 */
export function openStateFile(path: string, driver?: BetterSqlite3): SqliteHandle {
  const file = resolve(path);
  try {
    // Checked in this order: a write-ahead log that existed before its file was found missing has lost its database.
    const logged = existsSync(`${file}-wal`);
    if (!existsSync(file)) {
      if (logged) throw unreadable(file, "the file is gone, but its write-ahead log is still there");
      createStateFile(file, driver);
    }
    assertDatabaseFile(file);
    if (driver === undefined && !isWritable(file)) return openForReading(file);
    for (const suffix of ["", "-wal", "-shm"]) narrow(file + suffix);
    return openDatabase(file, file, driver);
  } catch (error) {
    throw stateFileError(error, file);
  }
}

/**
 * Creates the complete file under another name and then links it into place, so that no process sees an incomplete
 * file. An empty file is therefore always damaged.
 */
function createStateFile(file: string, driver: BetterSqlite3 | undefined): void {
  makeFolder(dirname(file));
  const draft = `${file}.new-${process.pid}-${randomBytes(4).toString("hex")}`;
  try {
    makePrivate(draft);
    const db = openDatabase(draft, file, driver);
    try {
      db.exec("PRAGMA wal_checkpoint(TRUNCATE)");
    } finally {
      db.close();
    }
    assertCheckpointed(draft, file);
    linkSync(draft, file);
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) throw error;
  } finally {
    for (const suffix of ["", "-wal", "-shm"]) rmSync(draft + suffix, { force: true });
  }
}

/** A checkpoint that cannot finish may fail silently. What is left in the log would be lost, as only the file is linked. */
function assertCheckpointed(draft: string, file: string): void {
  if ((statSync(`${draft}-wal`, { throwIfNoEntry: false })?.size ?? 0) === 0) return;
  throw new TidemarkError(
    "STATE_UNAVAILABLE",
    `${file}: the new state file could not be written completely, and was removed again`,
    { hint: "Check that the disk has room, then run the same command again." },
  );
}

/** SQLite also writes files next to the database, so the folder must be writable too. */
function isWritable(file: string): boolean {
  try {
    for (const path of [dirname(file), file]) accessSync(path, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

/**
 * Opens a file that nobody here can write to, on a read-only file system for example: `state list` and the like work,
 * and what would write is refused. SQLite reads a database with a write-ahead log only where it may write, or where
 * it is told that nobody writes (`immutable`). That is so while the log is empty; otherwise the newest writes are in it.
 */
function openForReading(file: string): SqliteHandle {
  const log = `${file}-wal`;
  const address = pathToFileURL(file);
  if (!existsSync(log) || statSync(log).size === 0) address.searchParams.set("immutable", "1");
  let db: SqliteHandle | undefined;
  try {
    db = new DatabaseSync(address, { readOnly: true });
    assertCurrentTables(db, file);
    return db;
  } catch (error) {
    db?.close();
    if (error instanceof TidemarkError || address.search !== "") throw error;
    throw new TidemarkError(
      "STATE_UNAVAILABLE",
      `${file} cannot be written, and its newest writes are still in ${log}, which SQLite can only read where it may write`,
      {
        cause: error,
        hint: "Copy the file with its -wal to a folder that can be written, and look there.",
        recoverable: false,
      },
    );
  }
}

/** `file` names the state in messages, also while `path` is a draft of it. */
function openDatabase(path: string, file: string, driver: BetterSqlite3 | undefined): SqliteHandle {
  const options = { timeout: busyTimeoutMs };
  const db =
    driver === undefined ? new DatabaseSync(path, options) : new BetterSqliteHandle(driver, path, options);
  try {
    useWriteAheadLog(db);
    db.exec("PRAGMA synchronous = FULL");
    db.exec(`PRAGMA journal_size_limit = ${mostLogBytes}`);
    migrateState(db, file);
    // From here on the store waits for locks itself, which does not block the process.
    db.exec("PRAGMA busy_timeout = 0");
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}

/** The change of journal does not wait for its lock by itself, where a file of another make is adopted. */
function useWriteAheadLog(db: SqliteHandle): void {
  const deadline = performance.now() + busyTimeoutMs;
  const pause = new Int32Array(new SharedArrayBuffer(4));
  for (;;) {
    try {
      db.exec("PRAGMA journal_mode = WAL");
      return;
    } catch (error) {
      if (!isBusy(error) || performance.now() > deadline) throw error;
      Atomics.wait(pause, 0, 0, 20);
    }
  }
}

/** Refuses what SQLite would take for a new database and fill, and a file that ends inside a page. */
function assertDatabaseFile(file: string): void {
  const header = Buffer.alloc(100);
  const handle = openSync(file, "r");
  try {
    const found = readSync(handle, header, 0, 100, 0);
    if (found === 0) throw unreadable(file, "the file is empty");
    if (found < 100 || endsInsideAPage(file, header)) throw unreadable(file, "the file is cut short");
  } finally {
    closeSync(handle);
  }
  if (header.toString("latin1", 0, 16) !== "SQLite format 3\0") {
    throw unreadable(file, "it is not an SQLite database");
  }
}

/** SQLite would read what is missing as zeros. With a journal next to it, the last page may not be written yet. */
function endsInsideAPage(file: string, header: Buffer): boolean {
  const isJournaled = ["-wal", "-journal"].some(
    (suffix) => (statSync(file + suffix, { throwIfNoEntry: false })?.size ?? 0) > 0,
  );
  if (isJournaled) return false;
  const written = header.readUInt16BE(16);
  const pageSize = written === 1 ? 65_536 : written;
  return pageSize > 0 && statSync(file).size % pageSize !== 0;
}

/** Errors that mean damaged state: a missing table, a torn page, a duplicate row. */
const damage = new Set([1, 11, 19, 26]);

/** Converts what SQLite or the file system throws to a `TidemarkError`; other errors are returned unchanged. */
export function stateFileError(error: unknown, file: string): unknown {
  if (error instanceof TidemarkError || !(error instanceof Error)) return error;
  const code = sqliteCode(error);
  if (code !== null && damage.has(code)) return unreadable(file, error.message, error);
  if (isBusy(error)) {
    return new TidemarkError("STATE_UNAVAILABLE", `${file}: another transaction holds the database`, {
      cause: error,
      hint: "Find the process that keeps a transaction open on this file, then try again.",
    });
  }
  if (code !== null || "syscall" in error) {
    return new TidemarkError("STATE_UNAVAILABLE", `${file}: ${error.message}`, {
      cause: error,
      hint: "Check that the disk has room, that it can be written, and who may; nothing of what was stored is lost.",
    });
  }
  return error;
}

function unreadable(file: string, why: string, cause?: unknown): TidemarkError {
  return new TidemarkError("STATE_UNREADABLE", `${file}: the state cannot be read: ${why}`, {
    cause,
    hint: "Restore the file from a backup. To start over on purpose, move it away first.",
  });
}
