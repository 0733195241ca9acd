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
import type { DeadLetter, DeadLetterSink } from "../../engine/ports.ts";
import { messageOf, TidemarkError } from "../../errors.ts";
import { stringifyJson } from "../../model/json.ts";
import { isRecord } from "../../model/record.ts";

/**
 * A file to which refused records are added as JSON lines; several streams may share it. It is
 * opened for the first record after a `sync` and closed by the next, so that it may be moved away
 * between two checkpoints. A file that is made is readable by its owner alone. Throws `OUTPUT_FAILED`
 * where it cannot be written.
 */
export class DeadLetterFile implements DeadLetterSink {
  readonly #path: string;
  #file: number | null = null;
  #isNew = false;

  constructor(path: string) {
    this.#path = resolve(path);
  }

  get place(): string {
    return this.#path;
  }

  add(letter: DeadLetter): void {
    this.#tell(() => {
      this.#file ??= this.#open();
      writeWhole(this.#file, Buffer.from(letterLine(letter)));
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
    const file = openSync(this.#path, "a+", 0o600);
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
        hint: "See that `deadLetter.path` can be written; the next run meets the record again.",
      });
    }
  }
}

/**
 * A letter as a line. Bytes in the record's fields become base64 text, and `bytes` lists those fields;
 * numbers that JSON has no form for become their words.
 */
function letterLine(letter: DeadLetter): string {
  if (!isRecord(letter.record)) return `${stringifyJson(letter)}\n`;
  const bytes: string[] = [];
  const record: Record<string, unknown> = { ...letter.record };
  for (const field in record) {
    const value = record[field];
    if (value instanceof Uint8Array) {
      record[field] = Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString("base64");
      bytes.push(field);
    } else if (typeof value === "number" && !Number.isFinite(value)) record[field] = String(value);
  }
  return `${stringifyJson({ ...letter, record, ...(bytes.length === 0 ? {} : { bytes }) })}\n`;
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
