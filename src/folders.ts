import { mkdirSync, type Stats, statSync } from "node:fs";
import { dirname, resolve } from "node:path";

/**
 * Makes a folder with those it lies in. Returns the first one that was made; undefined where it was there already. Throws
 * the system's error.
 *
 * `mkdirSync` with `recursive` does the same, but never ends where the system makes no folders at all, as in `/proc`.
 */
export function makeFolder(path: string): string | undefined {
  const found = statsOf(path);
  if (found?.isDirectory() === true) return undefined;
  const missing = [resolve(path)];
  for (let at = dirname(resolve(path)); statsOf(at) === undefined; at = dirname(at)) missing.unshift(at);
  for (const folder of missing) make(folder);
  return missing[0];
}

/** Another process may make it at the same time. A file in the way is the system's error. */
function make(folder: string): void {
  try {
    mkdirSync(folder);
  } catch (error) {
    if (statsOf(folder)?.isDirectory() !== true) throw error;
  }
}

/** Undefined also for what lies below a file, and for a link that leads nowhere. */
function statsOf(path: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOTDIR") return undefined;
    throw error;
  }
}
