import { rmSync, writeFileSync } from "node:fs";
import { privateMode } from "../private-files.ts";

/** More bytes than a step of a run writes, so that a disk with room for this has room for a step. */
const content = Buffer.alloc(65_536);

/** Writes a temporary file, syncs it to the disk, and removes it. Throws what the file system throws. */
export function writeScratch(path: string): void {
  const file = `${path}.${process.pid}`;
  try {
    writeFileSync(file, content, { flush: true, mode: privateMode });
  } finally {
    rmSync(file, { force: true });
  }
}
