import { readFileSync } from "node:fs";

/** Where the system does not say. */
const usual = 1024;

/** How many files and connections this process may have open at once, as `ulimit -n` shows it. */
export function mostOpenFiles(): number {
  try {
    const [, soft] = /^Max open files\s+(\d+)/m.exec(readFileSync("/proc/self/limits", "latin1")) ?? [];
    return soft === undefined ? usual : Number(soft);
  } catch {
    return usual;
  }
}
