import { compareStreamKeys } from "../../model/stream-key.ts";
import type { Listing, StateStore, StreamState } from "../../state/contract.ts";
import { encodePlace, mostListed } from "../../state/listing.ts";
import {
  entriesOf,
  type ListOptions,
  type UnreadableStream,
  type WithUnreadable,
} from "../../state/unreadable.ts";
import { firstVisible, isPastVisible, maySee, type Principal } from "./access.ts";

/**
 * A page of the streams that a key may see. Streams that it may not see are not noticeable: pages are full, and the
 * next page's start is a stream that the key may see.
 */
export async function listVisible(
  state: StateStore,
  principal: Principal,
  options: ListOptions,
): Promise<Listing<StreamState> & WithUnreadable> {
  if (principal.connectors === null) return state.list(options);
  const { connector, limit = 100 } = options;
  if (connector !== undefined) {
    return maySee(principal, connector) ? state.list(options) : { items: [], next: null };
  }
  const found: (StreamState | UnreadableStream)[] = [];
  let after: string | null = options.after ?? start(principal);
  // One more than requested, to know whether anything follows.
  while (found.length <= limit) {
    const page: Listing<StreamState> & WithUnreadable = await state.list({
      ...(options.unreadable === undefined ? {} : { unreadable: options.unreadable }),
      ...(after === null ? {} : { after }),
      limit: Math.min(mostListed, Math.max(limit, 100) + 1),
    });
    const entries = entriesOf(page, compareStreamKeys);
    found.push(...entries.filter(({ key }) => maySee(principal, key.connector)));
    after = page.next;
    const last = entries.at(-1);
    if (after === null || last === undefined || isPastVisible(principal, last.key.connector)) break;
  }
  const entries = found.slice(0, limit);
  const end = entries.at(-1);
  const more = found.length > limit && end !== undefined;
  return {
    items: entries.flatMap((entry) => ("error" in entry ? [] : entry)),
    next: more ? encodePlace({ key: end.key, number: 0 }) : null,
    unreadable: entries.flatMap((entry) => ("error" in entry ? entry : [])),
  };
}

/** Just before the first stream that the key may see. */
function start(principal: Principal): string | null {
  const connector = firstVisible(principal);
  return connector === "" ? null : encodePlace({ key: { connector, stream: "" }, number: 0 });
}
