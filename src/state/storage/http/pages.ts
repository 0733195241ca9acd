import type { Listing } from "../../contract.ts";

/** A page of the service as a listing. */
export function listingOf<Wire, Item>(
  page: { readonly items: readonly Wire[]; readonly next_cursor: string | null },
  fromWire: (item: Wire) => Item,
): Listing<Item> {
  return { items: page.items.map(fromWire), next: page.next_cursor };
}

/** A listing of up to `limit` items, asked for at most `most` at a time. */
export async function gathered<Item>(
  limit: number,
  most: number,
  after: string | undefined,
  ask: (page: { limit: number; cursor: string | undefined }) => Promise<Listing<Item>>,
): Promise<Listing<Item>> {
  const items: Item[] = [];
  let cursor = after;
  for (;;) {
    const page = await ask({ limit: Math.min(most, limit - items.length), cursor });
    items.push(...page.items);
    if (page.next === null || page.items.length === 0 || items.length >= limit)
      return { items, next: page.next };
    cursor = page.next;
  }
}
