import {
  closeSync,
  existsSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  openSync,
  readSync,
  statSync,
} from "node:fs";
import { dirname } from "node:path";
import { TidemarkError } from "../../errors.ts";
import { syncFolder } from "../../sync-folder.ts";
import { assertUnchanged, nothingSealed, type Sealed, tailOf } from "./seal.ts";
import { writeAll } from "./staging.ts";

const copyChunk = 1024 * 1024;
const newline = 10;

/** The bytes found after a file's committed length, and where they are kept now. */
export interface SetAside {
  readonly file: string;
  readonly bytes: number;
  readonly lines: number;
  readonly keptIn: string;
}

/** The path for lines of a file that were never committed. */
export function asideOf(path: string): string {
  return `${path}.aside`;
}

/** Called for each part that was moved aside. */
export type OnAside = (aside: SetAside) => void;

/** Creates the file if nothing was committed to it yet, and moves uncommitted bytes aside. */
export function settleFile(path: string, committed: Sealed, onAside: OnAside): void {
  const isNew = !existsSync(path);
  if (isNew && committed.length === 0) closeSync(openSync(path, "a"));
  const file = openAt(path, committed, onAside);
  try {
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  if (isNew) syncFolder(dirname(path));
}

/**
 * The file opened for writing, at its committed length. Bytes after that are moved to `<path>.aside`: they come from a
 * run that was killed while it wrote, or from another program that added lines; the two cannot be distinguished. Throws
 * `OUTPUT_LOST` where the file is shorter, or was changed inside its committed length.
 */
export function openAt(path: string, committed: Sealed, onAside: OnAside): number {
  const { length } = committed;
  if (!existsSync(path)) throw lost(path, "is gone", length);
  const file = openSync(path, "r+");
  try {
    const { size, mode } = fstatSync(file);
    if (size < length) throw lost(path, `holds ${size} bytes`, length);
    assertUnchanged(file, path, committed, size);
    if (size > length) {
      const keptIn = asideOf(path);
      const lines = copyBehind(file, length, keptIn, mode & 0o777);
      ftruncateSync(file, length);
      onAside({ file: path, bytes: size - length, lines, keptIn });
    }
    return file;
  } catch (error) {
    closeSync(file);
    throw error;
  }
}

/** Adds all bytes from an offset on to another file, durably; returns how many lines they hold. */
function copyBehind(from: number, offset: number, path: string, mode: number): number {
  const isNew = !existsSync(path);
  const to = openSync(path, "a", mode);
  const chunk = Buffer.allocUnsafe(copyChunk);
  let lines = 0;
  let last = newline;
  try {
    let at = fstatSync(to).size;
    for (let position = offset; ; ) {
      const read = readSync(from, chunk, 0, copyChunk, position);
      if (read === 0) break;
      const bytes = chunk.subarray(0, read);
      at += writeAll(to, bytes, at);
      position += read;
      for (const byte of bytes) if (byte === newline) lines += 1;
      last = bytes[read - 1] ?? newline;
    }
    // The next bytes that are moved aside must begin on a new line.
    if (last !== newline) {
      writeAll(to, Buffer.from("\n"), at);
      lines += 1;
    }
    fsyncSync(to);
  } finally {
    closeSync(to);
  }
  if (isNew) syncFolder(dirname(path));
  return lines;
}

function lost(path: string, found: string, length: number): TidemarkError {
  return new TidemarkError("OUTPUT_LOST", `${path} ${found}, but ${length} bytes were committed to it`, {
    hint:
      "Put the file back as it was. An older copy needs the folder `<path>.tidemark` of the same time next to it. Without any " +
      "copy, move both the file (if some of it is left) and the folder `<path>.tidemark` away. Then read again what is " +
      'missing: tidemark state rewind CONNECTOR STREAM --to-output PIPELINE.yaml --reason "…". If the file was moved away on purpose, name another one in `path`: the stream goes on ' +
      "there. `path: orders-{{ date }}.jsonl` begins a file each day by itself.",
  });
}

/** The offset of the next line. A file that was created by others may lack its last line end. */
export function lineStart(file: number, length: number, lineEnd: string): number {
  if (length === 0) return 0;
  const last = Buffer.alloc(1);
  readSync(file, last, 0, 1, length - 1);
  return last[0] === newline ? length : length + writeAll(file, Buffer.from(lineEnd), length);
}

/** So that readers do not see half a checkpoint. If this fails too, the next fence does it. */
export function cutBack(file: number, length: number): void {
  try {
    ftruncateSync(file, length);
  } catch {}
}

/** A file that was there before the stream wrote to it: all of it counts as committed. */
export function foundAt(path: string): Sealed {
  const length = sizeOf(path);
  if (length === 0) return nothingSealed;
  const file = openSync(path, "r");
  try {
    return { length, head: null, tail: tailOf(file, length) };
  } finally {
    closeSync(file);
  }
}

/** Whether the last line of a file has no end. */
export function endsInsideLine(path: string, length: number): boolean {
  if (length === 0) return false;
  const file = openSync(path, "r");
  try {
    const last = Buffer.alloc(1);
    readSync(file, last, 0, 1, length - 1);
    return last[0] !== newline;
  } finally {
    closeSync(file);
  }
}

/** How many bytes a file holds; 0 where there is none. */
export function sizeOf(path: string): number {
  return existsSync(path) ? statSync(path).size : 0;
}
