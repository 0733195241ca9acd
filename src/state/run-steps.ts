import type { StreamKey } from "../model/stream-key.ts";
import { type ComparedRow, comparedRow, loaded } from "./compared-row.ts";
import type { PartitionMove, RunRef } from "./contract.ts";
import { editedByHand, withTaken } from "./outside.ts";
import { streamNotFound } from "./refusals.ts";
import type { Change, EditPolicy, StreamRow } from "./rows.ts";
import type { Rows } from "./state-storage.ts";
import { got, type Work } from "./work.ts";

/** What the steps of a run share: the row that they act on, and how a change is stored. */

export type HeldRow = Pick<ComparedRow, "row" | "stored" | "audit">;

/** The row of a run's step. Backfills have no log, since they have no live watermark. */
export function* heldRow(rows: Rows, key: StreamKey, scope: string, edits: EditPolicy): Work<HeldRow> {
  if (scope !== "") return loaded(yield* got(rows.load(key, scope)));
  return yield* comparedRow(rows, key, { edits, reason: editedByHand });
}

/** Stores what a step has changed; returns the row as it is stored then. */
export function* stepped(
  rows: Rows,
  key: StreamKey,
  { row, stored, audit, change }: HeldRow & { readonly change: Change | null },
): Work<StreamRow> {
  if (change !== null) return yield* got(rows.store(withTaken(change, { audit }), stored));
  if (row === null) throw streamNotFound(key);
  return row;
}

export function namesOf(moves: readonly PartitionMove[] = []): string[] {
  return moves.map(({ partition }) => partition);
}

/** The partitions of which a backfill's step adds to what backfills covered. */
export function coveredBy({ kind }: RunRef, moves: readonly PartitionMove[] | undefined): string[] {
  return kind === "backfill" ? namesOf(moves) : [];
}
