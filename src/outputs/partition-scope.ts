/** The scope under which an output keeps the commit position of one partition of a stream. */
export function partitionScope(scope: string, partition: string): string {
  return scope === "" ? `partition/${partition}` : `${scope}/partition/${partition}`;
}
