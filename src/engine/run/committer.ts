/** How a run commits. */
export interface Committer {
  /** Throws where the run has lost its stream. Called before a batch is sent to the output. */
  confirm(): Promise<void>;
  /** Makes everything written so far durable. `disorder` says how the declared order was broken. */
  checkpoint(disorder: string | null): Promise<void>;
  /** For outputs that give receipts: makes durable what a page has delivered so far. */
  checkpointInside?(disorder: string | null): Promise<void>;
}
