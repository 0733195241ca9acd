/** Where one peer does one job: everything in it is its own, and empty before the first run. */
export interface Place {
  /** The source's origin; records are at `/records`. */
  readonly origin: string;
  readonly folder: string;
  /** An empty database of its own; only for the job `postgres`. */
  readonly postgresUrl: string;
}
