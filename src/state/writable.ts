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
