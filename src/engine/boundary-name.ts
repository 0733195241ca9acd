/** Tells boundary keys apart. */
export function boundaryName(cursor: string, identity: string): string {
  return `${cursor}\n${identity}`;
}
