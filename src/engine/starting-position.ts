import { TidemarkError } from "../errors.ts";
import type { Position } from "../model/position.ts";
import { formatStreamKey } from "../model/stream-key.ts";
import type { PositionTag, Run } from "../state/contract.ts";
import type { Mark, Output } from "./ports.ts";

/** Where a run starts, and whether the state has yet to be told. */
export interface Start {
  readonly position: Position;
  readonly adopted: boolean;
}

/**
 * Compares what the state and the output each know of the stream; the newer write wins. An output
 * that is ahead took its last commit when the state did not, or the state was lost: its position is
 * adopted. An output that is behind has lost rows which the state counts as delivered, and nothing
 * read from here on would bring them back: that is refused as `OUTPUT_LOST`.
 */
export function startingPosition(run: Run, mark: Mark | null, output: Output): Start {
  const known = run.positionTag;
  if (mark !== null && isNewer(mark, known)) return { position: mark.position, adopted: true };
  const { watermark, tally } = run.position;
  const written = known.sequence > 0 && (watermark !== null || (tally?.records ?? 0) > 0);
  if (written && output.guarantee === "exactly-once" && (mark === null || isNewer(known, mark))) {
    throw outputLost(run, mark);
  }
  return { position: run.position, adopted: false };
}

function isNewer(a: PositionTag, b: PositionTag): boolean {
  return a.epoch > b.epoch || (a.epoch === b.epoch && a.sequence > b.sequence);
}

function outputLost(run: Run, mark: Mark | null): TidemarkError {
  const stream = formatStreamKey(run.key);
  const { watermark, tally } = run.position;
  const holds =
    mark === null ? "has no record of the stream" : `stands at ${mark.position.watermark ?? "its beginning"}`;
  const delivered = watermark === null ? `${tally?.records ?? 0} records` : `everything up to ${watermark}`;
  const again = "Restore the output, or read everything again with --full-refresh";
  const { connector, stream: name } = run.key;
  return new TidemarkError(
    "OUTPUT_LOST",
    `the state says that ${delivered} of ${stream} was delivered, and the output ${holds}`,
    {
      stream,
      hint:
        watermark === null
          ? `${again}.`
          : `${again}. To go on from here all the same: tidemark state set ${connector} ${name} ${watermark} --reason "…"`,
    },
  );
}
