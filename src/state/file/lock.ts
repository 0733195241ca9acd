import { mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as delay } from "node:timers/promises";
import { TidemarkError } from "../../errors.ts";
import { makePrivate } from "../../private-files.ts";

const patienceMs = 30_000;
const longestPauseMs = 50;
const sqliteBusy = 5;

/**
 * Holds a stream's lock while `work` runs. The lock is SQLite's own on an empty file, because the
 * system lets go of it with the process that held it, however that ends. Throws `STATE_UNAVAILABLE`
 * where another holds it for too long.
 */
export async function withLock<T>(file: string, work: () => T): Promise<T> {
  mkdirSync(dirname(file), { recursive: true });
  makePrivate(file);
  const lock = new DatabaseSync(file, { timeout: 0 });
  try {
    await acquire(lock, file);
    return work();
  } finally {
    lock.close();
  }
}

async function acquire(lock: DatabaseSync, file: string): Promise<void> {
  const deadline = performance.now() + patienceMs;
  for (let pause = 1; ; pause = Math.min(pause * 2, longestPauseMs)) {
    try {
      lock.exec("BEGIN EXCLUSIVE");
      return;
    } catch (error) {
      const busy = error instanceof Error && "errcode" in error && error.errcode === sqliteBusy;
      if (!busy || performance.now() > deadline) {
        throw new TidemarkError("STATE_UNAVAILABLE", `${file}: the stream's lock cannot be had`, {
          cause: error,
          hint: "See whether another process that uses this folder is stopped or stuck.",
        });
      }
    }
    await delay(pause);
  }
}
