import { existsSync } from "node:fs";
import { userInfo } from "node:os";
import type { StateStore } from "../state/contract.ts";
import type { OpenStateOptions } from "../state/storage/open.ts";
import { errorNamingState } from "./named-state.ts";
import { note, shown, style } from "./terminal.ts";

/**
 * Opens the state, lends it out, and closes it. A command that does not add a stream does not create a missing file: it
 * sees an empty state, and prints a note.
 */
export async function withState<T>(
  url: string,
  { create }: { readonly create: boolean },
  use: (state: StateStore) => Promise<T>,
): Promise<T> {
  const { openState } = await import("../state/storage/open.ts");
  const missing = create ? null : missingFile(url);
  if (missing !== null) {
    const text = `no state yet at ${shown(missing)}; it is made by the first run`;
    note(`${style("dim", text, process.stderr)}\n`);
  }
  const onOutage = (message: string): void => note(`${style("yellow", message, process.stderr)}\n`);
  try {
    await using state = await openState(missing === null ? url : "memory:", { ...stateKey(), onOutage });
    return await use(state);
  } catch (thrown) {
    throw errorNamingState(thrown, url);
  }
}

/** The key for state in a service. It has no option, since command lines are visible to other users. */
export function stateKey(): OpenStateOptions {
  return { key: process.env.TIDEMARK_KEY, keyFrom: "TIDEMARK_KEY" };
}

const sqliteFile = /^sqlite:(?:\/\/(?=\/)|(?!\/\/|:))([^?#]*[^?#/\s])$/i;

/** The path of the SQLite file that a state URL names and that is not there; wrong URLs name none. */
export function missingFile(url: string): string | null {
  const path = sqliteFile.exec(url)?.[1];
  return path === undefined || existsSync(path) ? null : path;
}

/** Who acts, for the history and the audit log: `TIDEMARK_ACTOR`, or the name of the system's user. */
export function actor(): string {
  const named = process.env.TIDEMARK_ACTOR?.trim();
  if (named) return named;
  try {
    return userInfo().username;
  } catch {
    // A user without an entry in the system's list, as in many containers, still has a number.
    return `uid ${process.getuid?.() ?? "unknown"}`;
  }
}
