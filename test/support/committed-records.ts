import type { Committed } from "../../src/engine/ports.ts";
import type { SourceRecord } from "../../src/model/record.ts";
import { commitOf, fenced, KeptRefusals, type Place } from "./database-output.ts";

/** One commit of these records, and what it came to. */
export async function commitWith(
  place: Place,
  records: readonly SourceRecord[],
  options: Parameters<Place["open"]>[0] = {},
): Promise<{ committed: Committed | undefined; refusals: KeptRefusals }> {
  const refusals = new KeptRefusals();
  const session = await fenced(place, { refusals, ...options });
  await session.write({ records });
  const committed = (await session.commit(commitOf())) ?? undefined;
  await session.close();
  return { committed, refusals };
}
