import { closeSync, openSync, readSync, rmSync, writeSync } from "node:fs";
import { setImmediate as turn } from "node:timers/promises";

/** How many bytes of one checkpoint's lines are kept in memory; more goes to a temporary file. */
const memoryLimit = 8 * 1024 * 1024;
const copyChunk = 1024 * 1024;

/**
 * Holds a checkpoint's lines until they are committed, in bounded memory. The temporary file is unlinked as soon as it
 * is open, so a killed process leaves nothing behind.
 */
export class Staging {
  readonly #spillPath: string;
  readonly #memoryLimit: number;
  #chunks: Buffer[] = [];
  #inMemory = 0;
  #spill: number | null = null;
  #spilled = 0;

  constructor(spillPath: string, limit = memoryLimit) {
    this.#spillPath = spillPath;
    this.#memoryLimit = limit;
  }

  get length(): number {
    return this.#spilled + this.#inMemory;
  }

  append(text: string): void {
    const chunk = Buffer.from(text);
    this.#chunks.push(chunk);
    this.#inMemory += chunk.length;
    if (this.#inMemory > this.#memoryLimit) this.#spillOver();
  }

  #spillOver(): void {
    this.#spill ??= openUnnamed(this.#spillPath);
    for (const chunk of this.#chunks) this.#spilled += writeAll(this.#spill, chunk, this.#spilled);
    this.#chunks = [];
    this.#inMemory = 0;
  }

  /** Writes all lines into an open file from an offset on; lets other work run between chunks of the temporary file. */
  async copyTo(file: number, offset: number): Promise<void> {
    let at = offset;
    if (this.#spill !== null) {
      const chunk = Buffer.allocUnsafe(copyChunk);
      for (let from = 0; from < this.#spilled; ) {
        const read = readSync(this.#spill, chunk, 0, Math.min(copyChunk, this.#spilled - from), from);
        if (read === 0) throw new Error(`the lines set aside in ${this.#spillPath} ended early`);
        at += writeAll(file, chunk.subarray(0, read), at);
        from += read;
        await turn();
      }
    }
    for (const chunk of this.#chunks) at += writeAll(file, chunk, at);
  }

  clear(): void {
    if (this.#spill !== null) closeSync(this.#spill);
    this.#spill = null;
    this.#spilled = 0;
    this.#chunks = [];
    this.#inMemory = 0;
  }
}

function openUnnamed(path: string): number {
  const file = openSync(path, "w+", 0o600);
  rmSync(path);
  return file;
}

/** A single write may write fewer bytes than requested. */
export function writeAll(file: number, bytes: Buffer, offset: number): number {
  let written = 0;
  while (written < bytes.length) {
    written += writeSync(file, bytes, written, bytes.length - written, offset + written);
  }
  return written;
}
