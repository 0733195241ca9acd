/** What a run has shown of the lower bound that its source was sent. */
export interface BoundOutcome {
  /** Where the stream stood, or the first of its partitions, and the bound of the window; null where nothing was expected. */
  readonly watermark: string | null;
  readonly lower: string | null;
  /**
   * What came by the bound: a record at the watermark or below it, only others, or nothing at all. `unknown` where
   * nothing was to be expected, as where the record was changed since.
   */
  readonly found: "watermark" | "others" | "nothing" | "unknown";
  /** The lowest of the records that lie below the lowest value which the source may answer with, and the bound that it was asked from. */
  readonly below: { readonly cursor: string; readonly lower: string } | null;
}
