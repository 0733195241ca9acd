import { isTidemarkError } from "../errors.ts";
import type { StateStore } from "./contract.ts";

/** No stream of anybody's. */
const nobody = { connector: "_tidemark", stream: "_writable" };

/**
 * Looks whether a state can be written: deletes nothing, in a transaction that writes. Throws `STATE_UNAVAILABLE` and
 * the other failures of the state where it is read-only: a file system, a file without the right, a standby.
 */
export async function refuseUnwritable(state: StateStore): Promise<void> {
  try {
    await state.prune({ keepRuns: 1_000_000, key: nobody });
  } catch (error) {
    if (!isTidemarkError(error, "STREAM_NOT_FOUND")) throw error;
  }
}

/**
 * Asks the state for nothing, to see that it answers. No stream's row is read: one that cannot be read fails its own
 * runs and no others. Throws the failures of the state, such as `STATE_UNAVAILABLE` and `UNAUTHORIZED`.
 */
export async function refuseSilent(state: StateStore): Promise<void> {
  await state.list({ connector: nobody.connector, limit: 1 });
}
