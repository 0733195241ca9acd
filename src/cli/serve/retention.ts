import type { Clock } from "../../clock.ts";
import { messageOf } from "../../errors.ts";
import type { Log } from "../../observability/log.ts";
import type { StateStore } from "../../state/contract.ts";
import type { Retention } from "../../state/retention.ts";

const everyMs = 60 * 60 * 1000;

/** What a command line says of how much history is kept. */
export interface RetentionSettings {
  readonly keepRuns: number;
  readonly keepDays?: number;
}

export function retentionOf({ keepRuns, keepDays }: RetentionSettings): Retention {
  return keepDays === undefined ? { keepRuns } : { keepRuns, maxAgeDays: keepDays };
}

/** The states whose history is kept short, asked for each time. */
interface Kept {
  readonly opened: readonly { readonly url: string; readonly state: StateStore }[];
}

/**
 * Deletes old runs from the history, now and every hour until the signal aborts. State in a remote service is left to
 * that service. Several processes on one state may do this at the same time: what is deleted depends only on the
 * history.
 */
export async function keepHistoryShort(
  states: Kept,
  retention: Retention,
  { clock, log, signal }: { readonly clock: Clock; readonly log: Log; readonly signal: AbortSignal },
): Promise<void> {
  while (!signal.aborted) {
    for (const { url, state } of states.opened) {
      if (signal.aborted) return;
      if (/^https?:/i.test(url)) continue;
      try {
        const { runs } = await state.prune(retention);
        if (runs > 0) log.info({ runs }, "old runs were deleted from the history");
      } catch (error) {
        if (!signal.aborted) log.warn({ error: messageOf(error) }, "the history could not be shortened");
      }
    }
    await clock.sleep(everyMs, signal, { background: true }).catch(() => {});
  }
}
