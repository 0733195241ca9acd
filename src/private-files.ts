import { chmodSync, closeSync, constants, openSync, statSync } from "node:fs";

/** The rights of a file that holds state: its owner's alone (promise P14). */
export const privateMode = 0o600;

/**
 * Has a file for its owner alone before anything is written to it: makes it, empty, where it is missing. SQLite gives
 * the files that it makes next to it the same rights.
 */
export function makePrivate(file: string): void {
  closeSync(openSync(file, constants.O_RDWR | constants.O_CREAT, privateMode));
}

/**
 * Takes away rights that a file of an earlier version, or one made by hand, has for others. A group that may write to it
 * was given the file on purpose, and keeps its rights. Somebody else's file, and a missing one, stays as it is.
 */
export function narrow(file: string): void {
  const stat = statSync(file, { throwIfNoEntry: false });
  if (stat === undefined) return;
  const mode = narrowed(stat.mode);
  if (mode === (stat.mode & 0o777)) return;
  try {
    chmodSync(file, mode);
  } catch {
    // It is not ours to change, or the file system has no rights.
  }
}

/** The rights for a file that takes the place of another. */
export function modeInPlaceOf(file: string): number {
  const stat = statSync(file, { throwIfNoEntry: false });
  return stat === undefined ? privateMode : narrowed(stat.mode);
}

function narrowed(mode: number): number {
  const isShared = (mode & 0o020) !== 0;
  return mode & (isShared ? 0o770 : 0o700);
}
