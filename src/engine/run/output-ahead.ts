import type { CursorType } from "../../model/cursor.ts";
import { formatStreamKey, type StreamKey } from "../../model/stream-key.ts";
import type { Run, StateStore } from "../../state/contract.ts";
import type { CommitPosition } from "../ports.ts";

/** After a crash, the output is ahead of the state by a run that the state knows; it is among the newest runs. */
const newestRuns = 100;

/**
 * The warning for a state that was lost or restored to an older one: the output's commit position is of a run that the
 * state does not know. Null after a crash between the output's commit and the state's, which is normal.
 */
export async function outputAheadWarning(
  state: StateStore,
  key: StreamKey,
  commitPosition: CommitPosition,
  known: string | null,
  partition?: string,
): Promise<string | null> {
  const { items } = await state.runs(key, { limit: newestRuns });
  if (items.some(({ kind, epoch }) => kind === "live" && epoch === commitPosition.epoch)) return null;
  const what = partition === undefined ? "the stream" : `partition ${partition}`;
  return (
    `the state has ${known ?? "no watermark"} for ${what}, and the output ${holdsMore(commitPosition, known)}: ` +
    "the state was lost or restored to an older one; the run goes on from the output's position"
  );
}

function holdsMore({ position: { watermark, window } }: CommitPosition, known: string | null): string {
  if (watermark !== null && watermark !== known) return `holds more, up to ${watermark}`;
  return window === null
    ? "was last written to by a run that the state does not know"
    : "holds more, of a window that is not finished";
}

/**
 * Whether the state had no row for the stream and started it over (as after its state file was removed) while the
 * output holds what earlier runs delivered. A hand edit has a warning of its own.
 */
export function startsOver(
  { kind, edited, position, positionTag, epoch }: Run,
  commitPosition: CommitPosition | null,
): commitPosition is CommitPosition {
  const isFresh = position.watermark === null && positionTag.epoch === epoch && positionTag.sequence === 0;
  return (
    kind === "live" && isFresh && edited === undefined && commitPosition !== null && isFilled(commitPosition)
  );
}

function isFilled({ position: { watermark, window, coverage, tally } }: CommitPosition): boolean {
  return watermark !== null || window !== null || coverage.length > 0 || (tally?.records ?? 0) > 0;
}

/** The warning for a stream that starts over because its state is gone. */
export function startingOverWarning(
  { key }: Pick<Run, "key">,
  { position }: CommitPosition,
  cursorType: CursorType | null,
  partition?: string,
): string {
  const { connector, stream } = key;
  const reached = position.watermark ?? position.coverage.at(-1)?.upper;
  const part = partition === undefined ? "" : `partition ${partition} of `;
  const type = cursorType === null ? "" : ` --type ${cursorType}`;
  const to = `${reached ?? "VALUE"}${type}${partition === undefined ? "" : ` --partition '${partition}'`}`;
  return (
    `the state has nothing of ${part}${formatStreamKey(key)}, and the output holds what was delivered before` +
    `${reached === undefined ? "" : `, up to ${reached}`}: it starts over, and an output that appends gets those records again. ` +
    "If this is not what you want, stop the run, or restore the output if it has ended; then restore the state from a backup, " +
    `or set the watermark before the next run: tidemark state set ${connector} ${stream} ${to} --reason "…"`
  );
}
