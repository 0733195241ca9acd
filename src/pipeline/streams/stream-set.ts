import type { Pipeline } from "../../engine/ports.ts";
import type { Diagnostic } from "../diagnostics.ts";
import type { DeclaredSchedule } from "../schedule.ts";

/** The streams of one pipeline that lists them. */
export interface StreamSet<Stream extends Pipeline = Pipeline> {
  /** The pipeline's name. */
  readonly name: string;
  readonly connector: string;
  /** How many of its streams run at once. */
  readonly concurrency: number;
  /** The streams that are known without asking the source, in the order in which they are declared. */
  readonly written: readonly Stream[];
}

/** The streams of one document of a file. */
export interface LoadedSet extends StreamSet<LoadedPipeline> {
  readonly file: string;
  /** The pipeline's own state (`storagePath`); null where it has none. */
  readonly stateUrl: string | null;
}

/** A pipeline as it was read from a file, ready to run. */
export interface LoadedPipeline extends Pipeline {
  readonly file: string;
  /** When `tidemark start` runs it; null where it declares nothing. */
  readonly schedule: DeclaredSchedule | null;
  /** The pipeline's own state (`storagePath`); null where it has none. */
  readonly stateUrl: string | null;
  /** Warnings, which do not keep it from running. What concerns several streams of a set is with the first of them. */
  readonly warnings: readonly Diagnostic[];
  /** The streams of its document; null where the document is of one stream. */
  readonly set: LoadedSet | null;
}
