import { hash } from "node:crypto";
import { readSync } from "node:fs";
import { TidemarkError } from "../../errors.ts";

/** A file's committed length, and the hashes that detect a change inside it. */
export interface Sealed {
  /** In bytes. */
  readonly length: number;
  /** The file's beginning up to its first record; null where it has none, or it is unknown. */
  readonly head: string | null;
  /** A hash of the last bytes before the length; null where an older version committed them. */
  readonly tail: string | null;
}

export const nothingSealed: Sealed = { length: 0, head: null, tail: null };

/** How many bytes are hashed: an edit that shifts the content changes them. */
const tailBytes = 1024;
const newline = 10;

/** A hash of the last bytes before a length. */
export function tailOf(file: number, length: number): string {
  const from = Math.max(0, length - tailBytes);
  return hash("sha256", bytesAt(file, from, length - from), "base64url");
}

/**
 * Throws `OUTPUT_LOST` where a file was changed inside its committed length, as far as the header and the bytes before
 * the committed length show it. A power loss can leave the length, and zeros in place of the last bytes.
 */
export function assertUnchanged(
  file: number,
  path: string,
  { length, head, tail }: Sealed,
  size: number,
): void {
  if (head !== null) {
    const found = bytesAt(file, 0, Buffer.byteLength(head)).toString("utf8");
    // Bytes that are no UTF-8 are fewer in the file than in the text.
    if (!found.startsWith(head)) {
      throw changed(path, `its header was ${shown(head)}, and the file begins with ${shown(found)} now`);
    }
  }
  if (length === 0) return;
  const isChanged = tail === null ? endsBroken(file, length) : tailOf(file, length) !== tail;
  if (!isChanged) return;
  const grown = size > length ? `it has grown to ${size}, and ` : "";
  throw changed(
    path,
    `${length} bytes were committed to it, ${grown}the bytes before the committed length are not those that were written${zeros(file, length)}`,
  );
}

/** Whether the file was not edited, but lost its end. */
function zeros(file: number, length: number): string {
  return endsInZero(file, length) ? " (it ends in zero bytes, as a power loss leaves them)" : "";
}

function endsInZero(file: number, length: number): boolean {
  return bytesAt(file, length - 1, 1)[0] === 0;
}

/** Whether a file without a stored hash cannot be unchanged. */
function endsBroken(file: number, length: number): boolean {
  return endsInZero(file, length) || endsInsideLine(file, length);
}

/** If an existing file had no line end at its end, a killed run may have added one. */
function endsInsideLine(file: number, length: number): boolean {
  const [last, next] = bytesAt(file, length - 1, 2);
  if (next === undefined) return false;
  const isEnded = next === newline || next === 13;
  return last !== newline && !(isEnded && last !== 13);
}

function bytesAt(file: number, from: number, length: number): Buffer {
  const bytes = Buffer.alloc(length);
  const read = readSync(file, bytes, 0, length, from);
  return bytes.subarray(0, read);
}

/** The hint where something else has changed a file. */
export const changedHint =
  "Put the file back as it was written. To keep it as it is, name another one in `path`: the stream goes on there. " +
  "To write it anew, move both the file and the folder `<path>.tidemark` away and read again: tidemark state rewind " +
  'CONNECTOR STREAM --to-output PIPELINE.yaml --reason "…".';

function changed(path: string, what: string): TidemarkError {
  return new TidemarkError(
    "OUTPUT_LOST",
    `${path} was changed by something else: ${what}. Nothing was cut or written`,
    { hint: changedHint },
  );
}

const mostShown = 120;

function shown(text: string): string {
  const part = text.length > mostShown ? `${text.slice(0, mostShown)}…` : text;
  return JSON.stringify(part).replaceAll("\u{FEFF}", "\\ufeff");
}
