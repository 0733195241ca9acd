import { closeSync, existsSync, fsyncSync, linkSync, openSync, renameSync, rmSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { TidemarkError } from "../../errors.ts";
import { privateMode } from "../../private-files.ts";
import { syncFolder } from "../../sync-folder.ts";
import { type DeadLetterFile, wholeLines, writeWhole } from "./dead-letter-file.ts";

/** A purge that began longer ago than this was interrupted. */
const longestPurgeMs = 10 * 60_000;

/** Whether to keep a line, by its text and offset. */
type Keeps = (line: string, offset: number) => boolean;

/**
 * Removes lines from a dead-letter file while pipelines may append to it. The kept lines go into a new file that
 * atomically takes the old one's name. The old file stays under another name until everything that was appended
 * meanwhile is copied. A process that still appends to it notices the move and appends to the new file
 * (`DeadLetterFile`).
 */
export function purgeFile(path: string, book: DeadLetterFile, keeps: Keeps): void {
  const old = oldName(path);
  keepUnder(old, path);
  const file = openSync(old, "r");
  try {
    const end = replaceFile(path, file, keeps);
    for (const piece of wholeLines(file, end)) book.addLine(piece.toString("utf8"));
    book.sync();
    syncFolder(dirname(path));
  } finally {
    closeSync(file);
  }
  rmSync(old);
}

/** The name of the old file while a purge is under way. */
function oldName(path: string): string {
  return `${path}.purging`;
}

function keepUnder(old: string, path: string): void {
  try {
    linkSync(path, old);
  } catch (cause) {
    if (!existsSync(old)) throw cause;
    throw new TidemarkError("OUTPUT_UNAVAILABLE", `another purge of ${path} is under way`, { cause });
  }
}

/**
 * Gives the file's name to a new file with the lines that are kept. Returns up to where the old one was read. If this
 * fails, the file is as it was, and the purge can be repeated.
 */
function replaceFile(path: string, file: number, keeps: Keeps): number {
  const draft = `${path}.purged`;
  try {
    const end = writeKept(draft, file, keeps);
    renameSync(draft, path);
    return end;
  } catch (cause) {
    rmSync(oldName(path));
    throw cause;
  }
}

function writeKept(draft: string, file: number, keeps: Keeps): number {
  const made = openSync(draft, "w", privateMode);
  try {
    let end = 0;
    for (const piece of wholeLines(file, 0)) {
      writeWhole(made, Buffer.from(keptOf(piece, end, keeps)));
      end += piece.length;
    }
    fsyncSync(made);
    return end;
  } finally {
    closeSync(made);
  }
}

function keptOf(piece: Buffer, offset: number, keeps: Keeps): string {
  let kept = "";
  for (let start = 0; start < piece.length; ) {
    const at = piece.indexOf(10, start);
    const end = at < 0 ? piece.length : at;
    const line = piece.toString("utf8", start, end);
    if (line !== "" && keeps(line, offset + start)) kept += `${line}\n`;
    start = end + 1;
  }
  return kept;
}

/**
 * Finishes a purge that was interrupted. `bringBack` receives the old file, from which letters may not have been copied
 * yet.
 */
export function finishPurge(path: string, now: number, bringBack: (old: string) => void): void {
  const old = oldName(path);
  const left = statSync(old, { throwIfNoEntry: false });
  if (left === undefined || now - left.ctimeMs < longestPurgeMs) return;
  const current = statSync(path, { throwIfNoEntry: false });
  if (current?.ino !== left.ino) bringBack(old);
  rmSync(old);
}
