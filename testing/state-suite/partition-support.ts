import assert from "node:assert/strict";
import type { Position } from "../../src/model/position.ts";
import type { StreamKey } from "../../src/model/stream-key.ts";
import type { PartitionMove, PositionTag, RunRef, StateStore } from "../../src/state/contract.ts";
import { at, inOrder, key } from "./support.ts";

export const second = (n: number): string => `2026-01-01T00:00:${String(n).padStart(2, "0")}Z`;

interface More {
  readonly position?: Position;
  readonly correction?: string;
}

export async function move(
  store: StateStore,
  run: RunRef,
  sequence: number,
  partitions: readonly PartitionMove[],
  more: More = {},
): Promise<void> {
  await store.checkpoint(run, {
    sequence,
    position: at(null),
    recordsProcessed: sequence,
    partitions,
    ...more,
  });
}

export async function expectPartition(
  store: StateStore,
  partition: string,
  position: Position,
  positionTag: PositionTag,
  of: StreamKey = key,
): Promise<void> {
  const stored = await store.partition(of, partition);
  assert.ok(stored !== null, `nothing is stored of ${partition}`);
  assert.deepEqual(inOrder(stored.position), inOrder(position));
  assert.deepEqual(stored.positionTag, positionTag);
  assert.equal(stored.partition, partition);
}
