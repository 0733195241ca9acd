import {
  closeSync,
  existsSync,
  fchmodSync,
  fstatSync,
  fsyncSync,
  openSync,
  readSync,
  statSync,
  writeSync,
} from "node:fs";
import { dirname, resolve } from "node:path";
import type { DeadLetter, DeadLetterSink } from "../../engine/ports.ts";
import { isTidemarkError, messageOf, TidemarkError } from "../../errors.ts";
import { makeFolder } from "../../folders.ts";
import { narrow, privateMode } from "../../private-files.ts";
import { syncFolder } from "../../sync-folder.ts";
import { passesOnDisk } from "../passing-failure.ts";
import { letterLine } from "./letter-line.ts";

/**
 * A file to which refused records are added as JSON lines; several streams and processes may share it. It is opened for
 * the first record after a `sync` and closed by the next. It may be moved away at any time: letters that were not
 * synced by then are added to the new file too; their `id` identifies the copies. A new file is readable only by its
 * owner. Throws `OUTPUT_UNAVAILABLE` where the failure may be temporary, such as a full disk, and otherwise
 * `OUTPUT_FAILED`.
 */
export class DeadLetterFile implements DeadLetterSink {
  readonly #path: string;
  #file: number | null = null;
  #isNew = false;
  /** Where the file ended when it was opened. */
  #from = 0;

  constructor(path: string) {
    this.#path = resolve(path);
  }

  get place(): string {
    return this.#path;
  }

  add(letter: DeadLetter): void {
    this.addLine(letterLine(letter));
  }

  /** Adds text that ends in a line's end. */
  addLine(line: string): void {
    asLetterFailure(this.#path, () => {
      this.#file ??= this.#open();
      writeWhole(this.#file, Buffer.from(line));
    });
  }

  /** Returns when every line added is on the disk. */
  sync(): void {
    asLetterFailure(this.#path, () => {
      for (let tries = 1; this.#file !== null; tries++) {
        const file = this.#file;
        fsyncSync(file);
        if (this.#isNew) syncFolder(dirname(this.#path));
        this.#file = null;
        if (isAt(file, this.#path) || tries === mostTries) closeSync(file);
        else this.#addAgain(file, this.#from);
      }
    });
  }

  /**
   * Copies what was appended to a file since it was opened, by any process, to the new file, if the file was moved
   * away.
   */
  #addAgain(file: number, from: number): void {
    this.#file = this.#open();
    for (const lines of wholeLines(file, from)) writeWhole(this.#file, lines);
    closeSync(file);
  }

  close(): void {
    if (this.#file !== null) closeSync(this.#file);
    this.#file = null;
  }

  #open(): number {
    makeFolder(dirname(this.#path));
    this.#isNew = !existsSync(this.#path);
    const file = openSync(this.#path, "a+", privateMode);
    narrow(this.#path);
    this.#from = fstatSync(file).size;
    // A line that a crash cut short must not damage the next one.
    if (!endsLineSoon(file)) writeWhole(file, Buffer.from("\n"));
    return file;
  }
}

/** Works on a dead-letter file. An error of the file system becomes that of the file, with a code. */
export function asLetterFailure<T>(path: string, work: () => T): T {
  try {
    return work();
  } catch (cause) {
    throw isTidemarkError(cause) ? cause : letterFailure(path, cause);
  }
}

/** The failure of a dead-letter file: `OUTPUT_UNAVAILABLE` where it may be temporary, and otherwise `OUTPUT_FAILED`. */
function letterFailure(path: string, cause: unknown): TidemarkError {
  const mayPass = passesOnDisk(cause);
  const check = mayPass
    ? "Check that the disk has room and can be written"
    : "See that `deadLetter.path` can be written";
  return new TidemarkError(
    mayPass ? "OUTPUT_UNAVAILABLE" : "OUTPUT_FAILED",
    `the dead-letter file ${path}: ${messageOf(cause)}`,
    { cause, hint: `${check}. A record that was not written is read again by the next run.` },
  );
}

/**
 * How many times to retry while a file is moved away or grows; on some file systems this cannot be detected reliably.
 */
const mostTries = 10;

/** The content of a file from an offset on, in pieces that end at line ends. */
export function* wholeLines(file: number, from: number): Generator<Buffer> {
  let rest = Buffer.alloc(0);
  for (let at = from; ; ) {
    const piece = Buffer.alloc(64 * 1024);
    const length = readSync(file, piece, 0, piece.length, at);
    if (length === 0) break;
    at += length;
    const held = Buffer.concat([rest, piece.subarray(0, length)]);
    const end = held.lastIndexOf(10) + 1;
    if (end > 0) yield held.subarray(0, end);
    rest = held.subarray(end);
  }
  if (rest.length > 0) yield rest;
}

/** Whether the path still leads to the open file. */
export function isAt(file: number, path: string): boolean {
  const there = statSync(path, { throwIfNoEntry: false });
  const { ino, dev } = fstatSync(file);
  return there !== undefined && there.ino === ino && there.dev === dev;
}

/** Another process may be in the middle of a write, of which only the beginning is visible. */
function endsLineSoon(file: number): boolean {
  for (let tries = 1; tries <= mostTries; tries++) {
    const { size } = fstatSync(file);
    if (endsLine(file, size)) return true;
    awaitWrites(file);
    // A line that a crash cut short no longer changes; a file that grew may be in the middle of the next write.
    if (fstatSync(file).size === size) return false;
  }
  return false;
}

/** Setting a file's mode, even to the same value, waits for a write in progress. The owner may do it. */
function awaitWrites(file: number): void {
  try {
    fchmodSync(file, fstatSync(file).mode & 0o7777);
  } catch {}
}

function endsLine(file: number, size: number): boolean {
  if (size === 0) return true;
  const last = Buffer.alloc(1);
  readSync(file, last, 0, 1, size - 1);
  return last[0] === 10;
}

/** A single write may write fewer bytes than requested. */
export function writeWhole(file: number, bytes: Buffer): void {
  for (let written = 0; written < bytes.length; ) written += writeSync(file, bytes, written);
}
