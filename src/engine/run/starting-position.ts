import { TidemarkError } from "../../errors.ts";
import type { Position } from "../../model/position.ts";
import { formatStreamKey, type StreamKey } from "../../model/stream-key.ts";
import type { PositionTag } from "../../state/contract.ts";
import type { CommitPosition, Output, OutputSession } from "../ports.ts";

/** A run's starting position, and whether the state still has to store it. */
export interface StartingPosition {
  readonly position: Position;
  readonly adopted: boolean;
}

/** The state's position. */
export interface Known {
  readonly position: Position;
  readonly tag: PositionTag;
}

/**
 * Compares the positions that the state and the output hold of the stream, or of one partition; the newer write wins.
 * If the output is ahead, its last commit was not followed by the state's, or the state was lost: its position is
 * adopted. If the output is behind, it has lost rows that the state counts as delivered, and no later run would read
 * them again: `OUTPUT_LOST`. After a change of its place, an output need not know the positions of the place before.
 */
export async function startingPosition(
  key: StreamKey,
  known: Known,
  commitPosition: CommitPosition | null,
  output: Pick<Output, "guarantee"> & { readonly session: OutputSession; readonly moved: boolean },
  partition?: string,
): Promise<StartingPosition> {
  const { position, tag } = known;
  if (commitPosition !== null && isNewer(commitPosition, tag))
    return { position: commitPosition.position, adopted: true };
  const { watermark, tally, coverage } = position;
  const delivered = watermark !== null || coverage.length > 0 || (tally?.records ?? 0) > 0;
  if (tag.sequence > 0 && delivered && output.guarantee === "exactly-once" && !output.moved) {
    if (commitPosition === null || isNewer(tag, commitPosition)) {
      const isFilled = commitPosition === null && (await output.session.holdsRecords?.()) === true;
      throw outputLost(key, position, commitPosition, isFilled, partition);
    }
  }
  return { position, adopted: false };
}

function isNewer(a: PositionTag, b: PositionTag): boolean {
  return a.epoch > b.epoch || (a.epoch === b.epoch && a.sequence > b.sequence);
}

function outputLost(
  key: StreamKey,
  { watermark, tally, coverage }: Position,
  commitPosition: CommitPosition | null,
  isFilled: boolean,
  partition: string | undefined,
): TidemarkError {
  const stream = formatStreamKey(key);
  const what = partition === undefined ? stream : `partition ${partition} of ${stream}`;
  const holds =
    commitPosition === null
      ? "has no record of it"
      : `is at ${commitPosition.position.watermark ?? "its beginning"}`;
  const records =
    coverage.length > 0 ? `what lies up to ${coverage.at(-1)?.upper}` : `${tally?.records ?? 0} records`;
  const delivered = watermark === null ? records : `everything up to ${watermark}`;
  const { connector, stream: name } = key;
  const again = isFilled ? afterLostCommitPosition(key) : afterRecords(key);
  const which = partition === undefined ? "" : ` --partition '${partition}'`;
  const set = `tidemark state set ${connector} ${name} ${watermark}${which} --reason "…"`;
  return new TidemarkError(
    "OUTPUT_LOST",
    `the state says that ${delivered} of ${what} was delivered, and the output ${holds}`,
    {
      stream,
      hint: watermark === null ? again : `${again} To go on from here all the same: ${set}`,
    },
  );
}

/** The hint where records are missing from the output. */
function afterRecords({ connector, stream }: StreamKey): string {
  return (
    `To read again what the output lacks, and no more: tidemark state rewind ${connector} ${stream} ` +
    `--to-output PIPELINE.yaml --reason "…". Or restore the output, or read everything again with --full-refresh.`
  );
}

/**
 * The hint where the output has records but has lost its commit positions, so that it is unknown which records it
 * lacks.
 */
export function afterLostCommitPosition({ connector, stream }: StreamKey): string {
  return (
    "The output holds records, and its commit position is gone, which says up to where. Restore it from a backup: the " +
    "`.tidemark` folder next to a file, the `_tidemark_` tables of a database. To fill the output anew, first empty it: move " +
    "the file and its `.tidemark` folder away, or delete the table's rows; then " +
    `tidemark state rewind ${connector} ${stream} --to-output PIPELINE.yaml --reason "…". ` +
    "An output that upserts may be filled again as it is, with --full-refresh."
  );
}
