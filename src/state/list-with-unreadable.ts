import type { StreamKey } from "../model/stream-key.ts";
import type { Listing, StateStore, StreamState } from "./contract.ts";
import { decodePlace, encodePlace, pageLimit } from "./listing.ts";
import { isUnreadable, type ListOptions, type UnreadableStream, type WithUnreadable } from "./unreadable.ts";

/**
 * Lists a page of streams of which some cannot be read: gets the names, and reads each stream on its own. `keysAfter`
 * returns the names of the stored streams in order, without reading their rows.
 */
export async function listWithUnreadable(
  store: Pick<StateStore, "list" | "get">,
  { unreadable: _, ...options }: ListOptions,
  keysAfter: (after: StreamKey | null, limit: number) => Promise<readonly StreamKey[]>,
): Promise<Listing<StreamState> & WithUnreadable> {
  try {
    return await store.list(options);
  } catch (error) {
    if (!isUnreadable(error)) throw error;
  }
  const { connector } = options;
  const limit = pageLimit(options.limit, 100);
  const from = connector === undefined ? null : { connector, stream: "" };
  const after = options.after === undefined ? from : decodePlace(options.after).key;
  const found = await keysAfter(after, limit + 1);
  const keys = connector === undefined ? found : found.filter((key) => key.connector === connector);
  const items: StreamState[] = [];
  const unreadable: UnreadableStream[] = [];
  for (const key of keys.slice(0, limit)) {
    try {
      const state = await store.get(key);
      if (state !== null) items.push(state);
    } catch (error) {
      if (!isUnreadable(error)) throw error;
      unreadable.push({ key, error });
    }
  }
  const last = keys.slice(0, limit).at(-1);
  const next = keys.length > limit && last !== undefined ? encodePlace({ key: last, number: 0 }) : null;
  return { items, next, unreadable };
}
