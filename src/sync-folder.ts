import { closeSync, fsyncSync, openSync } from "node:fs";

/** What systems answer that cannot sync a folder: Windows, some network file systems, a folder that is not readable. */
const unsupported = new Set(["EACCES", "EINVAL", "EISDIR", "ENOTSUP", "EOPNOTSUPP", "EPERM"]);

/**
 * Makes the names of the files in a folder durable. Does nothing where the system cannot sync folders. Throws the
 * system's own error where the disk fails.
 */
export function syncFolder(folder: string): void {
  try {
    const handle = openSync(folder, "r");
    try {
      fsyncSync(handle);
    } finally {
      closeSync(handle);
    }
  } catch (error) {
    if (!(error instanceof Error && "code" in error && unsupported.has(String(error.code)))) throw error;
  }
}
