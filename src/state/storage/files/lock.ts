import { dirname } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as delay } from "node:timers/promises";
import { messageOf, TidemarkError } from "../../../errors.ts";
import { makeFolder } from "../../../folders.ts";
import { makePrivate } from "../../../private-files.ts";

const patienceMs = 30_000;
const longestPauseMs = 50;
const sqliteBusy = 5;
const sqliteCorrupt = 11;
const sqliteNoDatabase = 26;

/**
 * Holds a stream's lock while `work` runs. The lock is SQLite's own on an empty file, because the
 * system lets go of it with the process that held it, however that ends. Throws `STATE_UNAVAILABLE`
 * where another holds it for too long.
 */
export async function withLock<T>(file: string, work: () => T): Promise<T> {
  makeFolder(dirname(file));
  makePrivate(file);
  const lock = opened(file);
  try {
    await acquire(lock, file);
    return work();
  } finally {
    lock.close();
  }
}

function opened(file: string): DatabaseSync {
  try {
    return new DatabaseSync(file, { timeout: 0 });
  } catch (error) {
    throw lockError(error, file);
  }
}

async function acquire(lock: DatabaseSync, file: string): Promise<void> {
  const deadline = performance.now() + patienceMs;
  for (let pause = 1; ; pause = Math.min(pause * 2, longestPauseMs)) {
    try {
      lock.exec("BEGIN EXCLUSIVE");
      return;
    } catch (error) {
      if (codeOf(error) !== sqliteBusy || performance.now() > deadline) throw lockError(error, file);
    }
    await delay(pause);
  }
}

/** The error for a lock that cannot be taken: another process holds it, or the disk does not allow it. */
export function lockError(error: unknown, file: string): TidemarkError {
  const code = codeOf(error);
  const why = code === sqliteBusy ? "another process holds it" : messageOf(error);
  return new TidemarkError("STATE_UNAVAILABLE", `${file}: the stream's lock cannot be taken: ${why}`, {
    cause: error,
    hint: hintOf(code),
  });
}

function hintOf(code: number | null): string {
  if (code === sqliteBusy) return "See whether another process that uses this folder is stopped or stuck.";
  if (code === sqliteCorrupt || code === sqliteNoDatabase) {
    return "The file is empty as a rule, and nothing is kept in it: stop every process that uses this folder, and remove it.";
  }
  return "Check that the disk has room, that it can be written, and who may; nothing of what was stored is lost.";
}

/** SQLite's primary result code. */
function codeOf(error: unknown): number | null {
  if (!(error instanceof Error) || !("errcode" in error) || typeof error.errcode !== "number") return null;
  return error.errcode & 0xff;
}
