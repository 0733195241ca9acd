/** What a run has shown of the lower bound that its source was sent. */
export interface BoundOutcome {
  /**
   * The watermark of the stream, or of its first partition, and the bound of the window; null where no record was
   * expected.
   */
  readonly watermark: string | null;
  readonly lower: string | null;
  /**
   * What the request with the bound returned: a record at the watermark or below it, only later ones, or nothing.
   * `unknown` where no such record was expected, for example because it was changed since.
   */
  readonly found: "watermark" | "others" | "nothing" | "unknown";
  /** The lowest of the records that lie below the lowest value which the source may answer with, and the bound that it was asked from. */
  readonly below: { readonly cursor: string; readonly lower: string } | null;
}
