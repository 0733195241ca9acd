import {
  closeSync,
  existsSync,
  fstatSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readSync,
  writeSync,
} from "node:fs";
import { dirname, resolve } from "node:path";
import { messageOf, TidemarkError } from "../../errors.ts";
import type { SourceRecord } from "../../model/record.ts";
import { jsonLine } from "../json-line.ts";

/** One line of a dead-letter file. */
export interface DeadLetter {
  readonly time: string;
  readonly connector: string;
  readonly stream: string;
  /** As `tidemark state history` names it; null where the run is not known. */
  readonly run: string | null;
  /** The status that refused the record; null where no request could be made of it. */
  readonly status: number | null;
  readonly reason: string;
  readonly record: SourceRecord;
}

/**
 * A file to which refused records are added as JSON lines; several streams may share it. It is
 * opened for the first record after a `sync` and closed by the next, so that it may be moved away
 * between two checkpoints. Throws `OUTPUT_FAILED` where it cannot be written.
 */
export class DeadLetters {
  readonly #path: string;
  #file: number | null = null;
  #isNew = false;

  constructor(path: string) {
    this.#path = resolve(path);
  }

  get path(): string {
    return this.#path;
  }

  add(letter: DeadLetter): void {
    this.#tell(() => {
      this.#file ??= this.#open();
      writeWhole(this.#file, Buffer.from(jsonLine({ ...letter })));
    });
  }

  /** Returns when every line added is on the disk. */
  sync(): void {
    this.#tell(() => {
      if (this.#file === null) return;
      fsyncSync(this.#file);
      if (this.#isNew) syncFolder(dirname(this.#path));
      this.close();
    });
  }

  close(): void {
    if (this.#file !== null) closeSync(this.#file);
    this.#file = null;
  }

  #open(): number {
    mkdirSync(dirname(this.#path), { recursive: true });
    this.#isNew = !existsSync(this.#path);
    const file = openSync(this.#path, "a+");
    // A line that a crash cut short must not spoil the next.
    if (!endsLine(file)) writeWhole(file, Buffer.from("\n"));
    return file;
  }

  #tell(action: () => void): void {
    try {
      action();
    } catch (cause) {
      throw new TidemarkError("OUTPUT_FAILED", `the dead-letter file ${this.#path}: ${messageOf(cause)}`, {
        cause,
        hint: "See that `deadLetter.path` can be written; the next run sends the record again.",
      });
    }
  }
}

function endsLine(file: number): boolean {
  const { size } = fstatSync(file);
  if (size === 0) return true;
  const last = Buffer.alloc(1);
  readSync(file, last, 0, 1, size - 1);
  return last[0] === 10;
}

/** A single write may take less than it was given. */
function writeWhole(file: number, bytes: Buffer): void {
  for (let written = 0; written < bytes.length; ) written += writeSync(file, bytes, written);
}

/** Makes a new name durable; some systems cannot sync a folder, and need not. */
function syncFolder(folder: string): void {
  try {
    const handle = openSync(folder, "r");
    fsyncSync(handle);
    closeSync(handle);
  } catch {}
}
