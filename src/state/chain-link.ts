/** A row of an audit log by its number and hash. */
export interface ChainLink {
  readonly number: number;
  readonly hash: string;
}

/** Before the first row. */
export const noLink: ChainLink = { number: 0, hash: "" };
