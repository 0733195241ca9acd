/** Under which lane an output keeps the mark of one partition of a lane's stream. */
export function partitionLane(lane: string, partition: string): string {
  return lane === "" ? `partition/${partition}` : `${lane}/partition/${partition}`;
}
