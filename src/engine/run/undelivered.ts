import type { SourceRecord } from "../../model/record.ts";
import type { OutputSession } from "../ports.ts";
import type { Admitted } from "../tracking/cursor-tracker.ts";
import type { StoredRange } from "../tracking/range.ts";

/** The admitted records of a page that the output does not yet hold from an earlier attempt at this window. */
export interface Undelivered extends Admitted {
  /** Those left out, since an earlier run delivered them from a page that it did not finish. */
  readonly known: readonly SourceRecord[];
}

/** Asks the output which records of an unfinished window it holds, as far as they may be among those admitted. */
export class DeliveryFilter {
  readonly #session: Pick<OutputSession, "delivered" | "keepsDelivered">;
  /** Whether the output knew of deliveries when the run began; null before it was asked. */
  #keptBefore: boolean | null = null;

  constructor(session: Pick<OutputSession, "delivered" | "keepsDelivered">) {
    this.#session = session;
  }

  async undelivered(
    admitted: Admitted,
    { partition, taken: takenBefore }: StoredRange,
  ): Promise<Undelivered> {
    const session = this.#session;
    const { records, deliveries, surelyNew } = admitted;
    if (deliveries === null || deliveries.length === 0 || session.delivered === undefined) {
      const { fresh, known } = takenBefore.part(records);
      return { ...admitted, records: fresh, known, deliveries: null };
    }
    // The same key in another partition is another record.
    const named = partition === null ? deliveries : deliveries.map((delivery) => `${delivery}@${partition}`);
    this.#keptBefore ??= (await session.keepsDelivered?.()) ?? true;
    if (!this.#keptBefore && surelyNew === true) return { ...admitted, known: [], deliveries: named };
    const known = await session.delivered(named);
    const taken = new Set<string>();
    const fresh = records.filter((_, index) => {
      const delivery = named[index];
      if (delivery === undefined || known.has(delivery) || taken.has(delivery)) return false;
      taken.add(delivery);
      return true;
    });
    return { ...admitted, records: fresh, known: [], deliveries: [...taken] };
  }
}
