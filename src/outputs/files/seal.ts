import { hash } from "node:crypto";
import { readSync } from "node:fs";
import { TidemarkError } from "../../errors.ts";

/** How much of a file was committed, and by what a change inside of that is seen. */
export interface Sealed {
  /** In bytes. */
  readonly length: number;
  /** The file's beginning up to where its first record is; null where it has none, or it is not known. */
  readonly head: string | null;
  /** A hash of the last bytes before the length; null where an older version committed them. */
  readonly tail: string | null;
}

export const nothingSealed: Sealed = { length: 0, head: null, tail: null };

/** Nobody makes a file longer inside and keeps so many bytes before the committed length as they were. */
const tailBytes = 1024;
const newline = 10;

/** A hash of the last bytes before a length. */
export function tailOf(file: number, length: number): string {
  const from = Math.max(0, length - tailBytes);
  return hash("sha256", bytesAt(file, from, length - from), "base64url");
}

/**
 * Throws `OUTPUT_LOST` where a file was changed inside its committed length, as far as that is seen: by its header, and
 * where it has grown, by what stands before the committed length.
 */
export function refuseChanged(
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
  if (size <= length || length === 0) return;
  if (tail === null ? endsInsideLine(file, length) : tailOf(file, length) !== tail) {
    throw changed(
      path,
      `${length} bytes were committed to it, it has grown to ${size}, and what stands before the committed length is not what was written there`,
    );
  }
}

/** Where a file began without the end of its last line, a run that was killed may have added that. */
function endsInsideLine(file: number, length: number): boolean {
  const [last, next] = bytesAt(file, length - 1, 2);
  const isEnded = next === newline || next === 13;
  return last !== newline && !(isEnded && last !== 13);
}

function bytesAt(file: number, from: number, length: number): Buffer {
  const bytes = Buffer.alloc(length);
  const read = readSync(file, bytes, 0, length, from);
  return bytes.subarray(0, read);
}

/** The ways on where something else has changed a file. */
export const changedHint =
  "Put the file back as it was written. To keep it as it is, name another one in `path`: the stream goes on there. " +
  "To write it anew, move it and its `.tidemark` folder away and read again: tidemark state rewind CONNECTOR STREAM " +
  '--to-output PIPELINE.yaml --reason "…".';

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
