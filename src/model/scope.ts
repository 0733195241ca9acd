/**
 * The scope of one partition, from the scope of its stream (`""`) or of a backfill (`backfill/ID`). State and outputs
 * keep a row for each under it.
 */
export function partitionScope(scope: string, partition: string): string {
  return scope === "" ? `partition/${partition}` : `${scope}/partition/${partition}`;
}
