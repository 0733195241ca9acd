import type { Listing, StateStore, StreamState } from "../state/contract.ts";
import { encodePlace, mostListed } from "../state/listing.ts";
import { firstVisible, isPastVisible, maySee, type Principal } from "./access.ts";

interface ListOptions {
  readonly after?: string;
  readonly limit?: number;
  readonly connector?: string;
}

/**
 * A page of the streams that a key may see. What it may not see leaves no trace: the pages are full,
 * and the place at which the next begins is that of a stream of the key's own.
 */
export async function listVisible(
  state: StateStore,
  principal: Principal,
  options: ListOptions,
): Promise<Listing<StreamState>> {
  if (principal.connectors === null) return state.list(options);
  const { connector, limit = 100 } = options;
  if (connector !== undefined) {
    return maySee(principal, connector) ? state.list(options) : { items: [], next: null };
  }
  const found: StreamState[] = [];
  let after: string | null = options.after ?? start(principal);
  // One more than is asked for tells whether anything follows.
  while (found.length <= limit) {
    const page: Listing<StreamState> = await state.list({
      ...(after === null ? {} : { after }),
      limit: Math.min(mostListed, Math.max(limit, 100) + 1),
    });
    found.push(...page.items.filter(({ key }) => maySee(principal, key.connector)));
    after = page.next;
    const last = page.items.at(-1);
    if (after === null || last === undefined || isPastVisible(principal, last.key.connector)) break;
  }
  const items = found.slice(0, limit);
  const end = items.at(-1);
  const more = found.length > limit && end !== undefined;
  return { items, next: more ? encodePlace({ key: end.key, number: 0 }) : null };
}

/** Just before the first stream that the key may see. */
function start(principal: Principal): string | null {
  const connector = firstVisible(principal);
  return connector === "" ? null : encodePlace({ key: { connector, stream: "" }, number: 0 });
}
