import type { TieMember } from "../model/position.ts";

/** The members of a tie set that are removed, kept and added, so that a growing set is not rewritten each time. */
export interface TieDifferences {
  /** Whether any member is removed. */
  readonly go: boolean;
  readonly gone: readonly TieMember[];
  readonly kept: readonly TieMember[];
  readonly come: readonly TieMember[];
}

export function differentTies(before: readonly TieMember[], after: readonly TieMember[]): TieDifferences {
  const old = new Set(before.map(nameOf));
  const now = new Set(after.map(nameOf));
  // Where a member is named twice, all are written anew.
  if (old.size < before.length || now.size < after.length) {
    return { go: before.length > 0, gone: before, kept: [], come: after };
  }
  const gone = before.filter((member) => !now.has(nameOf(member)));
  const kept = after.filter((member) => old.has(nameOf(member)));
  const come = kept.length === after.length ? [] : after.filter((member) => !old.has(nameOf(member)));
  return { go: gone.length > 0, gone, kept, come };
}

function nameOf({ identity, cursor, count }: TieMember): string {
  return `${cursor}\n${count}\n${identity}`;
}
