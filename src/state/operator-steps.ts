import { decodePosition } from "../model/position.ts";
import { formatStreamKey, type StreamKey } from "../model/stream-key.ts";
import type { ComparedRow } from "./compared-row.ts";
import type { OperatorAct, Reset, Rewind } from "./contract.ts";
import { type Destination, moveByOperator, resetPartition, resetTarget } from "./operator-acts.ts";
import { resetsPartitioned, rewindsPartitioned, runNotFound, streamNotFound } from "./refusals.ts";
import { withTies } from "./rewind-ties.ts";
import type { Change } from "./rows.ts";
import type { Rows } from "./state-storage.ts";
import { childRowsOf, earlierEnds, hasPartitions } from "./stored-rows.ts";
import { got, type Work } from "./work.ts";

/** What operators' acts read and what they change, as work on rows. */

export function* resetChange(
  rows: Rows,
  { row, stored }: ComparedRow,
  key: StreamKey,
  reset: Reset,
): Work<Change> {
  const { partition, actor, reason } = reset;
  const act = { now: yield* got(rows.now()), actor, action: "reset", reason } as const;
  if (partition !== undefined) {
    const wanted = { partitions: [partition], backfilled: [partition] };
    const childRows = yield* childRowsOf(rows, key, "", "take", wanted);
    return resetPartition(row, key, partition, reset, act, childRows);
  }
  if (reset.to !== null && (yield* hasPartitions(rows, row))) throw resetsPartitioned(key);
  const to = resetTarget(stored, key, reset, row?.position ?? null);
  return moveByOperator(row, key, to, act, yield* childRowsOf(rows, key, "", "take", {}));
}

export function* rewindChange(
  rows: Rows,
  { row, stored }: ComparedRow,
  key: StreamKey,
  { toRun: runId, actor, reason }: Rewind,
): Work<Change> {
  if (row === null || stored === null) throw streamNotFound(key);
  if (yield* got(rows.hasPartitions(key, "", 0))) throw rewindsPartitioned(key);
  const run = yield* got(rows.loadRun(key, runId));
  const end = run?.kind === "live" ? run.endPosition : null;
  if (end === null) throw runNotFound(key, runId);
  const ended = decodePosition(end, `run ${runId} of ${formatStreamKey(key)}`);
  const position = withTies(ended, row, yield* earlierEnds(rows, key, runId));
  const act = { now: yield* got(rows.now()), actor, action: "rewind", reason, runId } as const;
  const to = { position, cursorType: row.cursorType };
  return moveByOperator(row, key, to, act, yield* childRowsOf(rows, key, "", "take", {}));
}

export function* importChange(
  rows: Rows,
  { row }: ComparedRow,
  key: StreamKey,
  to: Destination,
  { actor, reason }: OperatorAct,
): Work<Change> {
  const partitions = (to.partitions ?? []).map(({ partition }) => partition);
  const act = { now: yield* got(rows.now()), actor, action: "import", reason } as const;
  return moveByOperator(row, key, to, act, yield* childRowsOf(rows, key, "", "take", { partitions }));
}
