import type { Clock } from "../../clock.ts";
import { messageOf } from "../../errors.ts";
import type { Log } from "../../observability/log.ts";
import type { Retention } from "../../state/contract.ts";
import type { States } from "./states.ts";

const everyMs = 60 * 60 * 1000;

/**
 * Deletes from the history of runs what is not to be kept, now and every hour until the signal aborts.
 * State that is served from elsewhere is left to whoever serves it.
 */
export async function keepHistoryShort(
  states: States,
  retention: Retention,
  { clock, log, signal }: { readonly clock: Clock; readonly log: Log; readonly signal: AbortSignal },
): Promise<void> {
  while (!signal.aborted) {
    for (const { url, state } of states.opened) {
      if (/^https?:/i.test(url)) continue;
      try {
        const { runs } = await state.prune(retention);
        if (runs > 0) log.info({ runs }, "old runs were deleted from the history");
      } catch (error) {
        log.warn({ error: messageOf(error) }, "the history could not be shortened");
      }
    }
    await clock.sleep(everyMs, signal, { background: true }).catch(() => {});
  }
}
