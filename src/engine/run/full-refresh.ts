import { TidemarkError } from "../../errors.ts";
import { formatStreamKey } from "../../model/stream-key.ts";
import type { StateStore } from "../../state/contract.ts";
import type { OutputSession, Pipeline } from "../ports.ts";

/**
 * Throws for a full refresh into an output that appends and still holds what earlier runs delivered: every record would
 * be in it twice.
 */
export async function assertNotAppendingAgain(
  { key, output }: Pipeline,
  session: OutputSession,
  state: StateStore,
): Promise<void> {
  if (!output.appends) return;
  const hasRun = (await session.fencedEpoch()) > 0 || ((await state.get(key))?.epoch ?? 0) > 0;
  // An output without `holdsRecords` counts as holding what was delivered.
  if (!hasRun || (await session.holdsRecords?.()) === false) return;
  throw new TidemarkError(
    "ARGUMENT_INVALID",
    "a full refresh reads everything again, and this output appends: what it holds of earlier runs would be in it twice",
    {
      stream: formatStreamKey(key),
      hint: "Empty the output first: delete the table's rows, or move the file and its `.tidemark` folder away. If records shall be added again all the same, use `--append-again` (in code: `appendAgain: true`).",
    },
  );
}
