import type { StateStore } from "../../src/state/contract.ts";

/** What the tests of state that was changed outside Tidemark have in common. */

export const key = { connector: "sap_eu", stream: "default" };
export const other = { connector: "sap_us", stream: "default" };
export const byHand = { reason: "it was me", actor: "ada" };

export const empty = { watermark: null, secondaryCursors: {}, window: null, tieSet: [], coverage: [] };

export function moves(watermark: string, ...partitions: string[]) {
  return partitions.map((partition) => ({ partition, position: { ...empty, watermark } }));
}

export async function runTo(store: StateStore, newCursor: string, of = key): Promise<void> {
  await store.complete(await store.begin(of, { cursorType: "numeric_id" }), { newCursor });
}
