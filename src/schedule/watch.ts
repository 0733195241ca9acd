import { type FSWatcher, statSync, watch } from "node:fs";
import { basename, dirname } from "node:path";
import type { Clock } from "../clock.ts";

export interface WatchParts {
  readonly clock: Clock;
  /** Ends the watch. */
  readonly signal: AbortSignal;
  /** Called once things have been quiet for a moment, one call after another. */
  readonly look: () => Promise<void>;
}

/** Editors and copies write in several steps, so the watch waits for a pause, but not forever. */
const quietMs = 200;
const unrestMs = 2000;
/** Not every file system reports changes: network drives and some container mounts do not. */
const lookMs = 5000;

/**
 * Looks again whenever files, or what folders hold, may have changed: soon after the system says so,
 * and now and then in any case. Resolves when the signal aborts.
 */
export async function watchPaths(
  paths: readonly string[],
  { clock, signal, look }: WatchParts,
): Promise<void> {
  const watchers = new Map<string, FSWatcher>();
  let changed = new AbortController();
  const folders = new Set(paths.map(folderOf));
  const named = new Set(paths.map((path) => basename(path)));
  const onChange = (_: unknown, name: string | null): void => {
    if (name === null || named.has(name) || mayMatter.test(name)) changed.abort();
  };
  try {
    while (!signal.aborted) {
      for (const folder of folders) follow(folder, watchers, onChange);
      await pause(clock, lookMs, AbortSignal.any([signal, changed.signal]));
      const until = clock.elapsed() + unrestMs;
      while (changed.signal.aborted && !signal.aborted && clock.elapsed() < until) {
        changed = new AbortController();
        await pause(clock, quietMs, AbortSignal.any([signal, changed.signal]));
      }
      if (!signal.aborted) await look();
    }
  } finally {
    for (const watcher of watchers.values()) watcher.close();
  }
}

/** Outputs and state may lie in the same folder. Links named so are how a ConfigMap's files are exchanged. */
const mayMatter = /\.ya?ml$|^\.\./i;

function folderOf(path: string): string {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ? path : dirname(path);
}

/** A folder that does not exist, or disappears, is tried again at the next check. */
function follow(
  folder: string,
  watchers: Map<string, FSWatcher>,
  onChange: (event: unknown, name: string | null) => void,
): void {
  if (watchers.has(folder)) return;
  const forget = (): void => {
    watchers.get(folder)?.close();
    watchers.delete(folder);
  };
  try {
    watchers.set(folder, watch(folder, { persistent: false }, onChange).on("error", forget));
  } catch {
    forget();
  }
}

function pause(clock: Clock, milliseconds: number, signal: AbortSignal): Promise<void> {
  return clock.sleep(milliseconds, signal, { background: true }).catch(() => {});
}
