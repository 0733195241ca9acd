import { closeSync, fsyncSync, openSync } from "node:fs";

/** Makes the names in a folder durable; some systems cannot sync a folder, and need not. */
export function syncFolder(path: string): void {
  try {
    const folder = openSync(path, "r");
    fsyncSync(folder);
    closeSync(folder);
  } catch {}
}
