import { rmSync, writeFileSync } from "node:fs";
import { privateMode } from "../private-files.ts";

/** More than a step of a run writes, so that a disk which has room for this has room for that. */
const content = Buffer.alloc(65_536);

/** Writes a file of this process's own, to the disk itself, and removes it. Throws what the file system throws. */
export function writeScratch(path: string): void {
  const file = `${path}.${process.pid}`;
  try {
    writeFileSync(file, content, { flush: true, mode: privateMode });
  } finally {
    rmSync(file, { force: true });
  }
}
